"""Buckets of numbers and cells of grids inside the transform graph."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from forebay.transforms.definition.features import Bucketized, Grid
from forebay.transforms.graph.cuts import parts_of
from forebay.transforms.graph.derived_numbers import operand
from forebay.transforms.graph.ids import Ids, with_missing
from forebay.transforms.graph.inputs import Inputs
from forebay.transforms.graph.missing import is_missing, numbers
from forebay.transforms.graph.quantiles import quantiles_of


@dataclass(frozen=True)
class _Axis:
    """A number that is cut into parts.

    Attributes:
        x: (batch,): int64, float32, or float64 of a number of several columns.
        parts: how many.
        given: the boundaries, ascending, where the definition has them; empty: quantiles of train.
        bounded: whether the first and the last boundary are the ends of all parts.
    """

    x: tf.Tensor
    parts: int
    given: tuple[float, ...] = ()
    bounded: bool = False


@dataclass(frozen=True)
class _Cut:
    """Which part of its axis each number lies in.

    Attributes:
        place: int64 (batch,), from 0; on a bounded axis -1 below it, the number of parts above it.
        missing: bool (batch,); any place stands for a missing number.
    """

    axis: _Axis
    place: tf.Tensor
    missing: tf.Tensor


def bucket_ids(features: Sequence[Bucketized | Grid], given: Inputs) -> dict[str, Ids]:
    """Returns the ids of buckets and of cells, by output name.

    Args:
        features: the features.
        given: the graph's input columns.
    """
    if not features:
        return {}
    cuts = iter(_cuts([axis for feature in features for axis in _axes(feature, given)]))
    return {
        feature.output: _cells(next(cuts), next(cuts))
        if isinstance(feature, Grid)
        else _buckets(next(cuts))
        for feature in features
    }


def _axes(feature: Bucketized | Grid, given: Inputs) -> Iterator[_Axis]:
    if isinstance(feature, Bucketized):
        boundaries = feature.given_boundaries
        parts = feature.quantiles or len(boundaries) + 1
        yield _Axis(operand(feature.column, given), parts, boundaries)
        return
    bounds = (feature.latitudes, feature.longitudes)
    for name, parts, ends in zip(feature.inputs, feature.cells, bounds, strict=True):
        boundaries = tuple(np.linspace(*ends, parts + 1).tolist()) if ends else ()
        yield _Axis(given.columns[name], parts, boundaries, bounded=ends is not None)


def _cuts(axes: Sequence[_Axis]) -> list[_Cut]:
    """Cuts each axis; quantiles of as many parts come from one analyzer, however many there are."""
    x = numbers([axis.x for axis in axes])
    places = [
        parts_of(axis.x, axis.given, closed=axis.bounded) - int(axis.bounded)
        if axis.given
        else tf.zeros_like(axis.x, tf.int64)
        for axis in axes
    ]
    by_parts: dict[int, list[int]] = {}
    for i, axis in enumerate(axes):
        if not axis.given and axis.parts > 1:
            by_parts.setdefault(axis.parts, []).append(i)
    for parts, chosen in by_parts.items():
        mine = tf.gather(x, chosen)
        found = tf.searchsorted(quantiles_of(mine, parts), mine, side="right", out_type=tf.int64)
        for i, place in zip(chosen, tf.unstack(found), strict=True):
            places[i] = place
    return [_Cut(*one) for one in zip(axes, places, tf.unstack(is_missing(x)), strict=True)]


def _buckets(cut: _Cut) -> Ids:
    return with_missing(cut.place, cut.axis.parts, cut.missing)


def _cells(row: _Cut, column: _Cut) -> Ids:
    """Numbers the cells row by row; after them comes the outside, where there is one."""
    missing = tf.logical_or(row.missing, column.missing)
    cell = row.place * column.axis.parts + column.place
    count = row.axis.parts * column.axis.parts
    if not (row.axis.bounded or column.axis.bounded):
        return with_missing(cell, count, missing)
    outside = tf.logical_or(*(
        tf.logical_or(cut.place < 0, cut.place >= cut.axis.parts) for cut in (row, column)
    ))  # fmt: skip
    return with_missing(tf.where(outside, tf.constant(count, tf.int64), cell), count + 1, missing)
