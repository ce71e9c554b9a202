"""Categories inside the transform graph: ids, and how frequent values are."""

from collections.abc import Callable, Sequence

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import tf_utils

from forebay.transforms.definition.features import (
    Categorical,
    Frequency,
    Frequent,
    Hashed,
    Identity,
    Informative,
    Listed,
)
from forebay.transforms.definition.features.categorical import MOST_FREQUENT
from forebay.transforms.graph.ids import Ids, with_missing
from forebay.transforms.graph.missing import is_missing

_NEXT_TO_NOTHING = 1e-30
# Gives the label's classes, int64 (batch,), of a label cut at boundaries.
Classes = Callable[[Sequence[float]], tf.Tensor]


def category_ids(feature: Categorical, column: tf.Tensor, classes: Classes) -> Ids:
    """Returns a category's ids: those of known values, of others, and of a missing value.

    Args:
        feature: the category.
        column: string or int64 (batch,).
        classes: the classes of the label; only analyzers look at it.
    """
    missing = is_missing(column)
    if feature.impute is None:
        found = _ids(feature, column, classes)
        return with_missing(found.values, found.size, missing)
    if feature.impute != MOST_FREQUENT:
        value = tf.constant(feature.impute, column.dtype)
        return _ids(feature, tf.where(missing, value, column), classes)
    found = _ids(feature, column, classes)
    # A vocabulary by frequency needs no counting.
    most = 0 if isinstance(feature.ids, Frequent) else _most_frequent(feature, found, missing)
    return Ids(tf.where(missing, tf.cast(most, tf.int64), found.values), found.size)


def _ids(feature: Categorical, column: tf.Tensor, classes: Classes) -> Ids:
    """Returns the ids of known and of other values; missing ones have any."""
    name = feature.output
    if isinstance(feature.ids, Identity):
        size = feature.ids.size
        inside = tf.logical_and(column >= 0, column < size)
        return _known(tf.where(inside, column, size), size + 1)
    # What is done to texts is done once for each that a batch has.
    distinct, place, rows = tf.unique_with_counts(column, tf.int64)
    tokens = _as_text(distinct)
    match feature.ids:
        case Hashed(buckets):
            found = _known(tf.strings.to_hash_bucket_fast(tokens, buckets), buckets)
        case Listed(values, oov_buckets):
            found = _known(_listed_ids(tokens, feature.ids), len(values) + oov_buckets)
        case Frequent() | Informative() as ids:
            lines = _as_line(tokens)
            if isinstance(ids, Frequent):
                vocabulary = _frequent(lines, rows, is_missing(distinct), ids, name)
            else:
                of_rows = tf.gather(lines, place)
                vocabulary = _informative(of_rows, is_missing(column), ids, name, classes)
            values = tft.apply_vocabulary(lines, vocabulary, num_oov_buckets=ids.oov_buckets)
            size = tft.experimental.get_vocabulary_size_by_name(name)
            found = Ids(values, size + ids.oov_buckets)
    return Ids(tf.gather(found.values, place), found.size)


def _as_text(values: tf.Tensor) -> tf.Tensor:
    return values if values.dtype == tf.string else tf.strings.as_string(values)


def _known(values: tf.Tensor, size: int) -> Ids:
    return Ids(values, tf.constant(size, tf.int64))


def _listed_ids(tokens: tf.Tensor, listed: Listed) -> tf.Tensor:
    texts = [v if isinstance(v, str) else str(int(v)) for v in listed.values]

    def table() -> tf.lookup.StaticVocabularyTable:
        ids = tf.lookup.KeyValueTensorInitializer(texts, range(len(texts)), tf.string, tf.int64)
        return tf.lookup.StaticVocabularyTable(ids, listed.oov_buckets)

    return tft.make_and_track_object(table).lookup(tokens)


def _frequent(
    distinct: tf.Tensor,
    rows: tf.Tensor,
    missing: tf.Tensor,
    wanted: Frequent,
    name: str,
    *,
    counted: bool = False,
) -> tf.Tensor:
    """Returns the deferred path of a vocabulary of train.

    Args:
        distinct: the distinct texts of a batch.
        rows: how many rows have each.
        missing: which of them stands for a missing value.
        wanted: what enters the vocabulary.
        name: the name of its file.
        counted: whether its lines begin with counts.
    """
    there = tf.where(tf.logical_not(missing))[:, 0]
    # Rows as weights: tf.Transform would hand every row's text to Python. The files are the same.
    return tft.vocabulary(
        tf.gather(distinct, there),
        top_k=wanted.top_k,
        frequency_threshold=wanted.min_count if wanted.min_count > 1 else None,
        vocab_filename=name,
        weights=tf.cast(tf.gather(rows, there), tf.float32),
        store_frequency=counted,
    )


def _informative(
    lines: tf.Tensor, missing: tf.Tensor, wanted: Informative, name: str, classes: Classes
) -> tf.Tensor:
    """Returns the deferred path of a vocabulary of train, of each row's text."""
    there = tf.logical_not(missing)
    texts = tf.boolean_mask(lines, there)
    # tf.Transform fails on rows without any text. They are given the one that no vocabulary takes,
    # the empty one, and it weighs next to nothing.
    stand_in = tf.fill([tf.cast(tf.equal(tf.size(texts), 0), tf.int32)], "")
    labels = tf.boolean_mask(classes(wanted.label_boundaries), there)
    weights = tf.ones_like(texts, tf.float32), tf.fill(tf.shape(stand_in), _NEXT_TO_NOTHING)
    return tft.vocabulary(
        tf.concat([texts, stand_in], axis=0),
        top_k=wanted.top_k,
        vocab_filename=name,
        labels=tf.concat([labels, tf.zeros_like(stand_in, tf.int64)], axis=0),
        weights=tf.concat(weights, axis=0),
        use_adjusted_mutual_info=wanted.adjusted,
        min_diff_from_avg=0,  # else differences of a few rows would count as none
    )


def _most_frequent(feature: Categorical, found: Ids, missing: tf.Tensor) -> tf.Tensor:
    """Returns the id of a known value that most training rows have; 0 where none has any."""
    known = found.size - feature.oov_ids
    counts = tf.logical_and(tf.logical_not(missing), found.values < known)
    ids = tf.boolean_mask(found.values, counts)
    rows = tf.math.unsorted_segment_sum(tf.ones_like(ids), ids, known)
    totals = tft.sum(rows[tf.newaxis], reduce_instance_dims=False)
    return tf.argmax(tf.ensure_shape(totals, [None]), output_type=tf.int64)


def frequencies(feature: Frequency, column: tf.Tensor) -> tf.Tensor:
    """Returns the share of training rows that have a row's value, float32 (batch,)."""
    distinct, place, there = tf.unique_with_counts(column, tf.int64)
    words, missing = _as_word(_as_text(distinct)), is_missing(distinct)
    counted = _frequent(words, there, missing, Frequent(), feature.output, counted=True)

    def table(path: tf.Tensor) -> tf.lookup.StaticHashTable:
        counts = tf.lookup.TextFileInitializer(
            path, key_dtype=tf.string, key_index=1, value_dtype=tf.float64, value_index=0,
            delimiter=" ",
        )  # fmt: skip
        return tf.lookup.StaticHashTable(counts, default_value=0.0)

    counts, _ = tf_utils.construct_and_lookup_table(table, counted, words)
    without = tf.cast(tft.sum(tf.cast(is_missing(column), tf.int64)), tf.float64)
    rows = tf.maximum(tf.cast(tft.size(column), tf.float64), 1.0)
    shares = tf.where(missing, without, counts) / rows
    return tf.gather(tf.cast(shares, tf.float32), place)


def _as_line(text: tf.Tensor) -> tf.Tensor:
    """Makes any text a line of a vocabulary file, distinct texts distinct lines.

    Vocabularies are text files, whose lines are neither empty nor broken. (tf.Transform's TFRecord
    vocabularies hold any token, but TensorFlow 2.21 leaves their path in a model that embeds the
    graph, which then needs the run folder.) The stand-ins are bytes that UTF-8 never has.
    """
    text = tf.strings.regex_replace(text, "\n", b"\xfd")
    text = tf.strings.regex_replace(text, "\r", b"\xfc")
    return tf.where(tf.equal(text, ""), b"\xfe", text)


def _as_word(text: tf.Tensor) -> tf.Tensor:
    """Makes any text a word of a file of counts and tokens, distinct texts distinct words.

    The lines of these files are a count, a space and a token, and must be UTF-8.
    """
    for character, code in (("%", "%25"), (" ", "%20"), ("\n", "%0A"), ("\r", "%0D")):
        text = tf.strings.regex_replace(text, character, code)
    return tf.where(tf.equal(text, ""), "%", text)
