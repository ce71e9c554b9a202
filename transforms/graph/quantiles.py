"""Quantiles of train inside the transform graph, of many numbers at once."""

import tensorflow as tf
import tensorflow_transform as tft

# Quantiles are off by at most this share of the rows (tf.Transform's own default).
QUANTILE_RANK_ERROR = 0.01
# tf.Transform fails where one of several columns has no value at all, so each has one that is less
# than any other and weighs next to nothing.
_LEAST, _LEAST_WEIGHT = tf.float32.min, 1e-30


def quantiles_of(numbers: tf.Tensor, parts: int) -> tf.Tensor:
    """Returns what cuts each row of a matrix into parts of equal frequency on train.

    One analyzer, however many rows: they cost far more than their width.

    Args:
        numbers: float32 (k, batch), missing values NaN, which tf.Transform leaves out.
        parts: how many, 2 or more.

    Returns:
        float32 (k, parts - 1), ascending, values of train; 0 for a row without a value.
    """
    columns = tf.transpose(numbers)
    columns = tf.pad(columns, [[0, 1], [0, 0]], constant_values=_LEAST)
    weights = tf.pad(tf.ones_like(columns[:-1, 0]), [[0, 1]], constant_values=_LEAST_WEIGHT)
    cuts = tft.quantiles(
        columns, parts, epsilon=QUANTILE_RANK_ERROR, weights=weights, reduce_instance_dims=False
    )
    return tf.where(cuts > _LEAST, cuts, 0.0)
