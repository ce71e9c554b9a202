"""How long training waits for its rows, measured inside the compiled loop."""

import time
from collections.abc import Iterator
from typing import Any, TypedDict

import tensorflow as tf

Seconds = TypedDict("Seconds", {"steps": float, "waiting for rows": float})


def timed_next(batches: Iterator[Any]) -> tuple[Any, tf.Tensor]:
    """Takes a batch, and the time until it was there, as part of a compiled function.

    Args:
        batches: the iterator.

    Returns:
        The batch, and float64 (), seconds.
    """
    begun = _clock([], stateful=True)  # else it would be read once, when the function is compiled
    with tf.control_dependencies([begun]):
        batch = next(batches)
    return batch, _now(batch) - begun


def time_after(late: Any, early: Any) -> tf.Tensor:
    """Returns how long after some tensors others are there, as part of a compiled function.

    Args:
        late: nested tensors.
        early: nested tensors.

    Returns:
        float64 (), seconds; 0 where they are there before.
    """
    return tf.maximum(_now(late) - _now(early), 0.0)


def _now(tensors: Any) -> tf.Tensor:
    """The time in seconds when all tensors are there, float64 ()."""
    values = [
        tensor.values if isinstance(tensor, tf.IndexedSlices) else tensor
        for tensor in tf.nest.flatten(tensors)
    ]
    # Stateful operations take turns: a reading would wait for the one before it, and seem late.
    return _clock([tf.reshape(value, [-1])[:1] for value in values], stateful=False)


def _clock(inputs: list[tf.Tensor], *, stateful: bool) -> tf.Tensor:
    # Not tf.timestamp: it is refused where TensorFlow's operations are to be deterministic.
    time_s = tf.numpy_function(
        lambda *_: time.perf_counter(), inputs, tf.float64, stateful=stateful
    )
    return tf.ensure_shape(time_s, [])
