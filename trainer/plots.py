"""Pictures of an evaluation, as PNG."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trainer.metrics import Floats, roc_curve
from transforms.dataset import Dataset
from transforms.labels import Classification

# Axes leave out this share of the rows at either end, or a few extremes would hide the rest.
_TAIL = 0.001
_BINS = 10


def draw(
    definition: Dataset, split: str, label: Floats, answer: Floats, metrics: Mapping[str, Any]
) -> bytes:
    """Returns a PNG of a model's answers against the labels.

    Args:
        definition: names the label.
        split: for the title.
        label: float64 (n,).
        answer: float64 (n,).
        metrics: of these rows, for the titles.
    """
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    name = definition.label.column
    figure.suptitle(f"{definition.name}: {name}, {split} split, {len(label):,} rows")
    if definition.label.task == "regression":
        _actual(left, name, label, answer, metrics)
        _residual(right, name, label, answer, metrics)
    elif isinstance(definition.label, Classification):
        _confusion(left, definition.label, label, answer, metrics)
        right.set_axis_off()
    else:
        _roc(left, label, answer, metrics)
        _calibration(right, label, answer, metrics)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _range(*values: Floats) -> tuple[float, float]:
    low = min(float(np.quantile(v, _TAIL)) for v in values)
    high = max(float(np.quantile(v, 1 - _TAIL)) for v in values)
    return (low, high) if low < high else (low - 1, high + 1)


def _hexagons(axes: Axes, x: Floats, y: Floats, extent: tuple[float, float, float, float]) -> None:
    inside = (x >= extent[0]) & (x <= extent[1]) & (y >= extent[2]) & (y <= extent[3])
    if not inside.any():
        return
    drawn = axes.hexbin(
        x[inside], y[inside], gridsize=60, extent=extent, bins="log", mincnt=1, cmap="viridis"
    )
    axes.figure.colorbar(drawn, ax=axes, label="rows")


def _actual(
    axes: Axes, name: str, label: Floats, answer: Floats, metrics: Mapping[str, Any]
) -> None:
    low, high = _range(label, answer)
    _hexagons(axes, label, answer, (low, high, low, high))
    axes.plot([low, high], [low, high], color="crimson", linewidth=1, label="prediction = actual")
    axes.set(
        xlabel=f"actual {name}", ylabel=f"predicted {name}", title=f"RMSE {metrics['rmse']:.4g}"
    )
    axes.legend(loc="upper left")


def _residual(
    axes: Axes, name: str, label: Floats, answer: Floats, metrics: Mapping[str, Any]
) -> None:
    residual = answer - label
    _hexagons(axes, answer, residual, (*_range(answer), *_range(residual)))
    edges = np.unique(np.quantile(answer, np.linspace(0, 1, _BINS + 1)))
    bins = np.clip(np.searchsorted(edges, answer, "right") - 1, 0, max(len(edges) - 2, 0))
    rows = np.bincount(bins)
    filled = rows > 0
    x = np.bincount(bins, answer)[filled] / rows[filled]
    y = np.bincount(bins, residual)[filled] / rows[filled]
    axes.plot(x, y, "o-", color="crimson", markersize=4, label="mean of a tenth of the rows")
    axes.axhline(0, color="grey", linewidth=1)
    axes.set(
        xlabel=f"predicted {name}", ylabel="predicted - actual",
        title=f"mean error {metrics['mean_error']:.4g}",
    )  # fmt: skip
    axes.legend(loc="upper left")


def _roc(axes: Axes, label: Floats, answer: Floats, metrics: Mapping[str, Any]) -> None:
    if metrics["auc"] is not None:
        axes.plot(*roc_curve(label, answer))
        axes.set_title(f"AUC {metrics['auc']:.4f}")
    else:
        axes.set_title("labels are all the same: no ROC curve")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.set(xlabel="false positives / negatives", ylabel="true positives / positives")


def _confusion(
    axes: Axes, label: Classification, actual: Floats, answer: Floats, metrics: Mapping[str, Any]
) -> None:
    k = len(label.classes)
    places = actual.astype(np.int64) * k + np.argmax(answer, axis=1)
    axes.imshow(np.bincount(places, minlength=k * k).reshape(k, k), cmap="viridis")
    axes.set_xticks(range(k), label.classes)
    axes.set_yticks(range(k), label.classes)
    axes.set(xlabel="likeliest class", ylabel="class", title=f"accuracy {metrics['accuracy']:.4f}")


def _calibration(axes: Axes, label: Floats, answer: Floats, metrics: Mapping[str, Any]) -> None:
    bins = np.minimum((answer * _BINS).astype(np.int64), _BINS - 1)
    rows = np.bincount(bins, minlength=_BINS)
    filled = rows > 0
    x = np.bincount(bins, answer, _BINS)[filled] / rows[filled]
    y = np.bincount(bins, label, _BINS)[filled] / rows[filled]
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot(x, y, "o-", color="crimson", markersize=4)
    for count, a, b in zip(rows[filled], x, y, strict=True):
        axes.annotate(f"{count:,}", (a, b), textcoords="offset points", xytext=(4, -10), fontsize=7)
    axes.set(
        xlabel="mean probability of a tenth of the scale", ylabel="share of positives",
        title=f"log loss {metrics['log_loss']:.4g}",
    )  # fmt: skip
