"""The picture of an evaluation, whatever the task."""

from collections.abc import Mapping
from typing import Any

from forebay.console.canvas import png
from forebay.console.words import counted
from forebay.trainer.metrics.binary import BinaryPredictions
from forebay.trainer.metrics.by_task import Predictions
from forebay.trainer.metrics.regression import RegressionPredictions
from forebay.trainer.plots.binary import draw_binary
from forebay.trainer.plots.multiclass import draw_multiclass
from forebay.trainer.plots.regression import draw_regression


def draw(predictions: Predictions, report: Mapping[str, Any]) -> bytes:
    """Returns a PNG of a model's predictions against the labels.

    Args:
        predictions: the predictions for all rows of a split.
        report: what was measured of them, by `evaluate`.
    """
    title = (
        f"{report['dataset']}: {report['label']}, {report['split']} split, "
        f"{counted(report['rows'], 'row')}"
    )
    match predictions:
        case RegressionPredictions():
            return png(draw_regression(predictions, report, title))
        case BinaryPredictions():
            return png(draw_binary(predictions, report, title))
        case _:
            return png(draw_multiclass(predictions, report, title))
