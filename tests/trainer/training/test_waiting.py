"""Waiting for rows is measured, and the time of the steps themselves is not."""

from __future__ import annotations

import time

import keras
import pytest
import tensorflow as tf

from forebay.trainer.checkpoints.best_model import StepTimes
from forebay.trainer.optimizers.updater import Updater, WeightGroup
from forebay.trainer.training.steps import compiled_steps
from forebay.trainer.workers.team import alone

STEPS, PAUSE_S = 20, 0.05
# What a busy machine adds does not grow with the pauses: longer ones drown it.
SCALES = (1, 4, 16)


def pause(value: tf.Tensor, seconds: float) -> tf.Tensor:
    """The value itself, some seconds later."""

    def sleep(value: tf.Tensor) -> tf.Tensor:
        time.sleep(seconds)
        return value

    return tf.ensure_shape(tf.numpy_function(sleep, [value], value.dtype), value.shape)


@pytest.mark.parametrize(
    ("rows_s", "step_s", "least", "most"),
    [
        pytest.param(PAUSE_S, 0.0, 0.6, 1.0, id="slow rows"),
        pytest.param(0.0, PAUSE_S, 0.0, 0.1, id="slow steps"),
        pytest.param(2 * PAUSE_S, PAUSE_S, 0.3, 0.7, id="rows half as fast as steps"),
        pytest.param(PAUSE_S / 2, PAUSE_S, 0.0, 0.1, id="rows twice as fast as steps"),
    ],
)
def test_the_share_of_waiting(rows_s: float, step_s: float, least: float, most: float) -> None:
    shares = []
    for scale in SCALES:
        shares.append(measured_share(scale * rows_s, scale * step_s))
        if least <= shares[-1] <= most:
            return
    pytest.fail(f"{shares} at {SCALES} times the pauses are not within {least} to {most}")


def measured_share(rows_s: float, step_s: float) -> float:
    """The share of waiting in some steps, with rows and steps that take so many seconds each."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1), keras.layers.Flatten()])
    weights = tuple(model.trainable_variables)
    updater = Updater(weights, (WeightGroup("all", keras.optimizers.SGD(1e-3), weights),))

    def losses(label: tf.Tensor, score: tf.Tensor) -> tf.Tensor:
        return tf.square((pause(label, step_s) if step_s else label) - score)

    run_steps = compiled_steps(alone(), model, updater, losses, lambda *batch: batch)
    batch = tf.data.Dataset.from_tensors((tf.ones([4, 3]), tf.ones([4]), tf.ones([4]))).repeat()
    if rows_s:
        batch = batch.map(lambda x, label, weight: (x, pause(label, rows_s), weight))
    batches = iter(batch.prefetch(1))
    run_steps(batches, tf.constant(2))
    started = time.perf_counter()
    taken, _, waited = run_steps(batches, tf.constant(STEPS))
    step_times = StepTimes()
    step_times.add(time.perf_counter() - started, float(waited))
    assert int(taken) == STEPS
    return step_times.waiting / step_times.steps
