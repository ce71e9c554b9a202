"""How long training waits for its rows, measured inside the compiled loop."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass
class Spent:
    """Where the time of a training's steps went; evaluations and checkpoints are not among them.

    Attributes:
        steps: seconds that the steps took.
        waiting: seconds of these in which they waited for their rows.
    """

    steps: float = 0.0
    waiting: float = 0.0

    @property
    def share(self) -> float:
        """The share of the steps' time that was waited, in [0, 1]; 0 where there were no steps."""
        return self.waiting / self.steps if self.steps else 0.0

    def add(self, steps: float, waiting: float) -> None:
        """Adds the seconds of some steps."""
        self.steps += steps
        self.waiting += waiting

    def to_json(self) -> dict[str, float]:
        """Returns plain values."""
        return {"steps": round(self.steps, 3), "waiting for rows": round(self.waiting, 3)}


def timed_next(batches: Iterator[Any]) -> tuple[Any, tf.Tensor]:
    """Takes a batch, and the time until it was there, as part of a compiled step.

    In a compiled loop a step begins when the one before has changed its weights: what this measures
    is time in which nothing is trained. It costs some 0.1 ms itself.

    Args:
        batches: the iterator.

    Returns:
        The batch, and float64 (), seconds.
    """
    begun = _now()
    with tf.control_dependencies([begun]):
        batch = next(batches)
    with tf.control_dependencies(tf.nest.flatten(batch)):
        return batch, _now() - begun


def _now() -> tf.Tensor:
    """The time in seconds, float64 ()."""
    # Not tf.timestamp: it is refused where TensorFlow's operations are to be deterministic.
    return tf.ensure_shape(tf.numpy_function(time.perf_counter, [], tf.float64), [])
