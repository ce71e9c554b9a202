"""Missing values inside the transform graph."""

import tensorflow as tf

from forebay.transforms.definition.columns import MISSING_BYTES, MISSING_INT


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
