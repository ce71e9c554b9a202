"""One small table of every kind of column, written as every kind of input that Forebay reads."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as pa_ipc
import pyarrow.parquet as pa_parquet

from forebay.transforms.definition.columns import (
    Boolean,
    Date,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.sources import Source

Record = Mapping[str, Any]

TABLE = Source(
    columns={
        "taken": Timestamp(required=True),
        "day": Date(),
        "site": String(),
        "level": Number(range=(-50.0, 50.0)),
        "pulses": Integer(nulls=("", "-200")),
        "ok": Boolean(),
    }
)
SCHEMA = pa.schema(
    [
        ("unused", pa.int32()),
        ("pulses", pa.int64()),
        ("taken", pa.timestamp("us", "UTC")),
        ("day", pa.date32()),
        ("site", pa.string()),
        ("level", pa.float64()),
        ("ok", pa.bool_()),
    ]
)


def make_records(n: int = 300, seed: int = 5) -> list[Record]:
    """Returns rows of which some lack values, and some have a level that is refused."""
    draw = random.Random(seed)

    def some(value: Any) -> Any:
        return None if draw.random() < 0.1 else value

    start = dt.datetime(2024, 2, 28, tzinfo=dt.UTC)
    return [
        {
            "unused": i,
            "pulses": draw.choice([-200, None, *range(20), 2**53 + 1]),
            "taken": some(start + dt.timedelta(microseconds=draw.randrange(10**12))),
            "day": some(dt.date(2024, 2, 28) + dt.timedelta(days=draw.randrange(60))),
            "site": some(draw.choice(["Genève", "b", 'say "c"', "d,e", "two\nlines"])),
            # Exact in float32, which is what tf.Examples hold.
            "level": some(draw.choice([0.5, -3.25, 12.0, 51.0])),
            "ok": some(draw.random() < 0.5),
        }
        for i in range(n)
    ]


def as_table(records: Sequence[Record]) -> pa.Table:
    """Returns records as an Arrow table."""
    return pa.Table.from_pylist([dict(record) for record in records], schema=SCHEMA)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def csv_text(records: Sequence[Record]) -> bytes:
    """Returns records as CSV."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(records[0])
    writer.writerows([_text(value) for value in record.values()] for record in records)
    return sink.getvalue().encode()


def json_text(records: Sequence[Record]) -> bytes:
    """Returns records as JSON lines; of what is missing, every other one is left out."""
    lines = []
    for i, record in enumerate(records):
        plain = {
            name: _text(value) if isinstance(value, dt.date) else value
            for name, value in record.items()
            if value is not None or i % 2
        }
        lines.append(json.dumps(plain, ensure_ascii=bool(i % 3)))
    return "\n".join(lines).encode() + b"\n"


def _parquet(records: Sequence[Record], path: Path) -> None:
    pa_parquet.write_table(as_table(records), path, row_group_size=37)


def _arrow(records: Sequence[Record], path: Path) -> None:
    table = as_table(records)
    with pa_ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=41)


def _arrow_stream(records: Sequence[Record], path: Path) -> None:
    table = as_table(records)
    with pa_ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=41)


def _tfrecord(records: Sequence[Record], path: Path) -> None:
    import tensorflow as tf

    def feature(value: Any) -> tf.train.Feature:
        if isinstance(value, str):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        if isinstance(value, float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        if isinstance(value, dt.datetime):
            value = (value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
        elif isinstance(value, dt.date):
            value = (value - dt.date(1970, 1, 1)).days
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))

    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            features = {n: feature(value) for n, value in record.items() if value is not None}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


# How records are written as a file of each kind.
WRITERS: Mapping[str, Callable[[Sequence[Record], Path], Any]] = {
    "csv": lambda records, path: path.write_bytes(csv_text(records)),
    "csv.gz": lambda records, path: path.write_bytes(gzip.compress(csv_text(records))),
    "jsonl": lambda records, path: path.write_bytes(json_text(records)),
    "jsonl.gz": lambda records, path: path.write_bytes(gzip.compress(json_text(records))),
    "parquet": _parquet,
    "arrow": _arrow,
    "arrows": _arrow_stream,
    "tfrecord": _tfrecord,
}
