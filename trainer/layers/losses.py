"""What a model's scores cost, row by row."""

from collections.abc import Callable

import tensorflow as tf

from forebay.trainer.examples.statistics import TrainStatistics
from forebay.transforms.definition.labels import Task

RowLosses = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def row_losses(task: Task, statistics: TrainStatistics) -> RowLosses:
    """Returns the loss of each row, float32 (batch,), a function of labels and scores.

    For a regression it is the squared error of the standardised label; for classes it is the log
    loss, in nats. Labels are float32 (batch,), scores what `model.Models.score` answers.
    """
    if task == "binary_classification":
        return lambda label, score: tf.nn.sigmoid_cross_entropy_with_logits(label, score)
    if task == "multiclass_classification":
        return lambda label, score: tf.nn.sparse_softmax_cross_entropy_with_logits(
            tf.cast(label, tf.int32), score
        )
    mean = tf.constant(statistics.label.mean[0], tf.float32)
    deviation = tf.constant(statistics.label.usable_deviation[0], tf.float32)
    return lambda label, score: tf.square((label - mean) / deviation - score)
