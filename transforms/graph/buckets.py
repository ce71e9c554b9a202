"""Buckets of numbers inside the transform graph."""

import tensorflow as tf
import tensorflow_transform as tft

from transforms.features import Bucketized
from transforms.graph.ids import Ids, with_missing
from transforms.graph.missing import is_missing, known, number

# Quantile boundaries are off by at most this share of the rows (tf.Transform's own default).
QUANTILE_RANK_ERROR = 0.01


def bucket_ids(feature: Bucketized, column: tf.Tensor) -> Ids:
    """Returns the buckets of numbers, and the id of a missing one."""
    x = number(column)
    if feature.quantiles is not None:
        boundaries = tft.quantiles(
            known(x), feature.quantiles, epsilon=QUANTILE_RANK_ERROR, name=feature.output
        )
        count = feature.quantiles
    else:
        boundaries = tf.constant([feature.boundaries], tf.float32)
        count = len(feature.boundaries) + 1
    missing = is_missing(x)
    return with_missing(tft.apply_buckets(tf.where(missing, 0.0, x), boundaries), count, missing)
