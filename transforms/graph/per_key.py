"""Statistics of train for each key, inside the transform graph."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow_transform import analyzers

from forebay.transforms.definition.features import Numeric
from forebay.transforms.graph.missing import is_missing
from forebay.transforms.graph.statistics import deviation_of

Moments = tuple[tf.Tensor, tf.Tensor]

# Batches without a value count so little that no moment moves: tf.Transform divides by the sum.
_NEXT_TO_NOTHING = 1e-30


def with_moments_per_key(
    features: Sequence[Numeric], columns: Mapping[str, tf.Tensor], x: tf.Tensor, overall: Moments
) -> Moments:
    """Puts each row's own key's moments in the place of all rows', for features that have a key.

    Args:
        features: all numeric features.
        columns: the graph's input columns, (batch,) each.
        x: float64 (features, batch), NaN where a value is missing.
        overall: mean and standard deviation of all rows, float64 (features, 1) each.

    Returns:
        mean and standard deviation, float64 (features, batch) each; as they came where no feature
        has a key.
    """
    by_key: dict[str, list[int]] = {}
    for i, feature in enumerate(features):
        if feature.key is not None:
            by_key.setdefault(feature.key, []).append(i)
    for name, places in by_key.items():
        mine = [tf.gather(statistic, places) for statistic in overall]
        found = _moments_of_key(columns[name], tf.gather(x, places), (mine[0], mine[1]))
        overall = tuple(
            tf.tensor_scatter_nd_update(
                tf.broadcast_to(statistic, tf.shape(x)), np.array(places)[:, np.newaxis], per_row
            )
            for statistic, per_row in zip(overall, found, strict=True)
        )
    return overall


def _moments_of_key(key: tf.Tensor, x: tf.Tensor, overall: Moments) -> Moments:
    """Returns the moments of each row's key, (k, batch) each.

    Args:
        key: string or int64 (batch,).
        x: float64 (k, batch), NaN where a value is missing.
        overall: mean and standard deviation of all rows, (k, 1) each, for keys without any.
    """
    tokens = key if key.dtype == tf.string else tf.strings.as_string(key)
    keyed = tf.logical_not(is_missing(key))
    keys, mean, variance = _analyzed(
        tf.boolean_mask(tokens, keyed), tf.boolean_mask(tf.transpose(x), keyed)
    )
    place = _places(keys, tokens, keyed)

    def of_row(statistic: tf.Tensor, otherwise: tf.Tensor) -> tf.Tensor:
        behind = tf.fill([1, statistic.shape[1]], tf.constant(float("nan"), statistic.dtype))
        found = tf.transpose(tf.gather(tf.concat([statistic, behind], axis=0), place))
        return tf.where(tf.math.is_finite(found), found, otherwise)

    deviation = deviation_of(mean, variance)
    deviation = tf.where(deviation > 0, deviation, float("nan"))
    return of_row(mean, overall[0]), of_row(deviation, overall[1])


def _analyzed(keys: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns train's keys, string (keys,), and their means and variances, float64 (keys, k).

    NaN stands for those of a key without values.

    tf.Transform has no public analyzer for this: its `scale_to_z_score_per_key` does not say
    which keys are known, compares every row with every key, and takes the variance as the mean
    square minus the squared mean, so that rounding gives a key of one value a deviation. What it
    combines are counts, means and variances of the batches' keys, here computed around the mean.

    Args:
        keys: string (batch,).
        x: float64 (batch, k), NaN where a value is missing.
    """
    known = tf.math.is_finite(x)
    # The share of known values beside the values: a key without any has the mean 0 otherwise.
    x = tf.concat([tf.where(known, x, 0.0), tf.cast(known, x.dtype)], axis=1)
    width = x.shape[1]
    present = tf.concat([known, tf.ones_like(known)], axis=1)
    unique, key_of_row = tf.unique(keys)
    number = tf.size(unique)
    count = tf.math.unsorted_segment_sum(tf.cast(present, tf.float64), key_of_row, number)
    count = tf.maximum(count, _NEXT_TO_NOTHING)
    mean = tf.math.unsorted_segment_sum(x, key_of_row, number) / count
    apart = tf.where(present, x - tf.gather(mean, key_of_row), 0.0)
    variance = tf.math.unsorted_segment_sum(tf.square(apart), key_of_row, number) / count
    combiner = analyzers.WeightedMeanAndVarCombiner(np.float64, (width,))
    # tf.Transform tells analyzers apart by the scope that they are made in.
    with tf.compat.v1.name_scope(None, "moments_per_key"):
        found_keys, mean, variance = analyzers._apply_cacheable_combiner_per_key(
            combiner, unique, count, mean, variance, tf.zeros_like(mean, tf.float32)
        )
    mean, variance = (tf.reshape(found, [-1, width]) for found in (mean, variance))
    half = width // 2
    has_values = mean[:, half:] > 0
    mean, variance = (
        tf.where(has_values, found[:, :half], float("nan")) for found in (mean, variance)
    )
    return found_keys, mean, variance


def _places(keys: tf.Tensor, tokens: tf.Tensor, keyed: tf.Tensor) -> tf.Tensor:
    """Finds each row's key among train's, int32 (batch,); the number of keys where it is not.

    Keys are compared by their 63-bit hashes: among a million, two are alike once in 20 million
    times.
    """
    none = tf.size(keys)
    hashes = tf.strings.to_hash_bucket_fast(keys, 2**63 - 1)
    order = tf.argsort(hashes)
    ascending = tf.concat([tf.gather(hashes, order), [-1]], axis=0)
    wanted = tf.strings.to_hash_bucket_fast(tokens, 2**63 - 1)
    place = tf.searchsorted(ascending[:-1], wanted)
    found = tf.logical_and(keyed, tf.equal(tf.gather(ascending, place), wanted))
    return tf.where(found, tf.gather(tf.concat([order, [none]], axis=0), place), none)
