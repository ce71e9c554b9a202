"""Lists of numbers inside the transform graph."""

from collections.abc import Mapping

import tensorflow as tf
import tensorflow_transform as tft

from transforms.columns import NUMBER_PATTERN, Column, Numbers
from transforms.features import NumberList
from transforms.graph.missing import is_missing, known, number

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
    scaled = _scaled(feature, numbers, numbers)
    outputs = {feature.name: tf.where(missing, feature.padding, scaled)}
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
    # As float64 first: a number beyond float32 becomes infinite, and so no number.
    values = tf.strings.to_number(tf.where(is_number, stripped, "nan"), tf.float64)
    return items.with_flat_values(number(tf.cast(values, tf.float32)))


def _pooled(feature: NumberList, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
    outputs = {}
    missing = is_missing(numbers)
    none = tf.reduce_all(missing, axis=1)
    for pool in feature.pool:
        value = _pool(pool, numbers, missing)
        if pool != "count":
            value = tf.where(none, NAN, value)
        filled = tf.where(is_missing(value), _fill(feature, value), value)
        outputs[f"{feature.name}_{pool}"] = _scaled(feature, filled, value)
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


def _fill(feature: NumberList, value: tf.Tensor) -> tf.Tensor:
    """Returns what stands for a missing pool, float32 ()."""
    if feature.impute != "mean":
        return tf.constant(feature.impute, tf.float32)
    return _usable(tft.mean(tf.cast(known(value), tf.float64)))


def _scaled(feature: NumberList, x: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
    """Scales numbers by the statistics of those that are seen on train, NaN left out."""
    if feature.scale is None:
        return x
    values = tf.cast(known(seen), tf.float64)
    if feature.scale == "z_score":
        shift, divisor = _usable(tft.mean(values)), tf.sqrt(_usable(tft.var(values)))
    else:
        shift = _usable(tft.min(values))
        divisor = _usable(tft.max(values)) - shift
    is_constant = divisor <= 0
    scaled = (x - shift) / tf.where(is_constant, 1.0, divisor)
    return tf.where(is_constant, tf.zeros_like(x), scaled)


def _usable(statistic: tf.Tensor) -> tf.Tensor:
    """Casts a statistic to float32; that of no values becomes zero."""
    statistic = tf.cast(statistic, tf.float32)
    return tf.where(tf.math.is_finite(statistic), statistic, 0.0)
