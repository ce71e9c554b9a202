"""Missing values and precision inside the transform graph.

Features compute in float64: of Integer and Boolean columns and of numbers of several columns
exactly, of a Number as float32 has it. What comes out is float32.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from forebay.transforms.definition.columns import MISSING_BYTES, MISSING_INT

_GREATEST_FLOAT32 = float(np.finfo(np.float32).max)


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
    """Returns values as features compute with them, float64, NaN where one is missing.

    Args:
        x: int64; float32; or float64 of a number of several columns, which is not a number beyond
            float32's range, where it could not come out.
    """
    values = tf.cast(x, tf.float64)
    missing = is_missing(x)
    if x.dtype == tf.float64:
        missing = tf.logical_or(missing, tf.abs(values) > _GREATEST_FLOAT32)
    elif x.dtype == tf.float32:
        values = without_subnormal(values, tf.float32)
    return tf.where(missing, tf.constant(float("nan"), tf.float64), values)


def numbers(columns: Sequence[tf.Tensor]) -> tf.Tensor:
    """Stacks the `number` of columns, float64 (columns, batch), as few operations as it takes."""
    places: dict[tf.DType, list[int]] = {}
    for i, column in enumerate(columns):
        places.setdefault(column.dtype, []).append(i)
    stacked = [number(tf.stack([columns[i] for i in found])) for found in places.values()]
    order = [i for found in places.values() for i in found]
    return tf.gather(tf.concat(stacked, axis=0), np.argsort(order)) if stacked[1:] else stacked[0]


def to_float32(x: tf.Tensor) -> tf.Tensor:
    """Casts float64 to float32, the pipeline's one declared cast."""
    return tf.cast(without_subnormal(x, tf.float32), tf.float32)


def without_subnormal(x: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Puts zero for floats below the normal range of a type: TensorFlow does so in some threads."""
    least = tf.constant(np.finfo(dtype.as_numpy_dtype).tiny, x.dtype)
    return tf.where(tf.abs(x) < least, tf.zeros_like(x), x)
