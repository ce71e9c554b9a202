"""Training steps, compiled: many at a time, each on one batch of every worker."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from trainer.statistics import TrainStatistics
from trainer.team import Team
from trainer.updater import Updater
from transforms.labels import Task

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
RunSteps = Callable[[Iterator[Any], tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def loss_function(task: Task, statistics: TrainStatistics) -> Loss:
    """Returns the mean loss of a batch, a function of labels and scores, float32 (batch,) each.

    For a regression it is the squared error of the standardised label.
    """
    if task == "binary_classification":
        return lambda label, score: tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(labels=label, logits=score)
        )
    mean = tf.constant(statistics.label.mean[0], tf.float32)
    deviation = tf.constant(statistics.label.usable_deviation[0], tf.float32)
    return lambda label, score: tf.reduce_mean(tf.square((label - mean) / deviation - score))


def compiled_steps(team: Team, model: keras.Model, updater: Updater, loss_of: Loss) -> RunSteps:
    """Returns a function that takes steps until one's loss is not finite.

    The function takes an iterator of batches and how many steps to take, int32 (). It returns how
    many it took, int32 (), and the sum of their losses, float32 (), penalties left out. The step
    whose loss is not finite is not taken, by no worker: the weights are those before it.
    """

    def gradients_of(inputs: Any, label: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(label, model(inputs, training=True)) / team.size
            penalised = tf.add_n([loss, *(penalty / team.size for penalty in model.losses)])
        return team.total((loss, tape.gradient(penalised, updater.weights)))

    @tf.function
    def run_steps(batches: Iterator[Any], count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        taken, total = tf.constant(0), tf.constant(0.0)
        for _ in tf.range(count):
            inputs, label = next(batches)
            loss, gradients = team.run(gradients_of, inputs, label)
            if not tf.math.is_finite(loss):
                break
            updater.apply(gradients)
            taken += 1
            total += loss
        return taken, total

    return run_steps  # type: ignore[no-any-return]
