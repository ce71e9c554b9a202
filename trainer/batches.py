"""Batches to train on: endless, shuffled, and each a function of (seed, step).

So a training that continues sees the rows that it would have seen, whether its split is kept in
memory or read from its files again in every pass. A pass is as many whole batches as its rows fill;
the few left over, other ones each time, wait for the next.

Nothing here waits where it can run ahead: the order of the next pass, or the next chunk of its
files, is made while the rows before it are trained on.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import tensorflow as tf

from trainer.data import Examples, SplitReader
from trainer.options import TrainOptions
from trainer.records import read_records
from trainer.weighting import UNWEIGHTED, Weighting

# Rows that are shuffled among each other where a split is read from its files, at most. They lie in
# the files in the order of a hash, so that each chunk is a fair sample already.
SHUFFLE_ROWS = 65_536
BATCHES_AHEAD = 16
PASSES = 2**31 - 1


def steps_per_pass(rows: int, batch_size: int) -> int:
    """Returns how many batches one pass over a split makes; batches have no more rows than it."""
    return rows // min(batch_size, rows)


def in_steps(options: TrainOptions, rows: int) -> TrainOptions:
    """Returns options with their epochs, if there are any, as steps.

    Args:
        options: of a training.
        rows: that it trains on, those of all workers.
    """
    if options.epochs is None:
        return options
    steps = options.epochs * steps_per_pass(rows, options.batch_size)
    return replace(options, max_steps=steps)


def training_batches(
    reader: SplitReader,
    examples: Examples | None,
    batch_size: int,
    seed: int,
    first_step: int,
    weighting: Weighting = UNWEIGHTED,
    *,
    deterministic: bool = True,
) -> tf.data.Dataset:
    """Returns endless shuffled batches (inputs, label, weight), each pass in another order.

    The inputs are the matrices of `Examples.inputs`; label and weight are float32 (batch,).

    Args:
        reader: of the train split.
        examples: the split, where it is kept in memory.
        batch_size: rows per batch.
        seed: of the order.
        first_step: the step that the first batch is for; earlier ones are skipped.
        weighting: what rows count.
        deterministic: whether a batch is the same in every training; else rows read from files
            come as soon as they are there, which can be faster.
    """
    batch_size = min(batch_size, reader.rows)
    start = divmod(first_step, steps_per_pass(reader.rows, batch_size))
    if examples is not None:
        batches, fetch = _places(len(examples), batch_size, seed, start), _gather(examples)
    else:
        batches = _records(reader, batch_size, seed, start, deterministic)
        fetch = _parse(reader)

    def finished(batch: tf.Tensor) -> tuple[Any, tf.Tensor, tf.Tensor]:
        inputs, label, weight = fetch(batch)
        return inputs, label, weighting.row_weights(label, weight)

    ready = batches.map(finished, num_parallel_calls=2, deterministic=deterministic)
    return ready.prefetch(BATCHES_AHEAD)


def _places(rows: int, batch_size: int, seed: int, start: tuple[int, int]) -> tf.data.Dataset:
    """Batches of places, int32 (batch,), of a split in memory; ``start`` is (pass, batch)."""

    def order(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        places = tf.random.experimental.stateless_shuffle(tf.range(rows), _seed(seed, number))
        return number, places

    def batches_of(number: tf.Tensor, places: tf.Tensor) -> tf.data.Dataset:
        first = tf.where(number == start[0], tf.constant(start[1], tf.int64), 0)
        batches = tf.data.Dataset.range(first, rows // batch_size)
        return batches.map(lambda i: _nth(places, i, batch_size))

    passes = tf.data.Dataset.range(start[0], PASSES)
    return passes.map(order).prefetch(1).flat_map(batches_of)


def _records(
    reader: SplitReader, batch_size: int, seed: int, start: tuple[int, int], deterministic: bool
) -> tf.data.Dataset:
    """Batches of serialized examples, string (batch,); ``start`` is (pass, batch)."""
    batches_per_chunk = max(1, SHUFFLE_ROWS // batch_size)
    first_chunk, first_batch = divmod(start[1], batches_per_chunk)

    def chunks_of(number: tf.Tensor) -> tf.data.Dataset:
        parts = reader.share.parts
        order = tf.random.experimental.stateless_shuffle(tf.range(len(parts)), _seed(seed, number))
        records = read_records(parts, order, deterministic=deterministic)
        chunks = records.batch(batches_per_chunk * batch_size).enumerate()
        skipped = tf.where(number == start[0], tf.constant(first_chunk, tf.int64), 0)
        return chunks.skip(skipped).map(lambda i, chunk: (number, i, chunk))

    def shuffled(number: tf.Tensor, i: tf.Tensor, chunk: tf.Tensor) -> Any:
        # Not Dataset.shuffle: its seed may be no tensor once a global seed is set.
        mixed = tf.random.experimental.stateless_shuffle(chunk, _seed(seed, number, i + 1))
        is_first = tf.logical_and(number == start[0], i == first_chunk)
        return tf.where(is_first, tf.constant(first_batch, tf.int64), 0), mixed

    def batches_of(first: tf.Tensor, chunk: tf.Tensor) -> tf.data.Dataset:
        count = tf.size(chunk, tf.int64) // batch_size
        batches = tf.data.Dataset.range(first, count)
        return batches.map(lambda i: _nth(chunk, i, batch_size))

    passes = tf.data.Dataset.range(start[0], PASSES)
    return passes.flat_map(chunks_of).map(shuffled).prefetch(1).flat_map(batches_of)


def _seed(seed: int, number: tf.Tensor, chunk: tf.Tensor | int = 0) -> tf.Tensor:
    """Seeds of one pass, int64 (2,); of one chunk of it where chunks are counted from 1."""
    return tf.stack([tf.constant(seed, tf.int64), number + tf.cast(chunk, tf.int64) * 2**32])


def _nth(rows: tf.Tensor, i: tf.Tensor, batch_size: int) -> tf.Tensor:
    batch = rows[i * batch_size : (i + 1) * batch_size]
    batch.set_shape([batch_size])
    return batch


def _gather(examples: Examples) -> Callable[[tf.Tensor], Any]:
    inputs = tuple(map(tf.constant, examples.inputs))
    label, weight = tf.constant(examples.label), tf.constant(examples.weight)
    return lambda places: (
        tuple(tf.gather(matrix, places) for matrix in inputs),
        tf.gather(label, places),
        tf.gather(weight, places),
    )


def _parse(reader: SplitReader) -> Callable[[tf.Tensor], Any]:
    def fetch(records: tf.Tensor) -> Any:
        columns = reader.parse(records)
        inputs = (columns["numbers"], columns["ids"], columns["id_weights"])
        return inputs, columns["label"], columns["weight"]

    return fetch
