"""Lists of numbers inside the transform graph."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from forebay.transforms.definition.columns import NUMBER_PATTERN, Numbers
from forebay.transforms.definition.features import NumberList
from forebay.transforms.graph.inputs import Inputs
from forebay.transforms.graph.missing import is_missing, number, numbers, to_float32
from forebay.transforms.graph.statistics import deviation_of, usable

_NAN = np.float64("nan")


def list_outputs(feature: NumberList, given: Inputs) -> dict[str, tf.Tensor]:
    """Returns the outputs of a list of numbers, float32, by output name.

    Args:
        feature: the list.
        given: the graph's input columns.
    """
    x = _numbers(feature, given)
    if feature.pool:
        return _pooled(feature, x)
    missing = is_missing(x)
    learned = _learned(feature, tf.reshape(x, [-1, 1]))
    padded = tf.where(~missing, _scaled(feature, x, learned), feature.padding)
    outputs = {feature.name: to_float32(padded)}
    if feature.indicator:
        outputs[feature.indicator_output] = tf.cast(missing, tf.float32)
    return outputs


def _numbers(feature: NumberList, given: Inputs) -> tf.Tensor:
    """Returns the lists as float64 (batch, width), NaN where there is no number.

    Without a length the width is that of the batch's longest list.
    """
    kind = given.kinds[feature.inputs[0]]
    if isinstance(kind, Numbers):
        parsed = parsed_numbers(given.columns[feature.inputs[0]], kind.separator)
        return parsed.to_tensor(default_value=_NAN, shape=[None, feature.length])
    return tf.transpose(numbers([given.columns[name] for name in feature.inputs]))


def parsed_numbers(texts: tf.Tensor, separator: str) -> tf.RaggedTensor:
    """Returns the numbers of cells, string (batch,), as ragged float64; NaN where there is none.

    They are numbers as float32 has them, as those of a Number column are.
    """
    items = tf.strings.split(tf.where(is_missing(texts), "", texts), separator)
    stripped = tf.strings.strip(items.flat_values)
    is_number = tf.strings.regex_full_match(stripped, NUMBER_PATTERN)
    # As float64 first: a number beyond float32 becomes infinite, which is not a number.
    values = tf.strings.to_number(tf.where(is_number, stripped, "nan"), tf.float64)
    return items.with_flat_values(number(to_float32(values)))


def _pooled(feature: NumberList, x: tf.Tensor) -> dict[str, tf.Tensor]:
    missing = is_missing(x)
    none = tf.reduce_all(missing, axis=1)
    pools = [_pool(pool, x, missing) for pool in feature.pool]
    there = [~none if pool != "count" else tf.ones_like(none) for pool in feature.pool]
    values = number(tf.where(tf.stack(there, axis=1), tf.stack(pools, axis=1), _NAN))
    learned = _learned(feature, values)
    fill = learned.mean if feature.impute == "mean" else tf.constant(feature.impute, tf.float64)
    filled = tf.where(is_missing(values), fill, values)
    found = tf.unstack(to_float32(_scaled(feature, filled, learned)), axis=1)
    outputs = {f"{feature.name}_{pool}": x for pool, x in zip(feature.pool, found, strict=True)}
    if feature.indicator:
        outputs[feature.indicator_output] = tf.cast(none, tf.float32)
    return outputs


def _pool(pool: str, x: tf.Tensor, missing: tf.Tensor) -> tf.Tensor:
    """Returns one number of each row's known ones, float64 (batch,)."""
    if pool == "min":
        return tf.reduce_min(tf.where(missing, tf.constant(np.inf, x.dtype), x), axis=1)
    if pool == "max":
        return tf.reduce_max(tf.where(missing, tf.constant(-np.inf, x.dtype), x), axis=1)
    count = tf.reduce_sum(tf.cast(tf.logical_not(missing), tf.float64), axis=1)
    total = tf.reduce_sum(tf.where(missing, tf.zeros_like(x), x), axis=1)
    found = {"sum": total, "count": count, "mean": tf.math.divide_no_nan(total, count)}
    return found[pool]


@dataclass(frozen=True)
class _Learned:
    """What is learned from train, float64 (columns,): 0 where it is not asked for.

    Attributes:
        mean: the mean of the numbers that are there.
        shift: what scaling subtracts.
        divisor: what it divides by.
    """

    mean: tf.Tensor
    shift: tf.Tensor
    divisor: tf.Tensor


def _learned(feature: NumberList, columns: tf.Tensor) -> _Learned:
    """Analyzes columns of numbers together, float64 (any, columns), NaN left out.

    tf.Transform's costs grow with the number of its analyzers, hardly with their width.
    """
    # tf.Transform leaves NaN out of its moments, column by column.
    mean = shift = divisor = tf.zeros(columns.shape[1], tf.float64)
    if feature.scale == "z_score" or (feature.pool and feature.impute == "mean"):
        mean = usable(tft.mean(columns, reduce_instance_dims=False))
    if feature.scale == "z_score":
        shift = mean
        divisor = deviation_of(mean, usable(tft.var(columns, reduce_instance_dims=False)))
    elif feature.scale == "0_1":
        there = tf.logical_not(is_missing(columns))
        high, low = (tf.where(there, columns, bound) for bound in (-np.inf, np.inf))
        shift = usable(tft.min(low, reduce_instance_dims=False))
        divisor = usable(tft.max(high, reduce_instance_dims=False)) - shift
    return _Learned(mean, shift, divisor)


def _scaled(feature: NumberList, x: tf.Tensor, learned: _Learned) -> tf.Tensor:
    """Scales numbers; those of a column that is constant on train become zero."""
    if feature.scale is None:
        return x
    is_constant = learned.divisor <= 0
    scaled = (x - learned.shift) / tf.where(is_constant, tf.ones_like(x), learned.divisor)
    return tf.where(is_constant, tf.zeros_like(x), scaled)
