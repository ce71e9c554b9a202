"""Training steps, compiled: many at a time, each on one batch of every worker."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from trainer.losses import RowLosses
from trainer.team import Team
from trainer.updater import Updater
from trainer.waiting import timed_next

# One step in so many measures how long it waits for its rows: measuring takes time, too.
TIMED = 10

RunSteps = Callable[[Iterator[Any], tf.Tensor], tuple[tf.Tensor, ...]]


def compiled_steps(
    team: Team, model: keras.Model, updater: Updater, losses_of: RowLosses
) -> RunSteps:
    """Returns a function that takes steps until one's loss is not finite.

    The function takes an iterator of batches and how many steps to take, int32 (). It returns how
    many it took, int32 (); the sum of their losses, float32 (), penalties left out; and how long
    they waited for rows, float64 (), seconds, by every `TIMED`-th of them. The step whose loss is
    not finite is not taken, by no worker: the weights are those before it.
    """

    def gradients_of(inputs: Any, label: tf.Tensor, weight: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            losses = weight * losses_of(label, model(inputs, training=True))
            loss = tf.reduce_mean(losses) / team.size
            penalised = tf.add_n([loss, *(penalty / team.size for penalty in model.losses)])
        # A model of the user's own may have weights that its answer does not depend on.
        zero = tf.UnconnectedGradients.ZERO
        return team.total((loss, tape.gradient(penalised, updater.weights, None, zero)))

    @tf.function
    def run_steps(batches: Iterator[Any], count: tf.Tensor) -> tuple[tf.Tensor, ...]:
        taken, total, waited = tf.constant(0), tf.constant(0.0), tf.constant(0.0, tf.float64)
        for i in tf.range(count):
            if i % TIMED == 0:
                batch, seconds = timed_next(batches)
                waited += seconds * TIMED
            else:
                batch = next(batches)
            loss, gradients = team.run(gradients_of, *batch)
            if not tf.math.is_finite(loss):
                break
            updater.apply(gradients)
            taken += 1
            total += loss
        return taken, total, waited

    return run_steps  # type: ignore[no-any-return]
