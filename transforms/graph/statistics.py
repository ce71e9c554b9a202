"""What is learned from train of all numeric features, each kind of statistic as one matrix.

Every function takes the features and their numbers, float64 (features, batch) with NaN where a
value is missing, and returns statistics as float64 (features, 1): 0 where a feature asks for none,
or has no value in train.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import tf_utils

from forebay.transforms.definition.features import Numeric
from forebay.transforms.graph.quantiles import quantiles_of

# Of a mean: float64's own is 1e-16, and sums of many numbers round many times.
_ROUNDING = 1e-12


def moments(features: Sequence[Numeric], x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation."""

    def analyze(matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # tf.Transform leaves NaN out of its moments, column by column.
        mean = usable(tft.mean(matrix, reduce_instance_dims=False))
        variance = usable(tft.var(matrix, reduce_instance_dims=False))
        return mean, deviation_of(mean, variance)

    return _statistics([f.scale == "z_score" or f.impute == "mean" for f in features], analyze, x)


def deviation_of(mean: tf.Tensor, variance: tf.Tensor) -> tf.Tensor:
    """Returns the standard deviation; 0 where it is no more than what rounding makes of one value.

    The mean of a million times 0.1 is not 0.1, and so their variance not 0.
    """
    deviation = tf.sqrt(variance)
    return tf.where(deviation > _ROUNDING * tf.abs(mean), deviation, tf.zeros_like(deviation))


def ranges(features: Sequence[Numeric], x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Least value and span."""

    def analyze(matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        known = tf.math.is_finite(matrix)
        least = tft.min(tf.where(known, matrix, matrix.dtype.max), reduce_instance_dims=False)
        greatest = tft.max(tf.where(known, matrix, matrix.dtype.min), reduce_instance_dims=False)
        empty, zero = greatest < least, tf.zeros_like(least)
        return tf.where(empty, zero, least), tf.where(empty, zero, greatest - least)

    return _statistics([feature.scale in ("0_1", "-1_1") for feature in features], analyze, x)


def quartiles(features: Sequence[Numeric], x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Median and distance between the quartiles, which are values of train."""

    def analyze(matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        cuts = quantiles_of(tf.transpose(matrix), 4)
        return cuts[:, 1], cuts[:, 2] - cuts[:, 0]

    return _statistics([f.scale == "robust" or f.impute == "median" for f in features], analyze, x)


def modes(features: Sequence[Numeric], x: tf.Tensor) -> tf.Tensor:
    """The most frequent value, the least of several."""
    found = []
    for i, feature in enumerate(features):
        wanted = feature.impute == "most_frequent"
        found.append(_mode(x[i], feature.output) if wanted else tf.constant(0.0, x.dtype))
    return tf.stack(found)[:, tf.newaxis]


def _statistics(
    wanted: Sequence[bool],
    analyze: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    x: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Analyzes the wanted rows of ``x``, as columns of a matrix (batch, wanted).

    Returns:
        Two statistics as float64 (features, 1), 0 where not wanted.
    """
    if not any(wanted):
        nothing = tf.zeros((len(wanted), 1), x.dtype)
        return nothing, nothing
    rows = np.flatnonzero(wanted)
    places = np.full(len(wanted), rows.size)  # that of a zero put behind the statistics
    places[rows] = np.arange(rows.size)
    first, second = (
        tf.gather(tf.pad(statistic, [[0, 1]]), places)
        for statistic in analyze(tf.transpose(tf.gather(x, rows)))
    )
    return first[:, tf.newaxis], second[:, tf.newaxis]


def usable(statistic: tf.Tensor) -> tf.Tensor:
    """Replaces the statistic of a column without values by zero."""
    return tf.where(tf.math.is_finite(statistic), statistic, tf.zeros_like(statistic))


def _mode(x: tf.Tensor, name: str) -> tf.Tensor:
    """The most frequent number of train, float64 (), as the one line of a vocabulary.

    Args:
        x: float64 (batch,), NaN where it is missing.
        name: the feature's output, which names the vocabulary's file.
    """
    present = tf.boolean_mask(x, tf.math.is_finite(x))
    # Weights make tf.Transform count inside the graph, as for categories.
    vocabulary = tft.vocabulary(
        _to_tokens(present), top_k=1, vocab_filename=f"{name}_most_frequent",
        weights=tf.ones_like(present, tf.float32),
    )  # fmt: skip

    def lines(path: tf.Tensor) -> tf.lookup.StaticHashTable:
        numbered = tf.lookup.TextFileInitializer(
            path, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
            tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
        )  # fmt: skip
        return tf.lookup.StaticHashTable(numbered, default_value="")

    first = tf.constant([0], tf.int64)
    token, _ = tf_utils.construct_and_lookup_table(lines, vocabulary, first)
    return _from_token(token[0])


# A token is two numbers of so many digits: the upper and the lower half of 64 bits.
_HALF, _DIGITS = 2**32, 10


def _to_tokens(x: tf.Tensor) -> tf.Tensor:
    """Writes numbers as text that sorts the other way round, string (batch,).

    Of equally frequent tokens a vocabulary takes the last one. The bits of a float64 are in the
    numbers' own order once those of a negative number, its sign apart, are turned over.
    """
    upper, lower = _halves(_ordered(tf.bitcast(x + 0.0, tf.int64)))  # -0.0 + 0.0 is 0.0
    halves = (_HALF // 2 - 1 - upper, _HALF - 1 - lower)
    return tf.strings.join([tf.strings.as_string(half, width=_DIGITS, fill="0") for half in halves])


def _from_token(token: tf.Tensor) -> tf.Tensor:
    """Turns what `_to_tokens` wrote back into a number, float64.

    The line of an empty vocabulary is not a token, and comes out as 0.
    """
    is_token = tf.strings.regex_full_match(token, rf"\d{{{2 * _DIGITS}}}")
    text = tf.where(is_token, token, f"{_HALF // 2 - 1:0{_DIGITS}}{_HALF - 1:0{_DIGITS}}")
    upper, lower = (
        tf.strings.to_number(tf.strings.substr(text, start, _DIGITS), tf.int64)
        for start in (0, _DIGITS)
    )
    ordered = (_HALF // 2 - 1 - upper) * _HALF + (_HALF - 1 - lower)
    return tf.bitcast(_ordered(ordered), tf.float64)


def _halves(bits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The upper half of int64 numbers, with the sign, and the lower, from 0."""
    return tf.math.floordiv(bits, _HALF), tf.math.floormod(bits, _HALF)


def _ordered(bits: tf.Tensor) -> tf.Tensor:
    """Turns over all bits but the sign of negative int64 numbers; twice, it changes nothing."""
    return tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, tf.int64.max), bits)
