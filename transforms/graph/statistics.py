"""What is learned from train of all numeric features, each kind of statistic as one matrix.

Every function takes the features and their numbers, float32 (features, batch) with NaN where a
value is missing, and returns statistics as float32 (features, 1): 0 where a feature asks for none,
or has no value in train.
"""

import contextlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from forebay.transforms.definition.features import Numeric
from forebay.transforms.graph.quantiles import quantiles_of


def moments(features: Sequence[Numeric], x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation."""

    def analyze(matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # tf.Transform leaves NaN out of its moments, column by column.
        matrix = tf.cast(matrix, tf.float64)
        mean = _usable(tft.mean(matrix, reduce_instance_dims=False))
        variance = _usable(tft.var(matrix, reduce_instance_dims=False))
        return mean, tf.sqrt(variance)

    return _statistics([f.scale == "z_score" or f.impute == "mean" for f in features], analyze, x)


def ranges(features: Sequence[Numeric], x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Least value and span."""

    def analyze(matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        known = tf.math.is_finite(matrix)
        least = tft.min(tf.where(known, matrix, matrix.dtype.max), reduce_instance_dims=False)
        greatest = tft.max(tf.where(known, matrix, matrix.dtype.min), reduce_instance_dims=False)
        empty = greatest < least
        return tf.where(empty, 0.0, least), tf.where(empty, 0.0, greatest - least)

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
        found.append(_mode(x[i], feature.output) if wanted else tf.constant(0.0))
    return tf.stack(found)[:, tf.newaxis]


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


def _mode(x: tf.Tensor, name: str) -> tf.Tensor:
    """The most frequent number of train, float32 (), as the one line of a vocabulary.

    Args:
        x: float32 (batch,), NaN where it is missing.
        name: the feature's output, which names the vocabulary's file.
    """
    present = tf.boolean_mask(x, tf.math.is_finite(x))
    # Weights make tf.Transform count inside the graph, as for categories.
    vocabulary = tft.vocabulary(
        _to_tokens(present), top_k=1, vocab_filename=f"{name}_most_frequent",
        weights=tf.ones_like(present),
    )  # fmt: skip
    token = tft.apply_vocabulary(tf.constant([0], tf.int64), vocabulary, lookup_fn=_read_lines)
    return _from_token(token[0])


def _read_lines(places: tf.Tensor, path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns lines of a vocabulary of `_to_tokens`, int64, and how many there are.

    The line of an empty vocabulary is not a number, and comes out as the token of 0.
    """
    # A table is made once, as tf.Transform's own are, where its file is known while tracing.
    known = tf.inside_function() and not tf.is_symbolic_tensor(path)
    with tf.init_scope() if known else contextlib.nullcontext():
        lines = tf.lookup.TextFileInitializer(
            path, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
            tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
        )  # fmt: skip
        table = tf.lookup.StaticHashTable(lines, default_value="")
        size = table.size()
    found = table.lookup(places)
    is_number = tf.strings.regex_full_match(found, rf"\d{{{_DIGITS}}}")
    return tf.strings.to_number(tf.where(is_number, found, str(_ZERO)), tf.int64), size


_ZERO = 2**31  # the token of 0.0
_DIGITS = 10


def _to_tokens(x: tf.Tensor) -> tf.Tensor:
    """Writes numbers as text that sorts the other way round, string (batch,).

    Of equally frequent tokens a vocabulary takes the last one. The bits of a float32 read as sign
    and magnitude are in the numbers' own order.
    """
    bits = tf.cast(tf.bitcast(x, tf.int32), tf.int64)
    signed = tf.where(bits < 0, -(bits + _ZERO), bits)
    return tf.strings.as_string(_ZERO - signed, width=_DIGITS, fill="0")


def _from_token(token: tf.Tensor) -> tf.Tensor:
    """Turns what `_to_tokens` wrote back into a number, float32."""
    signed = _ZERO - token
    bits = tf.where(signed < 0, -signed - _ZERO, signed)
    return tf.bitcast(tf.cast(bits, tf.int32), tf.float32)
