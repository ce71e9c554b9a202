"""Vocabularies inside the transform graph."""

import tensorflow as tf
import tensorflow_transform as tft

from transforms.features import Categorical
from transforms.graph.ids import Ids, with_missing
from transforms.graph.missing import is_missing


def category_ids(feature: Categorical, column: tf.Tensor) -> Ids:
    """Returns a category's ids: the vocabulary's, the OOV buckets', that of a missing value."""
    tokens = _as_line(column) if column.dtype == tf.string else tf.strings.as_string(column)
    missing = is_missing(column)
    present = tf.boolean_mask(tokens, tf.logical_not(missing))
    # Weights of one make tf.Transform count distinct tokens inside the graph, batch by batch,
    # where it would otherwise hand every token to Python. The files are the same.
    vocabulary = tft.vocabulary(
        present,
        top_k=feature.top_k,
        frequency_threshold=feature.min_count if feature.min_count > 1 else None,
        vocab_filename=feature.output,
        weights=tf.ones_like(present, tf.float32),
    )
    ids = tft.apply_vocabulary(tokens, vocabulary, num_oov_buckets=feature.oov_buckets)
    size = tft.experimental.get_vocabulary_size_by_name(feature.output)
    return with_missing(ids, size + feature.oov_buckets, missing)


def _as_line(text: tf.Tensor) -> tf.Tensor:
    """Makes any text a line of a vocabulary file, distinct texts distinct lines.

    Vocabularies are text files, whose lines are neither empty nor broken. (tf.Transform's TFRecord
    vocabularies hold any token, but TensorFlow 2.21 leaves their path in a model that embeds the
    graph, which then needs the run folder.) The stand-ins are bytes that UTF-8 never has.
    """
    text = tf.strings.regex_replace(text, "\n", b"\xfd")
    text = tf.strings.regex_replace(text, "\r", b"\xfc")
    return tf.where(tf.equal(text, ""), b"\xfe", text)
