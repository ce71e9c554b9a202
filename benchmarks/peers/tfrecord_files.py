"""Writes tables as TFRecords of tf.Examples, with the public tools that do it fastest.

tfx_bsl's C++ encoder lets other threads run, so two threads encode twice as much as one.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

BATCH_ROWS = 1 << 15

# Takes a split and a range of its rows, and returns flat columns of int64, float32 or binary.
Take = Callable[[str, int, int], Mapping[str, pa.Array]]


def write_splits(out: str, sizes: Mapping[str, int], take: Take, workers: int = 2) -> None:
    """Writes ``OUT/examples/SPLIT/part-WORKER.tfrecord``.

    Args:
        out: the folder.
        sizes: rows by split.
        take: gives the rows; called from several threads.
        workers: threads.
    """
    for split in sizes:
        Path(out, "examples", split).mkdir(parents=True, exist_ok=True)
    ranges = [
        (split, start, min(start + BATCH_ROWS, size))
        for split, size in sizes.items()
        for start in range(0, size, BATCH_ROWS)
    ]
    queue = iter(ranges)  # next() of a list's iterator is atomic

    def work(worker: int) -> None:
        writers = {
            split: tf.io.TFRecordWriter(f"{out}/examples/{split}/part-{worker}.tfrecord")
            for split in sizes
        }
        for split, start, stop in queue:
            for example in encode(take(split, start, stop)):
                writers[split].write(example)
        for writer in writers.values():
            writer.close()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))


def encode(columns: Mapping[str, pa.Array]) -> list[bytes]:
    """Encodes flat columns without nulls as serialized tf.Examples."""
    rows = len(next(iter(columns.values())))
    offsets = pa.array(np.arange(rows + 1))
    lists = {
        name: pa.LargeListArray.from_arrays(offsets, _plain(column))
        for name, column in columns.items()
    }
    encoded: list[bytes] = RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_pydict(lists))
    return encoded


def _plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Makes one chunk of a type that the encoder takes."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_integer(array.type):
        return array.cast(pa.int64())
    if pa.types.is_floating(array.type):
        return array.cast(pa.float32())
    return array.cast(pa.large_string()).cast(pa.large_binary())
