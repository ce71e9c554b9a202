"""Lists of numbers inside the transform graph."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from forebay.transforms.definition.columns import NUMBER_PATTERN, Column, Numbers
from forebay.transforms.definition.features import NumberList
from forebay.transforms.graph.missing import is_missing, number

NAN = float("nan")


def list_outputs(
    feature: NumberList, inputs: Mapping[str, tf.Tensor], columns: Mapping[str, Column]
) -> dict[str, tf.Tensor]:
    """Returns the outputs of a list of numbers, float32, by output name.

    Args:
        feature: the list.
        inputs: the graph's input columns, (batch,) each.
        columns: what the definition says of them.
    """
    numbers = _numbers(feature, inputs, columns)
    if feature.pool:
        return _pooled(feature, numbers)
    missing = is_missing(numbers)
    learned = _learned(feature, tf.reshape(numbers, [-1, 1]))
    padding = tf.constant(feature.padding, tf.float32)
    outputs = {feature.name: tf.where(missing, padding, _scaled(feature, numbers, learned))}
    if feature.indicator:
        outputs[feature.indicator_output] = tf.cast(missing, tf.float32)
    return outputs


def _numbers(
    feature: NumberList, inputs: Mapping[str, tf.Tensor], columns: Mapping[str, Column]
) -> tf.Tensor:
    """Returns the lists as float32 (batch, width), NaN where there is no number.

    Without a length the width is that of the batch's longest list.
    """
    column = columns[feature.inputs[0]]
    if isinstance(column, Numbers):
        parsed = parsed_numbers(inputs[feature.inputs[0]], column.separator)
        return parsed.to_tensor(default_value=NAN, shape=[None, feature.length])
    return tf.stack([number(inputs[name]) for name in feature.inputs], axis=1)


def parsed_numbers(texts: tf.Tensor, separator: str) -> tf.RaggedTensor:
    """Returns the numbers of cells, string (batch,), as ragged float32; NaN where there is none."""
    items = tf.strings.split(tf.where(is_missing(texts), "", texts), separator)
    stripped = tf.strings.strip(items.flat_values)
    is_number = tf.strings.regex_full_match(stripped, NUMBER_PATTERN)
    # As float64 first: a number beyond float32 becomes infinite, which is not a number.
    values = tf.strings.to_number(tf.where(is_number, stripped, "nan"), tf.float64)
    return items.with_flat_values(number(tf.cast(values, tf.float32)))


def _pooled(feature: NumberList, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
    missing = is_missing(numbers)
    none = tf.reduce_all(missing, axis=1)
    pools = [_pool(pool, numbers, missing) for pool in feature.pool]
    absent = [none if pool != "count" else tf.zeros_like(none) for pool in feature.pool]
    values = tf.where(tf.stack(absent, axis=1), NAN, tf.stack(pools, axis=1))
    learned = _learned(feature, values)
    fill = learned.mean if feature.impute == "mean" else tf.constant(feature.impute, tf.float32)
    filled = tf.where(is_missing(values), fill, values)
    found = tf.unstack(_scaled(feature, filled, learned), axis=1)
    outputs = {f"{feature.name}_{pool}": x for pool, x in zip(feature.pool, found, strict=True)}
    if feature.indicator:
        outputs[feature.indicator_output] = tf.cast(none, tf.float32)
    return outputs


def _pool(pool: str, numbers: tf.Tensor, missing: tf.Tensor) -> tf.Tensor:
    """Returns one number of each row's known ones, float32 (batch,)."""
    if pool == "min":
        return tf.reduce_min(tf.where(missing, numbers.dtype.max, numbers), axis=1)
    if pool == "max":
        return tf.reduce_max(tf.where(missing, numbers.dtype.min, numbers), axis=1)
    # In float64, so that the answer does not depend on the width of the batch.
    count = tf.reduce_sum(tf.cast(tf.logical_not(missing), tf.float64), axis=1)
    total = tf.reduce_sum(tf.cast(tf.where(missing, 0.0, numbers), tf.float64), axis=1)
    found = {"sum": total, "count": count, "mean": tf.math.divide_no_nan(total, count)}
    return tf.cast(found[pool], tf.float32)


@dataclass(frozen=True)
class _Learned:
    """What is learned from train, float32 (columns,): 0 where it is not asked for.

    Attributes:
        mean: the mean of the numbers that are there.
        shift: what scaling subtracts.
        divisor: what it divides by.
    """

    mean: tf.Tensor
    shift: tf.Tensor
    divisor: tf.Tensor


def _learned(feature: NumberList, columns: tf.Tensor) -> _Learned:
    """Analyzes columns of numbers together, float32 (any, columns), NaN left out.

    tf.Transform's costs grow with the number of its analyzers, hardly with their width.
    """
    # tf.Transform leaves NaN out of its moments, column by column.
    precise = tf.cast(columns, tf.float64)
    zero = tf.zeros(columns.shape[1])
    mean = shift = divisor = zero
    if feature.scale == "z_score" or (feature.pool and feature.impute == "mean"):
        mean = _usable(tft.mean(precise, reduce_instance_dims=False))
    if feature.scale == "z_score":
        shift = mean
        divisor = tf.sqrt(_usable(tft.var(precise, reduce_instance_dims=False)))
    elif feature.scale == "0_1":
        there = tf.logical_not(is_missing(columns))
        high, low = (tf.where(there, columns, bound) for bound in (-np.inf, np.inf))
        shift = _usable(tft.min(low, reduce_instance_dims=False))
        divisor = _usable(tft.max(high, reduce_instance_dims=False)) - shift
    return _Learned(mean, shift, divisor)


def _scaled(feature: NumberList, x: tf.Tensor, learned: _Learned) -> tf.Tensor:
    """Scales numbers; those of a column that is constant on train become zero."""
    if feature.scale is None:
        return x
    is_constant = learned.divisor <= 0
    scaled = (x - learned.shift) / tf.where(is_constant, 1.0, learned.divisor)
    return tf.where(is_constant, tf.zeros_like(x), scaled)


def _usable(statistic: tf.Tensor) -> tf.Tensor:
    """Casts a statistic to float32; that of no values becomes zero."""
    statistic = tf.cast(statistic, tf.float32)
    return tf.where(tf.math.is_finite(statistic), statistic, 0.0)
