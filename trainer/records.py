"""Serialized examples, as they lie in the TFRecord files of a run."""

from collections.abc import Sequence

import tensorflow as tf

OPEN_FILES = 8


def read_records(files: Sequence[str] | tf.Tensor) -> tf.data.Dataset:
    """Returns serialized examples, string (), of several files at a time, in a fixed order."""

    def read(path: tf.Tensor) -> tf.data.Dataset:
        compression = tf.where(tf.strings.regex_full_match(path, r".*\.gz"), "GZIP", "")
        return tf.data.TFRecordDataset(path, compression_type=compression)

    return tf.data.Dataset.from_tensor_slices(files).interleave(
        read, cycle_length=OPEN_FILES, block_length=16, num_parallel_calls=2, deterministic=True
    )
