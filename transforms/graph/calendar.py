"""Parts of dates and times inside the transform graph."""

import math
from collections.abc import Mapping, Sequence

import tensorflow as tf

from forebay.transforms.definition.columns import Column, Date
from forebay.transforms.definition.features import Calendar, Cyclic
from forebay.transforms.definition.features.calendar import CALENDAR_SIZES
from forebay.transforms.durations import DAY_US
from forebay.transforms.graph.clock import local_time_us, part_of, turn_of
from forebay.transforms.graph.ids import Ids, with_missing
from forebay.transforms.graph.missing import is_missing


def calendar_ids(feature: Calendar, column: tf.Tensor, kind: Column) -> Ids:
    """Returns the ids of a part of dates (int64 days) or of instants (int64 microseconds)."""
    missing = is_missing(column)
    local_us = _local_us(feature, column, missing, kind)
    return with_missing(part_of(local_us, feature.part), CALENDAR_SIZES[feature.part], missing)


def cyclic_outputs(
    features: Sequence[Cyclic], columns: Mapping[str, tf.Tensor], kinds: Mapping[str, Column]
) -> dict[str, tf.Tensor]:
    """Returns the sines and cosines of cyclic features, float32 (batch,) by output name.

    Args:
        features: the features.
        columns: the graph's input columns, (batch,) each.
        kinds: how they are read, by name.
    """
    if not features:
        return {}
    missing, turns = [], []
    for feature in features:
        (name,) = feature.inputs
        missing.append(is_missing(columns[name]))
        local_us = _local_us(feature, columns[name], missing[-1], kinds[name])
        turns.append(turn_of(local_us, feature.part))
    angles = 2 * math.pi * tf.stack(turns)
    outputs: dict[str, tf.Tensor] = {}
    for place, function in enumerate((tf.sin, tf.cos)):
        values = tf.where(tf.stack(missing), 0.0, tf.cast(function(angles), tf.float32))
        names = [feature.outputs[place] for feature in features]
        outputs |= zip(names, tf.unstack(values), strict=True)
    return outputs


def _local_us(
    feature: Calendar | Cyclic, column: tf.Tensor, missing: tf.Tensor, kind: Column
) -> tf.Tensor:
    known = tf.where(missing, tf.zeros_like(column), column)
    return known * DAY_US if isinstance(kind, Date) else local_time_us(known, feature.tz)
