"""Batches to train on: endless, shuffled, and each a function of (seed, step).

So a training that continues sees the rows that it would have seen, wherever its split is kept. A
pass is as many whole batches as its rows fill; the few left over, other ones each time, wait for
the next.

Nothing here waits where it can run ahead: the order of the next pass, or the next chunk of its
rows, is made while the rows before it are trained on. Rows in memory are gathered by the step that
trains on them: made ahead, they would leave the processor's caches before they are used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import tensorflow as tf

from forebay.trainer.examples.records import DATA, read_records
from forebay.trainer.examples.split_reader import Examples, SplitReader
from forebay.trainer.examples.weighting import UNWEIGHTED, Weighting
from forebay.trainer.options import DataOptions
from forebay.trainer.options.choose import steps_per_pass

# Rows that are gathered or parsed at a time: what a call costs, whatever the size of its batch, is
# then a small part of a step.
CALL_ROWS = 8_192
PASSES = 2**31 - 1


@dataclass(frozen=True)
class Batches:
    """Endless shuffled batches, each pass over the rows in another order.

    Attributes:
        ahead: returns, from a step on, what is made of the batches before their steps; the steps
            before it are skipped.
        beside: returns the same, to be read while another iterator is: a cache that is being
            written has one reader, and this one is none.
        finish: makes that a batch, (inputs, label, weight), as part of its step: the inputs are
            the matrices of `Examples.inputs`, label and weight float32 (batch,).
    """

    ahead: Callable[[int], tf.data.Dataset]
    beside: Callable[[int], tf.data.Dataset]
    finish: Callable[..., tuple[Any, tf.Tensor, tf.Tensor]]

    def whole(self, first_step: int) -> tf.data.Dataset:
        """Returns the batches themselves, from a step on."""
        return self.ahead(first_step).map(self.finish)

    def whole_beside(self, first_step: int) -> tf.data.Dataset:
        """Returns the same, to be read while another iterator is."""
        return self.beside(first_step).map(self.finish)


def training_batches(
    reader: SplitReader,
    examples: Examples | None,
    batch_size: int,
    seed: int,
    weighting: Weighting = UNWEIGHTED,
    data: DataOptions = DATA,
    cache: str | None = None,
) -> Batches:
    """Returns the batches of a training.

    Args:
        reader: the reader of the train split.
        examples: the split, where it is kept in memory, or those of its rows that are trained on.
        batch_size: rows per batch.
        seed: the seed of the order.
        weighting: what rows count.
        data: how rows are read, shuffled and made ahead.
        cache: what the names of files on a local disk begin with, to which the first pass over a
            split that is not kept in memory writes its parsed rows; later ones read them there.
            None: every pass reads and parses the split's own files.
    """
    rows = reader.rows if examples is None else len(examples)
    batch_size = min(batch_size, rows)

    def ahead(first_step: int, *, cached: bool = True) -> tf.data.Dataset:
        start = divmod(first_step, steps_per_pass(rows, batch_size))
        if examples is not None:
            groups = _places(len(examples), batch_size, seed, start)
        elif cache is not None:
            groups = _parsed(reader, batch_size, seed, start, cache if cached else None, data)
        else:
            groups = _records(reader, batch_size, seed, start, data).map(
                _parse(reader), num_parallel_calls=2, deterministic=data.deterministic
            )
        # Not unbatch: it crashes on matrices without columns.
        return groups.rebatch(batch_size, drop_remainder=True).prefetch(data.prefetch)

    fetch = _as_it_is if examples is None else _gather(examples)

    def finish(*made: tf.Tensor) -> tuple[Any, tf.Tensor, tf.Tensor]:
        inputs, label, weight = fetch(*made)
        return inputs, label, weighting.row_weights(label, weight)

    return Batches(ahead, partial(ahead, cached=False), finish)


def _places(rows: int, batch_size: int, seed: int, start: tuple[int, int]) -> tf.data.Dataset:
    """Places in a split in memory, int32 (rows of some batches,); ``start`` is (pass, batch)."""

    def order(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        places = tf.random.experimental.stateless_shuffle(tf.range(rows), _seed(seed, number))
        return number, places

    def batches_of(number: tf.Tensor, places: tf.Tensor) -> tf.data.Dataset:
        first = tf.where(number == start[0], tf.constant(start[1], tf.int64), 0)
        # A tuple of one, as the other ways' elements are tuples.
        return _groups(places, first, batch_size).map(lambda group: (group,))

    passes = tf.data.Dataset.range(start[0], PASSES)
    return passes.map(order).prefetch(1).flat_map(batches_of)


def _records(
    reader: SplitReader, batch_size: int, seed: int, start: tuple[int, int], data: DataOptions
) -> tf.data.Dataset:
    """Serialized examples, string (rows of some batches,), read from the files in every pass."""

    def chunks_of(number: tf.Tensor) -> tf.data.Dataset:
        parts = reader.share.parts
        order = tf.random.experimental.stateless_shuffle(tf.range(len(parts)), _seed(seed, number))
        records = read_records(parts, order, data)
        return records.batch(_chunk_rows(data, batch_size))

    return _of_chunks(chunks_of, batch_size, seed, start, data)


def _parsed(
    reader: SplitReader,
    batch_size: int,
    seed: int,
    start: tuple[int, int],
    cache: str | None,
    data: DataOptions,
) -> tf.data.Dataset:
    """Parsed rows of some batches, which the first pass writes to a cache and later ones read.

    Without a cache they are read from the files in every pass, in the same order.
    """
    records = read_records(reader.share.parts, data=data)
    chunks = records.batch(_chunk_rows(data, batch_size)).map(_parse(reader))
    if cache is not None:
        chunks = chunks.cache(cache)
    return _of_chunks(lambda number: chunks, batch_size, seed, start, data)


def _chunk_rows(data: DataOptions, batch_size: int) -> int:
    """Returns how many rows are shuffled among each other: a number of whole batches.

    They lie in the files in the order of a hash, so that each chunk is a fair sample already.
    """
    return max(1, data.shuffle_buffer // batch_size) * batch_size


def _of_chunks(
    chunks_of: Callable[[tf.Tensor], tf.data.Dataset],
    batch_size: int,
    seed: int,
    start: tuple[int, int],
    data: DataOptions,
) -> tf.data.Dataset:
    """Rows of some batches at a time, of the chunks of a pass, each shuffled.

    Args:
        chunks_of: returns the chunks of the pass of a number: one tensor or several, (rows, ...)
            each, all but the last of `_chunk_rows`.
        batch_size: rows per batch.
        seed: the seed of the order.
        start: (pass, batch) to begin with.
        data: says how many rows a chunk has.
    """
    first_chunk, first_batch = divmod(start[1], _chunk_rows(data, batch_size) // batch_size)

    def numbered(number: tf.Tensor) -> tf.data.Dataset:
        chunks = chunks_of(number).enumerate()
        skipped = tf.where(number == start[0], tf.constant(first_chunk, tf.int64), 0)
        return chunks.skip(skipped).map(lambda i, chunk: (number, i, chunk))

    def ordered(number: tf.Tensor, i: tf.Tensor, chunk: Any) -> Any:
        rows = tf.shape(tf.nest.flatten(chunk)[0])[0]
        # Not Dataset.shuffle: its seed may be no tensor once a global seed is set.
        places = tf.random.experimental.stateless_shuffle(
            tf.range(rows), _seed(seed, number, i + 1)
        )
        is_first = tf.logical_and(number == start[0], i == first_chunk)
        return tf.where(is_first, tf.constant(first_batch, tf.int64), 0), places, chunk

    def batches_of(first: tf.Tensor, places: tf.Tensor, chunk: Any) -> tf.data.Dataset:
        def gather(group: tf.Tensor) -> Any:
            return tf.nest.map_structure(lambda rows: tf.gather(rows, group), chunk)

        return _groups(places, first, batch_size).map(gather)

    passes = tf.data.Dataset.range(start[0], PASSES)
    return passes.flat_map(numbered).map(ordered).prefetch(1).flat_map(batches_of)


def _seed(seed: int, number: tf.Tensor, chunk: tf.Tensor | int = 0) -> tf.Tensor:
    """Seeds of one pass, int64 (2,); of one chunk of it where chunks are counted from 1."""
    return tf.stack([tf.constant(seed, tf.int64), number + tf.cast(chunk, tf.int64) * 2**32])


def _groups(places: tf.Tensor, first: tf.Tensor, batch_size: int) -> tf.data.Dataset:
    """Cuts places into the rows of several batches each, from the one called ``first`` on.

    Args:
        places: int32 (rows,); the last, which fill no batch, are left out.
        first: int64 ().
        batch_size: rows per batch.
    """
    size = max(1, CALL_ROWS // batch_size)
    count = tf.size(places, tf.int64) // batch_size

    def group(start: tf.Tensor) -> tf.Tensor:
        stop = tf.minimum(start + size, count)
        return places[start * batch_size : stop * batch_size]

    return tf.data.Dataset.range(first, count, size).map(group)


def _gather(examples: Examples) -> Callable[..., Any]:
    inputs = tuple(map(tf.constant, examples.inputs))
    label, weight = tf.constant(examples.label), tf.constant(examples.weight)
    return lambda places: (
        tuple(tf.gather(matrix, places) for matrix in inputs),
        tf.gather(label, places),
        tf.gather(weight, places),
    )


def _parse(reader: SplitReader) -> Callable[..., Any]:
    def fetch(records: tf.Tensor) -> Any:
        columns = reader.parse(records)
        inputs = (columns["numbers"], columns["ids"], columns["id_weights"])
        return inputs, columns["label"], columns["weight"]

    return fetch


def _as_it_is(inputs: Any, label: tf.Tensor, weight: tf.Tensor) -> Any:
    return inputs, label, weight
