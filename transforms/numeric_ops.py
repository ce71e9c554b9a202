"""Numeric features inside the transform graph.

The statistics of all numeric features are gathered as vectors, one analyzer each, because
tf.Transform's cost grows with the number of its analyzers far more than with their width.
"""

from collections.abc import Mapping, Sequence

import tensorflow as tf
import tensorflow_transform as tft

from transforms.features import Numeric
from transforms.missing import is_missing, number


def numeric_outputs(
    features: Sequence[Numeric], columns: Mapping[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """Returns the outputs of numeric features, float32 (batch,) by output name.

    Args:
        features: the features.
        columns: the graph's input columns, (batch,) each.
    """
    shaped = [_shape(feature, number(columns[feature.column])) for feature in features]
    means, deviations = _moments(features, shaped)
    least, spans = _ranges(features, shaped)
    outputs = {}
    for i, feature in enumerate(features):
        missing = is_missing(columns[feature.column])
        fill = means.get(i) if feature.impute == "mean" else _constant(feature)
        x = tf.where(missing, fill, shaped[i])
        if feature.scale == "z_score":
            x = _divided(x - means[i], deviations[i])
        elif feature.scale == "0_1":
            x = _divided(x - least[i], spans[i])
        outputs[feature.output] = x
        if feature.indicator:
            outputs[feature.indicator_output] = tf.cast(missing, tf.float32)
    return outputs


def _shape(feature: Numeric, x: tf.Tensor) -> tf.Tensor:
    """Clips and takes the logarithm; missing stays NaN."""
    low, high = feature.clip
    x = x if low is None else tf.maximum(x, low)
    x = x if high is None else tf.minimum(x, high)
    return tf.sign(x) * tf.math.log1p(tf.abs(x)) if feature.log1p else x


def _constant(feature: Numeric) -> tf.Tensor:
    return _shape(feature, tf.constant(float(feature.impute), tf.float32))


def _moments(
    features: Sequence[Numeric], shaped: Sequence[tf.Tensor]
) -> tuple[dict[int, tf.Tensor], dict[int, tf.Tensor]]:
    """Returns mean and standard deviation on train, missing values left out, by position."""
    chosen = [i for i, f in enumerate(features) if f.scale == "z_score" or f.impute == "mean"]
    if not chosen:
        return {}, {}
    # tf.Transform leaves NaN out of its moments, column by column.
    matrix = tf.cast(tf.stack([shaped[i] for i in chosen], axis=1), tf.float64)
    mean = _usable(tft.mean(matrix, reduce_instance_dims=False))
    variance = _usable(tft.var(matrix, reduce_instance_dims=False))
    return _by_position(chosen, mean), _by_position(chosen, tf.sqrt(variance))


def _ranges(
    features: Sequence[Numeric], shaped: Sequence[tf.Tensor]
) -> tuple[dict[int, tf.Tensor], dict[int, tf.Tensor]]:
    """Returns least value and span on train, missing values left out, by position."""
    chosen = [i for i, f in enumerate(features) if f.scale == "0_1"]
    if not chosen:
        return {}, {}
    matrix = tf.stack([shaped[i] for i in chosen], axis=1)
    known = tf.math.is_finite(matrix)
    least = tft.min(tf.where(known, matrix, matrix.dtype.max), reduce_instance_dims=False)
    greatest = tft.max(tf.where(known, matrix, matrix.dtype.min), reduce_instance_dims=False)
    empty = greatest < least
    least, span = tf.where(empty, 0.0, least), tf.where(empty, 0.0, greatest - least)
    return _by_position(chosen, least), _by_position(chosen, span)


def _by_position(chosen: Sequence[int], vector: tf.Tensor) -> dict[int, tf.Tensor]:
    return {i: tf.cast(vector[j], tf.float32) for j, i in enumerate(chosen)}


def _usable(statistic: tf.Tensor) -> tf.Tensor:
    """Replaces the statistic of a column without values by zero."""
    return tf.where(tf.math.is_finite(statistic), statistic, tf.zeros_like(statistic))


def _divided(x: tf.Tensor, divisor: tf.Tensor) -> tf.Tensor:
    """Divides; a constant column becomes zero."""
    usable = divisor > 0
    return tf.where(usable, x / tf.where(usable, divisor, 1.0), tf.zeros_like(x))
