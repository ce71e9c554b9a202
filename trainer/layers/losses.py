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
    mean = tf.constant(statistics.label.offset[0], tf.float32)
    deviation = tf.constant(statistics.label.divisor[0], tf.float32)
    return lambda label, score: tf.square((label - mean) / deviation - score)


def mean_losses(losses_of: RowLosses, label: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Returns the loss of each row, the mean of its members' losses, float32 (batch,).

    Each member learns by its own error, not by that of their mean, which they would divide among
    them.

    Args:
        losses_of: the loss of rows of one member.
        label: float32 (batch,).
        scores: float32 (batch, members), or (batch, members, classes).
    """
    members = scores.shape[1]
    losses = losses_of(tf.repeat(label, members), tf.reshape(scores, (-1, *scores.shape[2:])))
    return tf.reduce_mean(tf.reshape(losses, (-1, members)), axis=1)
