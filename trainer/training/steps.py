"""Training steps, compiled: many at a time, each on one batch of every worker."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from forebay.trainer.layers.losses import RowLosses, mean_losses
from forebay.trainer.optimizers.updater import Updater
from forebay.trainer.training.waiting import time_after, timed_next
from forebay.trainer.workers.team import Team

# One step in so many measures how long the next one waits for its rows: measuring takes time, too.
TIMED = 10


def compiled_steps(
    team: Team,
    model: keras.Model,
    updater: Updater,
    losses_of: RowLosses,
    finish: Callable[..., tuple[Any, tf.Tensor, tf.Tensor]],
) -> tf.types.experimental.PolymorphicFunction:
    """Returns a function that takes steps until one's loss is not finite.

    The model answers with the scores of its members, of which there may be one.

    The function takes an iterator of what is made ahead of the batches, which ``finish`` makes
    batches, and how many steps to take, int32 (), one at least. It returns how many it took,
    int32 (); the sum of their losses, float32 (), penalties left out; and how long they waited for
    rows after the step before, float64 (), seconds, by the first and every `TIMED`-th of them. The
    step whose loss is not finite is not taken, by no worker: the weights are those before it.
    """

    def gradients_of(*made: Any) -> Any:
        inputs, label, weight = finish(*made)
        with tf.GradientTape() as tape:
            losses = mean_losses(losses_of, label, model(inputs, training=True))
            loss = tf.reduce_mean(weight * losses) / team.size
            penalised = tf.add_n([loss, *(penalty / team.size for penalty in model.losses)])
        # A model of the user's own may have weights that its answer does not depend on.
        zero = tf.UnconnectedGradients.ZERO
        return team.total((loss, tape.gradient(penalised, updater.weights, None, zero)))

    @tf.function
    def run_steps(batches: Iterator[Any], count: tf.Tensor) -> tuple[tf.Tensor, ...]:
        taken, total = tf.constant(0), tf.constant(0.0)
        batch, waited = timed_next(batches)
        for i in tf.range(count):
            ahead = batch
            if i + 1 < count:
                ahead = next(batches)  # while this batch is trained on: neither needs the other
            loss, gradients = team.run(gradients_of, *batch)
            if not tf.math.is_finite(loss):
                break
            if i % TIMED == 0:
                waited += time_after(ahead, gradients) * TIMED
            updater.apply(gradients)
            taken += 1
            total += loss
            batch = ahead
        return taken, total, waited

    return run_steps
