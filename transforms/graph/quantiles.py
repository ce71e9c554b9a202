"""Quantiles of train inside the transform graph, of many numbers at once."""

import tensorflow as tf
import tensorflow_transform as tft

# Quantiles are off by at most this share of the rows (tf.Transform's own default).
QUANTILE_RANK_ERROR = 0.01


def quantiles_of(numbers: tf.Tensor, parts: int) -> tf.Tensor:
    """Returns what cuts each row of a matrix into parts of equal frequency on train.

    One analyzer, however many rows: they cost far more than their width.

    Args:
        numbers: float32 (k, batch), missing values NaN, which tf.Transform leaves out.
        parts: how many, 2 or more.

    Returns:
        float32 (k, parts - 1), ascending; 0 for a row without a value.
    """
    cuts = tft.quantiles(
        tf.transpose(numbers), parts, epsilon=QUANTILE_RANK_ERROR, reduce_instance_dims=False
    )
    return tf.where(tf.math.is_finite(cuts), cuts, 0.0)
