"""Every kind of sink that is a file: what is read again is what was written, all or nothing."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from forebay.pipelines.sinks.kinds import open_output
from forebay.pipelines.sinks.outputs import TableOutput
from forebay.transforms.errors import InputError

SCHEMA = pa.schema(
    [
        ("n", pa.int64()), ("yes", pa.bool_()), ("text", pa.string()), ("raw", pa.binary()),
        ("at", pa.timestamp("us", "UTC")), ("day", pa.date32()), ("part", pa.float32()),
        ("parts", pa.list_(pa.float32(), 2)),
    ]
)  # fmt: skip
ROW = {
    "n": 2**53 + 1, "yes": False, "text": 'a,"b\n', "raw": b"\xff",
    "at": dt.datetime(2024, 7, 1, 12, 30, tzinfo=dt.UTC), "day": dt.date(2024, 7, 1),
    "part": 0.1, "parts": [0.25, 0.75],
}  # fmt: skip
MISSING = dict.fromkeys(ROW) | {"parts": [0.5, 0.5]}
BATCHES = [pa.RecordBatch.from_pylist([ROW], SCHEMA), pa.RecordBatch.from_pylist([MISSING], SCHEMA)]
PLAIN = ROW | {
    "raw": {"b64": "/w=="}, "at": "2024-07-01T12:30:00Z", "day": "2024-07-01",
}  # fmt: skip
ENDINGS = ["jsonl", "csv", "parquet"]


def output(path: Path | str, **more: Any) -> TableOutput:
    return open_output(str(path), "--output", **more)


def written(path: Path, **more: Any) -> bytes:
    found = output(path, **more)
    found.check(SCHEMA)
    found.write(SCHEMA, BATCHES)
    return path.read_bytes()


def test_json_lines_are_objects(tmp_path: Path) -> None:
    lines = written(tmp_path / "rows.jsonl").splitlines()
    assert [json.loads(line) for line in lines] == [PLAIN, MISSING]
    assert b'"part": 0.1,' in lines[0]

    lines = written(tmp_path / "rows.txt", sparse=True).splitlines()
    assert [json.loads(line) for line in lines] == [PLAIN, {"parts": [0.5, 0.5]}]


def test_cells_of_csv_are_numbers_and_texts(tmp_path: Path) -> None:
    text = written(tmp_path / "rows.csv").decode()
    row, missing = csv.DictReader(io.StringIO(text, newline=""))
    assert row == {
        "n": "9007199254740993", "yes": "false", "text": 'a,"b\n', "raw": '{"b64": "/w=="}',
        "at": "2024-07-01T12:30:00Z", "day": "2024-07-01", "part": "0.1",
        "parts": "[0.25, 0.75]",
    }  # fmt: skip
    assert missing == dict.fromkeys(ROW, "") | {"parts": "[0.5, 0.5]"}


def test_parquet_has_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    written(path)
    table = pa_parquet.read_table(path)
    assert table.schema == SCHEMA
    assert table.equals(pa.Table.from_batches(BATCHES))


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_fails_leaves_what_was_there(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.{ending}"
    path.write_bytes(b"earlier")

    def batches() -> Iterator[pa.RecordBatch]:
        yield BATCHES[0]
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        output(path).write(SCHEMA, batches())
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_rows_are_a_file_too(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.{ending}"
    output(path).write(SCHEMA, [])
    assert path.exists()
    if ending == "parquet":
        assert pa_parquet.read_schema(path) == SCHEMA


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("read.csv", "is one of the files that are read"),
        (".", "is a folder"),
        ("nowhere/rows.csv", "is not a folder"),
        ("s3://bucket/rows.csv", "files are written to disks and to gs:// alone"),
        ("gs://bucket/read.csv", "is one of the files that are read"),
        ("bigquery://p.d", "names no table"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_work(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("read.csv").write_text("a\n")
    with pytest.raises(InputError, match=said):
        output(name, inputs=["read.csv", "gs://bucket/read.csv"]).check(SCHEMA)
