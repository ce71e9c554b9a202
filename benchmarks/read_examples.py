"""Reads a folder of TFRecords for the comparison: everything is counted, a sample is kept.

    python benchmarks/read_examples.py FOLDER KEEP_ONE_IN OUT

writes OUT.parquet and OUT.json. A process of its own, so that TensorFlow's memory goes with it.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import polars as pl
import tensorflow as tf
from compare import IDENTITY, WrittenExamples, example_files

BATCH = 4096
BUFFER_BYTES = 4 << 20
# Columns whose values are counted over all of train.
IDS = ("carrier_id", "origin_id", "dest_id", "tailnum_id")


def read_examples(folder: str | Path, keep_one_in: int) -> WrittenExamples:
    """Reads the examples of a folder; see `compare` for what is kept."""
    files = example_files(folder)
    spec = _feature_spec(next(path for paths in files.values() for path in paths))
    counts = {name: np.zeros(1, np.int64) for name in IDS if name in spec}
    parts, rows = [], dict.fromkeys(files, 0)
    for number, (split, paths) in enumerate(files.items()):
        for identity, kept in _batches(paths, spec, keep_one_in):
            rows[split] += len(identity["flight"])
            if kept["flight"].size:
                parts.append(_frame(kept).with_columns(split=pl.lit(number, pl.Int64)))
            for name in counts if split == "train" else ():
                counts[name] = _added(counts[name], np.bincount(identity[name]))
    return WrittenExamples(rows, pl.concat(parts), counts)


def _feature_spec(path: str) -> dict[str, Any]:
    record = next(iter(tf.data.TFRecordDataset(path).take(1))).numpy()
    kinds = {"float_list": tf.float32, "int64_list": tf.int64, "bytes_list": tf.string}
    features = tf.train.Example.FromString(record).features.feature
    return {
        name: tf.io.FixedLenFeature([], kinds[feature.WhichOneof("kind")])
        for name, feature in features.items()
    }


def _batches(paths: list[str], spec: Mapping[str, Any], keep_one_in: int) -> Any:
    first = {name: spec[name] for name in (*IDENTITY, *IDS) if name in spec}

    def parse(records: tf.Tensor) -> tuple[Any, Any]:
        identity = tf.io.parse_example(records, first)
        # Bits of the schedule's minute and the flight's number, spread by a multiplication.
        mixed = (identity["sched_ts"] // 60_000_000) * 7_919 + identity["flight"]
        cell = tf.math.floormod(mixed * 2_654_435_761 // 65_536, keep_one_in)
        kept = tf.io.parse_example(tf.boolean_mask(records, cell == 0), spec)
        return identity, kept

    def batches(path: tf.Tensor) -> tf.data.Dataset:
        return tf.data.TFRecordDataset(path, buffer_size=BUFFER_BYTES).batch(BATCH).map(parse)

    # Two files at a time, each read, batched and parsed by a thread of its own.
    dataset = tf.data.Dataset.from_tensor_slices(paths).interleave(
        batches, cycle_length=2, num_parallel_calls=2, deterministic=False
    )
    return dataset.prefetch(2).as_numpy_iterator()


def _frame(columns: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            name: column.astype(str) if column.dtype == object else column
            for name, column in sorted(columns.items())
        }
    )


def _added(a: Any, b: Any) -> Any:
    size = max(len(a), len(b))
    return np.pad(a, (0, size - len(a))) + np.pad(b, (0, size - len(b)))


def save(examples: WrittenExamples, out: str | Path) -> None:
    """Writes examples that were read as two files."""
    examples.sample.write_parquet(f"{out}.parquet")
    frequencies = {name: counts.tolist() for name, counts in examples.frequencies.items()}
    Path(f"{out}.json").write_text(
        json.dumps({"rows": dict(examples.rows), "frequencies": frequencies})
    )


def main() -> None:
    folder, keep_one_in, out = sys.argv[1:]
    save(read_examples(folder, int(keep_one_in)), out)


if __name__ == "__main__":
    main()
