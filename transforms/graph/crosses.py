"""Crosses inside the transform graph."""

from collections.abc import Mapping

import tensorflow as tf

from forebay.transforms.definition.features import Crossed
from forebay.transforms.definition.features.crossed import MOST_BUCKETS, MOST_NUMBERED
from forebay.transforms.graph.ids import Ids
from forebay.transforms.hashing import ROUNDS


def cross_ids(feature: Crossed, ids: Mapping[str, Ids]) -> Ids:
    """Returns the ids of combinations.

    Args:
        feature: the cross.
        ids: the ids of the crossed features, by output name.
    """
    combination = tf.zeros_like(ids[feature.of[0]].values)
    # As a float: more combinations than int64 holds must not look like few.
    combinations = tf.constant(1.0, tf.float64)
    for name in feature.of:
        combination = combination * ids[name].size + ids[name].values
        combinations = combinations * tf.cast(ids[name].size, tf.float64)
    if feature.buckets is None:
        buckets = _cross_buckets(combinations)
    else:
        buckets = tf.constant(feature.buckets, tf.int64)
    hashed = tf.math.floormod(_scramble(combination), buckets)
    numbered = combinations <= tf.cast(buckets, tf.float64)
    return Ids(tf.where(numbered, combination, hashed), buckets)


def _cross_buckets(combinations: tf.Tensor) -> tf.Tensor:
    """The same as `forebay.transforms.definition.features.cross_buckets`, of a float64 tensor."""
    root = tf.sqrt(combinations)
    hashed = tf.clip_by_value(tf.floor(root * tf.sqrt(root)), MOST_NUMBERED, MOST_BUCKETS)
    return tf.cast(tf.minimum(combinations, hashed), tf.int64)


def _scramble(x: tf.Tensor) -> tf.Tensor:
    """Scrambles int64 numbers into [0, 2^63): the rounds of SplitMix64 (see `hashing`)."""
    z = tf.bitcast(x, tf.uint64)
    for shift, factor in ROUNDS:
        z = tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, tf.constant(shift, tf.uint64)))
        z = z * tf.constant(factor, tf.uint64)
    return tf.bitcast(tf.bitwise.right_shift(z, tf.constant(1, tf.uint64)), tf.int64)
