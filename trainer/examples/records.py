"""Serialized examples, as they lie in the TFRecord files of a run."""

import os
from collections.abc import Sequence

import tensorflow as tf

from forebay.trainer.options import DataOptions
from forebay.trainer.workers.shares import FilePart

DATA = DataOptions()


def read_records(
    parts: Sequence[FilePart], order: tf.Tensor | None = None, data: DataOptions = DATA
) -> tf.data.Dataset:
    """Reads several files at a time, taking a few records of each in turn.

    Args:
        parts: the files, and which of their records.
        order: int32 (files,), the places of the files in the order in which they are opened; None:
            as they stand.
        data: how many files are open at a time, and whether records come in a fixed order; else
            whichever file is ready first has its turn.

    Returns:
        A dataset of serialized examples, string ().
    """
    paths = tf.constant([os.fsencode(part.path) for part in parts])
    compressions = tf.constant(["GZIP" if p.path.endswith(".gz") else "" for p in parts])
    first, step = (
        tf.constant([getattr(part, name) for part in parts], tf.int64) for name in ("first", "step")
    )

    def read(place: tf.Tensor) -> tf.data.Dataset:
        path = tf.gather(paths, place)
        compression = tf.gather(compressions, place)
        records = tf.data.TFRecordDataset(path, compression_type=compression)
        if all(part.step == 1 for part in parts):
            return records
        return records.shard(tf.gather(step, place), tf.gather(first, place))

    places = tf.range(len(parts)) if order is None else order
    return tf.data.Dataset.from_tensor_slices(places).interleave(
        read,
        cycle_length=data.interleave,
        block_length=16,
        num_parallel_calls=min(2, data.interleave),
        deterministic=data.deterministic,
    )
