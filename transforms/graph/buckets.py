"""Buckets of numbers and cells of grids inside the transform graph."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.features import Bucketized, Grid
from forebay.transforms.graph.derived_numbers import operand
from forebay.transforms.graph.ids import Ids, with_missing
from forebay.transforms.graph.missing import is_missing, number
from forebay.transforms.graph.quantiles import quantiles_of

Tensors = Mapping[str, tf.Tensor]


@dataclass(frozen=True)
class _Axis:
    """A number that is cut into parts.

    Attributes:
        x: float32 (batch,), NaN where it is missing.
        parts: how many.
        given: the boundaries, ascending, where the definition has them; empty: quantiles of train.
        bounded: whether the first and the last boundary are the ends of all parts.
    """

    x: tf.Tensor
    parts: int
    given: tuple[float, ...] = ()
    bounded: bool = False


def bucket_ids(
    features: Sequence[Bucketized | Grid], columns: Tensors, kinds: Mapping[str, Column]
) -> dict[str, Ids]:
    """Returns the ids of buckets and of cells, by output name.

    Args:
        features: the features.
        columns: the graph's input columns, (batch,) each.
        kinds: how they are read, by name.
    """
    axes = [axis for feature in features for axis in _axes(feature, columns, kinds)]
    cut = iter(list(zip(axes, _boundaries(axes), strict=True)))
    return {
        feature.output: _cells(next(cut), next(cut))
        if isinstance(feature, Grid)
        else _buckets(*next(cut))
        for feature in features
    }


def _axes(
    feature: Bucketized | Grid, columns: Tensors, kinds: Mapping[str, Column]
) -> Iterator[_Axis]:
    if isinstance(feature, Bucketized):
        given = feature.given_boundaries
        x = number(operand(feature.column, columns, kinds))
        yield _Axis(x, feature.quantiles or len(given) + 1, given)
        return
    bounds = (feature.latitudes, feature.longitudes)
    for name, parts, ends in zip(feature.inputs, feature.cells, bounds, strict=True):
        given = tuple(np.linspace(*ends, parts + 1).tolist()) if ends else ()
        yield _Axis(number(columns[name]), parts, given, bounded=ends is not None)


def _boundaries(axes: Sequence[_Axis]) -> list[tf.Tensor]:
    """Returns what cuts each axis, float32 (boundaries,).

    Quantiles of as many parts come from one analyzer, however many axes there are.
    """
    cuts = [tf.constant(axis.given, tf.float32) for axis in axes]
    by_parts: dict[int, list[int]] = {}
    for i, axis in enumerate(axes):
        if not axis.given and axis.parts > 1:
            by_parts.setdefault(axis.parts, []).append(i)
    for parts, places in by_parts.items():
        learned = quantiles_of(tf.stack([axes[i].x for i in places]), parts)
        for i, boundaries in zip(places, tf.unstack(learned), strict=True):
            cuts[i] = boundaries
    return cuts


def _buckets(axis: _Axis, boundaries: tf.Tensor) -> Ids:
    missing = is_missing(axis.x)
    known = tf.where(missing, 0.0, axis.x)
    return with_missing(tft.apply_buckets(known, boundaries[tf.newaxis]), axis.parts, missing)


def _cells(rows: tuple[_Axis, tf.Tensor], columns: tuple[_Axis, tf.Tensor]) -> Ids:
    """Numbers the cells row by row; after them comes the outside, where there is one."""
    axes = (rows[0], columns[0])
    missing = tf.logical_or(is_missing(axes[0].x), is_missing(axes[1].x))
    (row, column) = (_strips(axis, boundaries) for axis, boundaries in (rows, columns))
    cell = row * axes[1].parts + column
    count = axes[0].parts * axes[1].parts
    if not any(axis.bounded for axis in axes):
        return with_missing(cell, count, missing)
    outside = tf.logical_or(*(
        tf.logical_or(strip < 0, strip >= axis.parts)
        for axis, strip in zip(axes, (row, column), strict=True)
    ))  # fmt: skip
    return with_missing(tf.where(outside, tf.constant(count, tf.int64), cell), count + 1, missing)


def _strips(axis: _Axis, boundaries: tf.Tensor) -> tf.Tensor:
    """Returns which part of an axis a number lies in, int64 (batch,).

    Below a bounded axis is -1, above it its number of parts; its greatest value is in the last.
    """
    places = tf.searchsorted(boundaries, axis.x, side="right", out_type=tf.int64)
    if not axis.bounded:
        return places
    return tf.where(tf.equal(axis.x, boundaries[-1]), places - 2, places - 1)
