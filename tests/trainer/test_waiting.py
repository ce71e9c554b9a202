"""Waiting for rows is measured, and the time of the steps themselves is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import tensorflow as tf

from trainer.waiting import timed_next

STEPS, PAUSE_S = 12, 0.02


def pause(value: tf.Tensor, seconds: float) -> tf.Tensor:
    def sleep(value: tf.Tensor) -> tf.Tensor:
        time.sleep(seconds)
        return value

    return tf.ensure_shape(tf.py_function(sleep, [value], value.dtype), value.shape)


@pytest.mark.parametrize(
    ("rows_s", "step_s", "least", "most"),
    [
        pytest.param(PAUSE_S, 0.0, 0.8, 1.0, id="slow rows"),
        pytest.param(0.0, PAUSE_S, 0.0, 0.2, id="slow steps"),
        pytest.param(2 * PAUSE_S, PAUSE_S, 0.3, 0.7, id="rows half as fast as steps"),
    ],
)
def test_the_share_of_waiting(rows_s: float, step_s: float, least: float, most: float) -> None:
    weight = tf.Variable(0.0)

    @tf.function
    def run_steps(batches: Iterator[Any], count: tf.Tensor) -> tf.Tensor:
        waited = tf.constant(0.0, tf.float64)
        for _ in tf.range(count):
            batch, seconds = timed_next(batches)
            weight.assign_add(pause(batch, step_s) if step_s else batch)
            waited += seconds
        return waited

    rows = tf.data.Dataset.range(10_000).map(lambda i: tf.cast(i, tf.float32))
    if rows_s:
        rows = rows.map(lambda x: pause(x, rows_s))
    batches = iter(rows.prefetch(1))
    run_steps(batches, tf.constant(2))
    started = time.perf_counter()
    waited = float(run_steps(batches, tf.constant(STEPS)))
    share = waited / (time.perf_counter() - started)
    assert least <= share <= most
