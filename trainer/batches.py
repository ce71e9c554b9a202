"""Batches to train on: endless, shuffled, and each a function of (seed, step).

So a training that continues sees the rows that it would have seen, whether its split is kept in
memory or read from its files again in every pass.
"""

import tensorflow as tf

from trainer.data import Examples, SplitReader
from trainer.records import read_records

SHUFFLE_ROWS = 65_536


def training_batches(
    reader: SplitReader, examples: Examples | None, batch_size: int, seed: int, first_step: int
) -> tf.data.Dataset:
    """Returns endless shuffled batches (inputs, label), each pass in another order.

    The inputs are the matrices of `Examples.inputs`.

    Args:
        reader: of the train split.
        examples: the split, where it is kept in memory.
        batch_size: rows per batch; a pass drops the rows that fill no batch.
        seed: of the order.
        first_step: the step that the first batch is for; earlier ones are skipped.
    """
    batch_size = min(batch_size, reader.rows)
    first_pass, skipped = divmod(first_step, reader.rows // batch_size)

    def one_pass(number: tf.Tensor) -> tf.data.Dataset:
        batches = _pass(
            reader, examples, batch_size, tf.stack([tf.constant(seed, tf.int64), number])
        )
        return batches.skip(tf.where(number == first_pass, tf.constant(skipped, tf.int64), 0))

    passes = tf.data.Dataset.range(first_pass, 2**31 - 1)
    batches = passes.flat_map(one_pass)
    fetch = _gather(examples) if examples is not None else _parse(reader)
    return batches.map(fetch, num_parallel_calls=2, deterministic=True).prefetch(16)


def _pass(
    reader: SplitReader, examples: Examples | None, batch_size: int, seed: tf.Tensor
) -> tf.data.Dataset:
    """One pass, still cheap: row numbers, or serialized examples."""
    if examples is not None:
        order = tf.random.experimental.stateless_shuffle(tf.range(len(examples)), seed)
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size, drop_remainder=True)
    order = tf.random.experimental.stateless_shuffle(tf.range(len(reader.share.parts)), seed)
    # Not Dataset.shuffle: its seed may be no tensor once a global seed is set.
    chunks = read_records(reader.share.parts, order).batch(SHUFFLE_ROWS).enumerate(1)
    shuffled = chunks.map(
        lambda i, chunk: tf.random.experimental.stateless_shuffle(
            chunk, seed + tf.stack([0, i * 2**32])
        )
    )
    return shuffled.unbatch().batch(batch_size, drop_remainder=True)


def _gather(examples: Examples):  # type: ignore[no-untyped-def]  # noqa: ANN202
    inputs, label = tuple(map(tf.constant, examples.inputs)), tf.constant(examples.label)
    return lambda rows: (
        tuple(tf.gather(matrix, rows) for matrix in inputs),
        tf.gather(label, rows),
    )


def _parse(reader: SplitReader):  # type: ignore[no-untyped-def]  # noqa: ANN202
    def fetch(records: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], tf.Tensor]:
        columns = reader.parse(records)
        return (columns["numbers"], columns["ids"], columns["id_weights"]), columns["label"]

    return fetch
