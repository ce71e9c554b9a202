"""A regression's predictions against its labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from forebay.console.canvas import MARK, MODEL, QUIET, figure, plain
from forebay.trainer.metrics.arrays import Floats
from forebay.trainer.metrics.regression import RegressionPredictions

# Axes leave out this share of the rows at either end, or a few extremes would hide the rest.
_TAIL = 0.001
_TENTHS = 10
# An axis that spans less of its largest number cannot be divided: rounding leaves too little.
_LEAST_SPAN, _NOTHING = 1e-6, 1e-200


def draw_regression(
    predictions: RegressionPredictions, report: Mapping[str, Any], title: str
) -> Figure:
    """Draws predictions against labels, errors against predictions, and how large errors are."""
    drawn = figure(title, 16, 4.8)
    against, bias, sizes = drawn.subplots(1, 3)
    name, metrics = report["label"], report["metrics"]
    _against(against, name, predictions, metrics)
    _bias(bias, name, predictions, metrics)
    _sizes(sizes, name, predictions, metrics)
    return drawn


def _against(
    axes: Axes, name: str, predictions: RegressionPredictions, metrics: Mapping[str, Any]
) -> None:
    low, high = _range(predictions.label, predictions.prediction)
    _hexagons(axes, predictions.label, predictions.prediction, (low, high, low, high))
    axes.plot([low, high], [low, high], color=MARK, linewidth=1, label="prediction = actual")
    explained = "" if metrics["r2"] is None else f", R² {metrics['r2']:.3f}"
    axes.set(
        xlabel=f"actual {name}", ylabel=f"predicted {name}",
        title=f"RMSE {metrics['rmse']:.4g}{explained}",
    )  # fmt: skip
    axes.legend(loc="upper left", framealpha=0.9)


def _bias(
    axes: Axes, name: str, predictions: RegressionPredictions, metrics: Mapping[str, Any]
) -> None:
    prediction, error = predictions.prediction, predictions.prediction - predictions.label
    _hexagons(axes, prediction, error, (*_range(prediction), *_range(error)))
    edges = np.unique(np.quantile(prediction, np.linspace(0, 1, _TENTHS + 1)))
    bins = np.clip(np.searchsorted(edges, prediction, "right") - 1, 0, max(len(edges) - 2, 0))
    rows = np.bincount(bins)
    filled = rows > 0
    x = np.bincount(bins, prediction)[filled] / rows[filled]
    y = np.bincount(bins, error)[filled] / rows[filled]
    axes.axhline(0, color=QUIET, linewidth=1)
    axes.plot(x, y, "o-", color=MARK, markersize=4, label="mean of a tenth of the rows")
    axes.set(
        xlabel=f"predicted {name}", ylabel="predicted - actual",
        title=f"mean error {metrics['mean_error']:.4g}",
    )  # fmt: skip
    axes.legend(loc="upper left", framealpha=0.9)


def _sizes(
    axes: Axes, name: str, predictions: RegressionPredictions, metrics: Mapping[str, Any]
) -> None:
    """The share of rows whose error is at most so large, and where half and 90 % of them are."""
    plain(axes)
    size = np.sort(np.abs(predictions.prediction - predictions.label))
    share = np.arange(1, len(size) + 1) / len(size)
    seen = np.linspace(0, len(size) - 1, min(len(size), 2_000)).astype(np.int64)
    axes.plot(size[seen], share[seen], color=MODEL)
    for quantile in (0.5, 0.9):
        at = float(np.quantile(size, quantile))
        axes.plot([at, at, 0], [0, quantile, quantile], color=QUIET, linewidth=1, linestyle="--")
        axes.annotate(
            f"{quantile:.0%} within {at:.3g}", (at, quantile), xytext=(6, -12),
            textcoords="offset points",
        )  # fmt: skip
    end = max(float(np.quantile(size, 0.995)), 1e-12)
    axes.set(
        xlabel=f"|predicted - actual|, {name}", ylabel="share of rows",
        title=f"MAE {metrics['mae']:.4g}", xlim=(0, end), ylim=(0, 1.02),
    )  # fmt: skip


def _range(*values: Floats) -> tuple[float, float]:
    low = min(float(np.quantile(v, _TAIL)) for v in values)
    high = max(float(np.quantile(v, 1 - _TAIL)) for v in values)
    largest = max(abs(low), abs(high))
    if high - low > max(_LEAST_SPAN * largest, _NOTHING):
        return low, high
    room = _LEAST_SPAN * largest if largest > _NOTHING else 1.0
    return low - room, high + room


def _hexagons(axes: Axes, x: Floats, y: Floats, extent: tuple[float, float, float, float]) -> None:
    inside = (x >= extent[0]) & (x <= extent[1]) & (y >= extent[2]) & (y <= extent[3])
    if not inside.any():
        return
    drawn = axes.hexbin(
        x[inside], y[inside], gridsize=60, extent=extent, bins="log", mincnt=1, cmap="viridis"
    )
    axes.figure.colorbar(drawn, ax=axes, label="rows")
