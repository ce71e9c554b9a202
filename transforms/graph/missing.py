"""Missing values inside the transform graph."""

from collections.abc import Mapping

import tensorflow as tf

from transforms.columns import MISSING_BYTES, MISSING_INT
from transforms.pairs import Difference, Pair


def is_missing(x: tf.Tensor) -> tf.Tensor:
    """Tells which values are missing: bool, of the shape of ``x``; non-finite floats are."""
    if x.dtype == tf.string:
        return tf.equal(x, MISSING_BYTES)
    if x.dtype == tf.int64:
        return tf.equal(x, MISSING_INT)
    return tf.logical_not(tf.math.is_finite(x))


def known(x: tf.Tensor) -> tf.Tensor:
    """Returns the values that are there, in one dimension, for analyzers to look at."""
    return tf.boolean_mask(x, tf.logical_not(is_missing(x)))


def number(x: tf.Tensor) -> tf.Tensor:
    """Casts to float32, the pipeline's one declared cast; missing becomes NaN."""
    return tf.where(is_missing(x), float("nan"), tf.cast(x, tf.float32))


def operand(source: str | Pair, columns: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns what a feature is computed from, (batch,): a column, or the number of two columns.

    A pair is computed in float64 and comes out as float32, NaN where it is missing.
    """
    if not isinstance(source, Pair):
        return columns[source]
    left, right = columns[source.left], columns[source.right]
    missing = tf.logical_or(is_missing(left), is_missing(right))
    a, b = tf.cast(left, tf.float64), tf.cast(right, tf.float64)
    if isinstance(source, Difference):
        value = a - b
    else:
        missing = tf.logical_or(missing, tf.equal(b, 0.0))
        value = a / tf.where(missing, tf.ones_like(b), b)
    return tf.where(missing, float("nan"), tf.cast(value, tf.float32))
