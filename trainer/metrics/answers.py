"""A model's answers to rows, of whatever task."""

from trainer.metrics.binary import BinaryAnswers
from trainer.metrics.multiclass import MulticlassAnswers
from trainer.metrics.regression import RegressionAnswers

Answers = RegressionAnswers | BinaryAnswers | MulticlassAnswers
