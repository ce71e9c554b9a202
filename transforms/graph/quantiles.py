"""Quantiles of train inside the transform graph, of many numbers at once."""

import numpy as np
import tensorflow as tf
from tensorflow_transform import analyzers

# Quantiles are off by at most this share of the rows (tf.Transform's own default).
QUANTILE_RANK_ERROR = 0.01
# tf.Transform fails where one of several columns has no value at all, so each has one that is less
# than any other and weighs next to nothing.
_LEAST, _LEAST_WEIGHT = tf.float64.min, 1e-30


def quantiles_of(numbers: tf.Tensor, parts: int) -> tf.Tensor:
    """Returns what cuts each row of a matrix into parts of equal frequency on train.

    One analyzer, however many rows: they cost far more than their width. It is that of
    ``tft.quantiles``, which keeps float64 while it works and then rounds to float32.

    Args:
        numbers: float64 (k, batch), missing values NaN, which tf.Transform leaves out.
        parts: how many, 2 or more.

    Returns:
        float64 (k, parts - 1), ascending, values of train; 0 for a row without a value.
    """
    columns = tf.transpose(numbers)
    columns = tf.pad(columns, [[0, 1], [0, 0]], constant_values=_LEAST)
    weights = tf.pad(tf.ones_like(columns[:-1, 0]), [[0, 1]], constant_values=_LEAST_WEIGHT)
    width = columns.shape[1]
    combiner = analyzers.QuantilesCombiner(
        parts, QUANTILE_RANK_ERROR, np.float64, has_weights=True,
        output_shape=[width, parts - 1], feature_shape=[width],
    )  # fmt: skip
    # tf.Transform tells analyzers apart by the scope that they are made in.
    with tf.compat.v1.name_scope(None, "quantiles"):
        (cuts,) = analyzers._apply_cacheable_combiner(combiner, columns, weights)
    return tf.where(cuts > _LEAST, cuts, 0.0)
