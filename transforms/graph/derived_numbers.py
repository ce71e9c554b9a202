"""Numbers made of several columns, inside the transform graph: computed in float64."""

from collections.abc import Mapping

import tensorflow as tf

from forebay.transforms.definition.columns import Column, Date
from forebay.transforms.definition.derived_numbers import (
    UNITS_US,
    DerivedNumber,
    Elapsed,
    Ratio,
    of_numbers,
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
        value = of_numbers(source, numbers, tf)
    nothing = tf.constant(float("nan"), tf.float64)
    return tf.where(missing, nothing, without_subnormal(value, tf.float64))


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
