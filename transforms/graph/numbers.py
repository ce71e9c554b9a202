"""Numeric features inside the transform graph.

All numeric features are computed together, as the rows of one matrix. tf.Transform traces, copies
and optimises the graph several times over, so that its fixed cost grows with the number of
operations far more than with their width; the same holds for its analyzers.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from forebay.transforms.definition.features import Numeric
from forebay.transforms.graph import statistics
from forebay.transforms.graph.derived_numbers import operand
from forebay.transforms.graph.inputs import Inputs
from forebay.transforms.graph.missing import is_missing, numbers, to_float32
from forebay.transforms.graph.per_key import with_moments_per_key


def numeric_outputs(features: Sequence[Numeric], given: Inputs) -> dict[str, tf.Tensor]:
    """Returns the outputs of numeric features, float32 (batch,) by output name.

    Args:
        features: the features.
        given: the graph's input columns.
    """
    if not features:
        return {}
    operands = [operand(feature.column, given) for feature in features]
    shaped = _shape(features, numbers(operands))
    missing = is_missing(shaped)
    mean, deviation = with_moments_per_key(
        features, given.columns, shaped, statistics.moments(features, shaped)
    )
    quartiles = statistics.quartiles(features, shaped)
    x = tf.where(missing, _fills(features, shaped, mean, quartiles[0]), shaped)
    x = _scaled(features, "z_score", x, lambda: (mean, deviation))
    least, span = statistics.ranges(features, shaped)
    x = _scaled(features, "0_1", x, lambda: (least, span))
    x = _scaled(features, "-1_1", x, lambda: (least + span / 2, span / 2))
    x = _scaled(features, "robust", x, lambda: _moved_by_quartiles(*quartiles))
    found = tf.unstack(to_float32(x))
    outputs = dict(zip([feature.output for feature in features], found, strict=True))
    marked = [i for i, feature in enumerate(features) if feature.indicator]
    if marked:
        indicators = tf.unstack(tf.cast(tf.gather(missing, marked), tf.float32))
        names = [features[i].indicator_output for i in marked]
        outputs |= zip(names, indicators, strict=True)
    return outputs


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


def _fills(
    features: Sequence[Numeric], x: tf.Tensor, mean: tf.Tensor, median: tf.Tensor
) -> tf.Tensor:
    """What stands for a missing value, (features, 1); (features, batch) where means have keys.

    Args:
        features: the features.
        x: float64 (features, batch), clipped and logarithmic.
        mean: the mean of train, (features, 1), or (features, batch) of each row's key.
        median: the median of train, (features, 1).
    """
    constants = [0.0 if isinstance(f.impute, str) else float(f.impute) for f in features]
    fills = tf.where(_imputed(features, "mean"), mean, _shape(features, _column(constants)))
    if any(feature.impute == "median" for feature in features):
        fills = tf.where(_imputed(features, "median"), median, fills)
    if any(feature.impute == "most_frequent" for feature in features):
        mode = statistics.modes(features, x)
        fills = tf.where(_imputed(features, "most_frequent"), mode, fills)
    return fills


def _imputed(features: Sequence[Numeric], policy: str) -> tf.Tensor:
    return _column([feature.impute == policy for feature in features])


def _moved_by_quartiles(median: tf.Tensor, distance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Equal quartiles do not make a column constant: it is moved, and keeps its scale."""
    return median, tf.where(distance > 0, distance, 1.0)


def _scaled(
    features: Sequence[Numeric],
    scale: str,
    x: tf.Tensor,
    moves: Callable[[], tuple[tf.Tensor, tf.Tensor]],
) -> tf.Tensor:
    """Shifts and divides the rows of features with this scale; a constant one becomes zero.

    Args:
        features: the features.
        scale: one of `Numeric`.
        x: float64 (features, batch).
        moves: makes what is subtracted and what it is divided by then, if a feature wants it.
    """
    chosen = [feature.scale == scale for feature in features]
    if not any(chosen):
        return x
    shift, divisor = moves()
    usable = divisor > 0
    divided = tf.where(usable, (x - shift) / tf.where(usable, divisor, 1.0), 0.0)
    return tf.where(_column(chosen), divided, x)


def _column(values: Sequence[float] | Sequence[bool]) -> tf.Tensor:
    return tf.constant(values, tf.bool if isinstance(values[0], bool) else tf.float64)[:, None]
