"""Numbers made of several columns, inside the transform graph: computed in float64."""

import math
from collections.abc import Mapping

import tensorflow as tf

from forebay.transforms.definition.columns import Column, Date
from forebay.transforms.definition.derived_numbers import (
    EARTH_RADIUS_KM,
    UNITS_US,
    DerivedNumber,
    Difference,
    Elapsed,
    Euclidean,
    Haversine,
    Ratio,
)
from forebay.transforms.durations import DAY_US
from forebay.transforms.graph.inputs import Inputs
from forebay.transforms.graph.missing import is_missing, without_subnormal


def operand(source: str | DerivedNumber, given: Inputs) -> tf.Tensor:
    """Returns what a feature is computed from, (batch,): a column, or the number of a pair.

    The number of a pair is float64, NaN where it is missing.

    Args:
        source: the column's name, or the pair.
        given: the graph's input columns.
    """
    if not isinstance(source, DerivedNumber):
        return given.columns[source]
    inputs = [given.exact[name] for name in source.inputs]
    missing = is_missing(inputs[0])
    for column in inputs[1:]:
        missing = tf.logical_or(missing, is_missing(column))
    if isinstance(source, Elapsed):
        value = _elapsed(source, inputs, missing, given.kinds)
    else:
        numbers = [tf.cast(column, tf.float64) for column in inputs]
        if isinstance(source, Ratio):
            missing = tf.logical_or(missing, tf.equal(numbers[1], 0.0))
        value = _of_numbers(source, numbers)
    nothing = tf.constant(float("nan"), tf.float64)
    return tf.where(missing, nothing, without_subnormal(value, tf.float64))


def _of_numbers(derived: DerivedNumber, numbers: list[tf.Tensor]) -> tf.Tensor:
    match derived:
        case Difference():
            return numbers[0] - numbers[1]
        case Ratio():
            return numbers[0] / numbers[1]
        case Euclidean():
            x, y, to_x, to_y = numbers
            return tf.sqrt(tf.square(to_x - x) + tf.square(to_y - y))
        case Haversine():
            return _haversine_km(*(number * (math.pi / 180) for number in numbers))
    raise TypeError(f"{type(derived).__name__} is no pair of numbers")


def _haversine_km(
    latitude: tf.Tensor, longitude: tf.Tensor, to_latitude: tf.Tensor, to_longitude: tf.Tensor
) -> tf.Tensor:
    """Distances on the sphere, by the formula of `Haversine`; float64 (batch,), angles in radians.

    Rounding takes the haversine of antipodes above 1, where asin is not defined.
    """
    haversine = (
        tf.square(tf.sin((to_latitude - latitude) / 2))
        + tf.cos(latitude) * tf.cos(to_latitude) * tf.square(tf.sin((to_longitude - longitude) / 2))
    )  # fmt: skip
    return 2 * EARTH_RADIUS_KM * tf.asin(tf.sqrt(tf.minimum(haversine, 1.0)))


def _elapsed(
    derived: Elapsed, inputs: list[tf.Tensor], missing: tf.Tensor, kinds: Mapping[str, Column]
) -> tf.Tensor:
    """The time between two instants in the pair's unit, float64 (batch,); 0 where missing."""
    since, until = (
        tf.where(missing, tf.zeros_like(column), column)
        * (DAY_US if isinstance(kinds[name], Date) else 1)
        for name, column in zip(derived.inputs, inputs, strict=True)
    )
    return tf.cast(until - since, tf.float64) / UNITS_US[derived.unit]
