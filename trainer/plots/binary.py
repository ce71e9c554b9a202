"""What probabilities are worth: every threshold at once, and whether they are what they say."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from forebay.console.canvas import MARK, MODEL, QUIET, figure, plain
from forebay.trainer.metrics.binary import BinaryPredictions
from forebay.trainer.metrics.calibration import Calibration
from forebay.trainer.metrics.curves import Cuts, roc_curve

# A curve of every distinct probability has more points than a picture can show.
_POINTS = 2_000


def draw_binary(predictions: BinaryPredictions, report: Mapping[str, Any], title: str) -> Figure:
    """Draws ROC and precision-recall curves, the calibration, and what thresholds do."""
    drawn = figure(title, 11, 9)
    (roc, precision), (calibration, thresholds) = drawn.subplots(2, 2)
    metrics, cuts = report["metrics"], predictions.cuts
    if cuts.positives and cuts.negatives:
        _roc(roc, cuts, metrics)
        _precision(precision, cuts, metrics)
        _thresholds(thresholds, cuts, metrics)
    else:
        for axes in (roc, precision, thresholds):
            axes.set_title("labels are all the same: no curve")
    draw_calibration(
        calibration, predictions.calibration,
        f"calibration error {metrics['calibration_error']:.4g}, "
        f"log loss {metrics['log_loss']:.4g}",
    )  # fmt: skip
    return drawn


def _roc(axes: Axes, cuts: Cuts, metrics: Mapping[str, Any]) -> None:
    plain(axes)
    false_rates, true_rates = roc_curve(cuts)
    seen = _seen(len(false_rates))
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle="--")
    axes.plot(false_rates[seen], true_rates[seen], color=MODEL)
    if (at := _at(cuts, metrics["threshold"])) is not None:
        _mark(axes, float(false_rates[at + 1]), float(true_rates[at + 1]), metrics["threshold"])
        axes.legend(loc="lower right", frameon=False)
    axes.set(
        xlabel="false positives / negatives", ylabel="true positives / positives",
        title=f"ROC: AUC {metrics['auc']:.4f}", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01),
    )  # fmt: skip


def _precision(axes: Axes, cuts: Cuts, metrics: Mapping[str, Any]) -> None:
    plain(axes)
    seen = _seen(len(cuts.scores))
    share = cuts.positives / (cuts.positives + cuts.negatives)
    axes.axhline(share, color=QUIET, linewidth=1, linestyle="--")
    axes.annotate(
        f"share of positives {share:.3g}", (0.01, share), xytext=(0, 3), textcoords="offset points",
        color=QUIET, fontsize=8,
    )  # fmt: skip
    axes.plot(cuts.recall[seen], cuts.precision[seen], color=MODEL, drawstyle="steps-pre")
    if (at := _at(cuts, metrics["threshold"])) is not None:
        _mark(axes, float(cuts.recall[at]), float(cuts.precision[at]), metrics["threshold"])
        axes.legend(loc="upper right", frameon=False)
    axes.set(
        xlabel="recall", ylabel="precision", xlim=(-0.01, 1.01), ylim=(-0.01, 1.03),
        title=f"precision and recall: average precision {metrics['average_precision']:.4f}",
    )  # fmt: skip


def draw_calibration(axes: Axes, bins: Calibration, title: str) -> None:
    """Draws what happened against what was said, a point for each bin of alike probabilities."""
    plain(axes)
    end = min(1.0, 1.08 * float(max(bins.probability.max(), bins.share.max())))
    end = end if end > 0 else 1.0
    axes.plot([0, end], [0, end], color=QUIET, linewidth=1, linestyle="--")
    axes.plot(bins.probability, bins.share, "o-", color=MODEL, markersize=5)
    rows = bins.rows
    text = f"{rows.min():,.0f}" if rows.min() == rows.max() else (
        f"{rows.min():,.0f} to {rows.max():,.0f}"
    )  # fmt: skip
    axes.annotate(
        f"each point: {text} rows", (0.03, 0.94), xycoords="axes fraction", color=QUIET, fontsize=9
    )
    axes.set(
        xlabel="mean probability of the point's rows", ylabel="share of them that came true",
        title=title, xlim=(-0.02 * end, 1.02 * end), ylim=(-0.02 * end, 1.02 * end),
    )  # fmt: skip


def _thresholds(axes: Axes, cuts: Cuts, metrics: Mapping[str, Any]) -> None:
    plain(axes)
    seen = _seen(len(cuts.scores))
    for name, values, color in (
        ("precision", cuts.precision, MODEL),
        ("recall", cuts.recall, "#2a9d5c"),
        ("F1", cuts.f1, "#e08a1e"),
    ):
        axes.plot(cuts.scores[seen], values[seen], color=color, label=name)
    axes.axvline(metrics["threshold"], color=MARK, linewidth=1)
    texts = [
        f"{name} {metrics[name]:.3f}"
        for name in ("precision", "recall", "f1")
        if metrics[name] is not None
    ]
    axes.legend(loc="best", frameon=False)
    axes.set(
        xlabel="threshold", xlim=(-0.01, 1.01), ylim=(-0.01, 1.03),
        title=f"at {metrics['threshold']:.3g}: {', '.join(texts)}",
    )  # fmt: skip


def _seen(points: int) -> Any:
    return np.unique(np.linspace(0, points - 1, min(points, _POINTS)).astype(np.int64))


def _at(cuts: Cuts, threshold: float) -> int | None:
    """Returns the last cut that calls all from the threshold on; None: there is no such row."""
    called = int((cuts.scores >= threshold).sum())
    return called - 1 if called else None


def _mark(axes: Axes, x: float, y: float, threshold: float) -> None:
    axes.plot([x], [y], "o", color=MARK, markersize=7, label=f"threshold {threshold:.3g}")
