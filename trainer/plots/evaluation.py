"""The picture of an evaluation, whatever the task."""

from collections.abc import Mapping
from typing import Any

from trainer.metrics.answers import Answers
from trainer.metrics.binary import BinaryAnswers
from trainer.metrics.regression import RegressionAnswers
from trainer.plots.binary import draw_binary
from trainer.plots.canvas import png
from trainer.plots.multiclass import draw_multiclass
from trainer.plots.regression import draw_regression


def draw(answers: Answers, report: Mapping[str, Any]) -> bytes:
    """Returns a PNG of a model's answers against the labels.

    Args:
        answers: to all rows of a split.
        report: what was measured of them, by `evaluate`.
    """
    title = (
        f"{report['dataset']}: {report['label']}, {report['split']} split, {report['rows']:,} rows"
    )
    match answers:
        case RegressionAnswers():
            return png(draw_regression(answers, report, title))
        case BinaryAnswers():
            return png(draw_binary(answers, report, title))
        case _:
            return png(draw_multiclass(answers, report, title))
