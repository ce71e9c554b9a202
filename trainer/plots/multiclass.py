"""Which classes are taken for which."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from forebay.console.canvas import MODEL, figure, plain
from forebay.trainer.metrics.arrays import Floats
from forebay.trainer.metrics.multiclass import MulticlassPredictions
from forebay.trainer.plots.binary import draw_calibration

# Numbers in the cells of larger matrices would not be readable.
_MOST_LABELLED = 15


def draw_multiclass(
    predictions: MulticlassPredictions, report: Mapping[str, Any], title: str
) -> Figure:
    """Draws the confusion matrix, each class's precision and recall, and the calibration."""
    height = max(4.8, min(12.0, 1.6 + 0.32 * len(predictions.classes)))
    drawn = figure(title, 17, height)
    confusion, classes, calibration = drawn.subplots(1, 3)
    metrics = report["metrics"]
    _confusion(confusion, predictions.confusion, predictions.classes, metrics["accuracy"])
    _classes(classes, predictions.classes, metrics["per_class"])
    draw_calibration(
        calibration, predictions.calibration,
        f"likeliest class: calibration error {metrics['calibration_error']:.4g}",
    )  # fmt: skip
    return drawn


def _confusion(axes: Axes, counts: Floats, classes: tuple[str, ...], accuracy: float) -> None:
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros_like(counts), where=rows > 0)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.figure.colorbar(image, ax=axes, label="share of the actual class's rows")
    places = range(len(classes))
    axes.set_xticks(places, classes, rotation=45, ha="right")
    axes.set_yticks(places, classes)
    if len(classes) <= _MOST_LABELLED:
        for i in places:
            for j in places:
                color = "white" if shares[i, j] > 0.5 else "black"
                text = f"{counts[i, j]:,.0f}"
                axes.text(j, i, text, ha="center", va="center", color=color, fontsize=8)
    axes.set(xlabel="called", ylabel="actual", title=f"accuracy {accuracy:.4f}")


def _classes(axes: Axes, classes: tuple[str, ...], found: Mapping[str, Any]) -> None:
    plain(axes)
    place = np.arange(len(classes))
    for shift, name, color in ((-0.18, "precision", MODEL), (0.18, "recall", "#2a9d5c")):
        values = [found[one][name] or 0.0 for one in classes]
        axes.barh(place + shift, values, height=0.36, color=color, label=name)
    axes.set_yticks(place, [f"{one} ({found[one]['rows']:,})" for one in classes])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), title="precision and recall by class (rows)")
    axes.legend(loc="lower right")
