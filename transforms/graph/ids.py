"""Ids: what every categorical feature comes to."""

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Ids:
    """Ids of a categorical feature.

    Attributes:
        values: int64 (batch,), or (batch, width) for lists, in [0, size).
        size: how many ids there are, that of a missing value or padding included; int64, known
            once the vocabularies are.
    """

    values: tf.Tensor
    size: tf.Tensor


def with_missing(values: tf.Tensor, count: tf.Tensor | int, missing: tf.Tensor) -> Ids:
    """Gives missing values the id after all others.

    Args:
        values: int64 (batch,), in [0, count) where known.
        count: how many ids known values have.
        missing: bool (batch,).
    """
    missing_id = tf.cast(count, tf.int64)
    return Ids(tf.where(missing, missing_id, values), missing_id + 1)
