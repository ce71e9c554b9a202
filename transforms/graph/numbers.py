"""Numeric features inside the transform graph.

All numeric features are computed together, as the rows of one matrix. tf.Transform traces, copies
and optimises the graph several times over, so that its fixed cost grows with the number of
operations far more than with their width; the same holds for its analyzers.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from transforms.features import Numeric
from transforms.graph.missing import is_missing, number, operand


def numeric_outputs(
    features: Sequence[Numeric], columns: Mapping[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """Returns the outputs of numeric features, float32 (batch,) by output name.

    Args:
        features: the features.
        columns: the graph's input columns, (batch,) each.
    """
    if not features:
        return {}
    shaped = _shape(features, _numbers([operand(feature.column, columns) for feature in features]))
    missing = is_missing(shaped)
    mean, deviation = _moments(features, shaped)
    least, span = _ranges(features, shaped)
    x = tf.where(missing, _fills(features, mean), shaped)
    x = _scaled(x, _chosen(features, "z_score"), mean, deviation)
    x = _scaled(x, _chosen(features, "0_1"), least, span)
    outputs = dict(zip([feature.output for feature in features], tf.unstack(x), strict=True))
    marked = [i for i, feature in enumerate(features) if feature.indicator]
    if marked:
        indicators = tf.unstack(tf.cast(tf.gather(missing, marked), tf.float32))
        names = [features[i].indicator_output for i in marked]
        outputs |= zip(names, indicators, strict=True)
    return outputs


def _numbers(columns: Sequence[tf.Tensor]) -> tf.Tensor:
    """Stacks columns as float32 (columns, batch), NaN where a value is missing."""
    places: dict[tf.DType, list[int]] = {}
    for i, column in enumerate(columns):
        places.setdefault(column.dtype, []).append(i)
    stacked = [number(tf.stack([columns[i] for i in found])) for found in places.values()]
    order = [i for found in places.values() for i in found]
    return tf.gather(tf.concat(stacked, axis=0), np.argsort(order)) if stacked[1:] else stacked[0]


def _shape(features: Sequence[Numeric], x: tf.Tensor) -> tf.Tensor:
    """Clips and takes logarithms, (features, any); missing stays NaN."""
    for bound, clip, open_end in ((0, tf.maximum, -np.inf), (1, tf.minimum, np.inf)):
        ends = [feature.clip[bound] for feature in features]
        if any(end is not None for end in ends):
            x = clip(x, _column([open_end if end is None else end for end in ends]))
    logarithmic = [feature.log1p for feature in features]
    if any(logarithmic):
        x = tf.where(_column(logarithmic), tf.sign(x) * tf.math.log1p(tf.abs(x)), x)
    return x


def _fills(features: Sequence[Numeric], mean: tf.Tensor) -> tf.Tensor:
    """What stands for a missing value, (features, 1)."""
    constants = [0.0 if feature.impute == "mean" else feature.impute for feature in features]
    by_mean = [feature.impute == "mean" for feature in features]
    return tf.where(_column(by_mean), mean, _shape(features, _column(constants)))


def _chosen(features: Sequence[Numeric], scale: str) -> list[bool]:
    return [feature.scale == scale for feature in features]


def _moments(features: Sequence[Numeric], x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation on train, missing left out, (features, 1); 0 where not asked."""
    wanted = [f.scale == "z_score" or f.impute == "mean" for f in features]

    def moments(matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # tf.Transform leaves NaN out of its moments, column by column.
        matrix = tf.cast(matrix, tf.float64)
        mean = _usable(tft.mean(matrix, reduce_instance_dims=False))
        variance = _usable(tft.var(matrix, reduce_instance_dims=False))
        return mean, tf.sqrt(variance)

    return _statistics(wanted, moments, x)


def _ranges(features: Sequence[Numeric], x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Least value and span on train, missing left out, (features, 1); 0 where not asked."""

    def ranges(matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        known = tf.math.is_finite(matrix)
        least = tft.min(tf.where(known, matrix, matrix.dtype.max), reduce_instance_dims=False)
        greatest = tft.max(tf.where(known, matrix, matrix.dtype.min), reduce_instance_dims=False)
        empty = greatest < least
        return tf.where(empty, 0.0, least), tf.where(empty, 0.0, greatest - least)

    return _statistics(_chosen(features, "0_1"), ranges, x)


def _statistics(
    wanted: Sequence[bool],
    analyze: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    x: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Analyzes the wanted rows of ``x``, as columns of a matrix (batch, wanted).

    Returns:
        Two statistics as float32 (features, 1), 0 where not wanted.
    """
    if not any(wanted):
        nothing = tf.zeros((len(wanted), 1))
        return nothing, nothing
    rows = np.flatnonzero(wanted)
    places = np.full(len(wanted), rows.size)  # that of a zero put behind the statistics
    places[rows] = np.arange(rows.size)
    first, second = (
        tf.gather(tf.concat([tf.cast(statistic, tf.float32), [0.0]], axis=0), places)
        for statistic in analyze(tf.transpose(tf.gather(x, rows)))
    )
    return first[:, tf.newaxis], second[:, tf.newaxis]


def _usable(statistic: tf.Tensor) -> tf.Tensor:
    """Replaces the statistic of a column without values by zero."""
    return tf.where(tf.math.is_finite(statistic), statistic, tf.zeros_like(statistic))


def _scaled(
    x: tf.Tensor, chosen: Sequence[bool], shift: tf.Tensor, divisor: tf.Tensor
) -> tf.Tensor:
    """Shifts and divides the chosen rows; a constant one becomes zero."""
    if not any(chosen):
        return x
    usable = divisor > 0
    divided = tf.where(usable, (x - shift) / tf.where(usable, divisor, 1.0), 0.0)
    return tf.where(_column(chosen), divided, x)


def _column(values: Sequence[float] | Sequence[bool]) -> tf.Tensor:
    return tf.constant(values, tf.bool if isinstance(values[0], bool) else tf.float32)[:, None]
