"""Lists of terms inside the transform graph: texts and sets of categories as padded ids."""

from dataclasses import dataclass

import tensorflow as tf
import tensorflow_transform as tft

from forebay.transforms.definition.features import MultiHot, Text
from forebay.transforms.graph.ids import Ids
from forebay.transforms.graph.missing import is_missing

JOINT = " "  # what joins the tokens of a term


@dataclass(frozen=True)
class TermLists:
    """What a feature of terms becomes.

    Attributes:
        ids: int64 (batch, width); padding is the last id.
        numbers: float32 outputs beside them, by name: weights (batch, width), the indicator
            (batch,).
    """

    ids: Ids
    numbers: dict[str, tf.Tensor]


@dataclass(frozen=True)
class _Bags:
    """Distinct ids of each row, ascending, and how often each occurs: int64, ragged alike."""

    ids: tf.RaggedTensor
    counts: tf.RaggedTensor


def term_lists(feature: Text | MultiHot, column: tf.Tensor) -> TermLists:
    """Returns the ids of texts, string (batch,), and what goes with them."""
    missing = is_missing(column)
    texts = tf.where(missing, "", column)
    terms = tokens_of(feature, texts) if isinstance(feature, Text) else _values(feature, texts)
    ids, count = _vocabulary_ids(feature, terms)
    numbers = {}
    if isinstance(feature, Text) and feature.weigh is None:
        padded = _padded(ids, count, feature.width)
    else:
        bags = _bags(ids, count + 1)
        padded = _padded(bags.ids, count, feature.width)
        if isinstance(feature, Text):
            weights = _weights(feature, bags, count, missing)
            numbers[feature.weight_output] = _padded(weights, 0.0, feature.width)
    if feature.indicator:
        numbers[feature.indicator_output] = tf.cast(missing, tf.float32)
    return TermLists(Ids(padded, count + 1), numbers)


def tokens_of(feature: Text, texts: tf.Tensor) -> tf.RaggedTensor:
    """Returns the terms of texts, string (batch,): ragged, those of fewer tokens first."""
    if feature.lower:
        texts = tf.strings.lower(texts, encoding="utf-8")
    tokens = tf.strings.split(tf.strings.regex_replace(texts, feature.split_on, JOINT))
    tokens = tokens[:, : feature.max_tokens]
    least, most = feature.ngrams
    if most == 1:
        return tokens
    sizes = tuple(range(least, most + 1))
    return tf.strings.ngrams(tokens, sizes, separator=JOINT)


def _values(feature: MultiHot, texts: tf.Tensor) -> tf.RaggedTensor:
    """Returns the categories of texts, blanks around them and empty ones left out."""
    values = tf.strings.split(texts, feature.separator)
    # Vocabularies are text files: a line break in a category reads as a blank.
    stripped = tf.strings.strip(tf.strings.regex_replace(values.flat_values, "[\r\n]", " "))
    values = values.with_flat_values(stripped)
    return tf.ragged.boolean_mask(values, tf.not_equal(values, ""))[:, : feature.max_values]


def _vocabulary_ids(
    feature: Text | MultiHot, terms: tf.RaggedTensor
) -> tuple[tf.RaggedTensor, tf.Tensor]:
    """Returns the terms' ids, and how many ids terms have: int64, ragged and ()."""
    # Weights of one make tf.Transform count distinct terms inside the graph.
    vocabulary = tft.vocabulary(
        terms.flat_values,
        top_k=feature.top_k,
        frequency_threshold=feature.min_count if feature.min_count > 1 else None,
        vocab_filename=feature.output,
        weights=tf.ones_like(terms.flat_values, tf.float32),
    )
    found = tft.apply_vocabulary(terms.flat_values, vocabulary, num_oov_buckets=feature.oov_buckets)
    ids = terms.with_flat_values(found)
    if not feature.oov_buckets:
        ids = tf.ragged.boolean_mask(ids, ids >= 0)
    size = tft.experimental.get_vocabulary_size_by_name(feature.output)
    return ids, size + feature.oov_buckets


def _bags(ids: tf.RaggedTensor, size: tf.Tensor) -> _Bags:
    """Gathers the ids of each row.

    Args:
        ids: int64 (batch, any), below ``size``.
        size: int64 ().
    """
    pairs = tf.sort(ids.value_rowids() * size + ids.flat_values)
    distinct, _, counts = tf.unique_with_counts(pairs, tf.int64)
    rows, batch = tf.math.floordiv(distinct, size), ids.nrows()
    gathered = tf.RaggedTensor.from_value_rowids(
        tf.math.floormod(distinct, size), rows, nrows=batch, validate=False
    )
    return _Bags(gathered, gathered.with_flat_values(counts))


def _weights(feature: Text, bags: _Bags, count: tf.Tensor, missing: tf.Tensor) -> tf.RaggedTensor:
    """Returns what each distinct term weighs, float32, ragged as the bags."""
    if feature.weigh == "presence":
        return tf.ones_like(bags.ids, tf.float32)
    if feature.weigh == "count":
        return tf.cast(bags.counts, tf.float32)
    counts = tf.cast(bags.counts.flat_values, tf.float64)
    frequencies = _inverse_frequencies(bags, count, missing)
    weights = counts * tf.gather(frequencies, bags.ids.flat_values)
    if feature.norm == "l2":
        weights = weights / tf.sqrt(_totals(tf.square(weights), bags.ids))
    elif feature.norm == "length":
        weights = weights / _totals(counts, bags.ids)
    return bags.ids.with_flat_values(tf.cast(weights, tf.float32))


def _totals(values: tf.Tensor, ids: tf.RaggedTensor) -> tf.Tensor:
    """Returns for each of a row's values their sum over the row, as flat as ``ids``."""
    rows = ids.value_rowids()
    return tf.gather(tf.math.unsorted_segment_sum(values, rows, ids.nrows()), rows)


def _inverse_frequencies(bags: _Bags, count: tf.Tensor, missing: tf.Tensor) -> tf.Tensor:
    """Returns 1 + ln((1 + texts) / (1 + texts with the term)) on train, float64 (ids,).

    The formula is that of ``tft.tfidf(smooth=True)``; a row's distinct ids make it count texts.
    """
    ids = bags.ids.flat_values
    with_term = tf.math.unsorted_segment_sum(tf.ones_like(ids), ids, count)
    texts = tf.reduce_sum(tf.cast(tf.logical_not(missing), tf.int64))
    with_term, texts = (
        tf.cast(tft.sum(x[tf.newaxis], reduce_instance_dims=False), tf.float64)
        for x in (with_term, texts)
    )
    return 1.0 + tf.math.log((1.0 + texts) / (1.0 + with_term))


def _padded(values: tf.RaggedTensor, padding: tf.Tensor | float, width: int) -> tf.Tensor:
    """Returns (batch, width)."""
    padding = tf.cast(padding, values.dtype)
    return values.to_tensor(default_value=padding, shape=[None, width])
