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

from forebay.pipelines.sinks.kinds import check_all, check_apart, open_output
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


def test_numbers_that_are_not_finite_have_one_rule(tmp_path: Path) -> None:
    kinds = {"x": pa.float64(), "y": pa.float32(), "pair": pa.list_(pa.float32(), 2)}
    schema = pa.schema([*kinds.items(), ("many", pa.list_(pa.float64()))])
    values = [float("nan"), float("inf"), float("-inf"), 1.5]
    rows = [{"x": v, "y": v, "pair": [v, 2], "many": [v]} for v in values]
    batches = [pa.RecordBatch.from_pylist(rows, schema)]

    output(tmp_path / "rows.jsonl").write(schema, batches)
    output(tmp_path / "rows.csv").write(schema, batches)

    plain = [None, "Infinity", "-Infinity", 1.5]
    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"x": v, "y": v, "pair": [v, 2], "many": [v]} for v in plain
    ]
    cells = list(csv.DictReader((tmp_path / "rows.csv").open()))
    assert [row["x"] for row in cells] == [row["y"] for row in cells] == ["", "inf", "-inf", "1.5"]
    assert [json.loads(row["pair"]) for row in cells] == [[v, 2] for v in plain]
    assert [json.loads(row["many"]) for row in cells] == [[v] for v in plain]


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
        ("bigquery://p.d", r"--output 'bigquery://p.d' names no table; write [^\[]*TABLE$"),
        ("bigquery://p.d.t@now", "--output .*: rows are written to a table, not to an instant"),
        ("rows.jsonl.gz", "compressed files are not written; name it .jsonl, .csv or .parquet"),
        ("rows.TSV", "tables separated by tabs are not written"),
        ("rows.arrow", "Arrow files are not written"),
        ("rows.xlsx", "Excel workbooks are not written"),
        ("orders.py", "Python modules are not written"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_work(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("read.csv").write_text("a\n")
    with pytest.raises(InputError, match=said):
        output(name, inputs=["read.csv", "gs://bucket/read.csv"]).check(SCHEMA)


def test_endings_may_be_capitals(tmp_path: Path) -> None:
    assert written(tmp_path / "ROWS.PARQUET").startswith(b"PAR1")
    assert written(tmp_path / "rows.Csv").startswith(b'"n",')


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("bigquery://p.d.t", "bigquery://p.d.t"),
        ("rows.csv", "./rows.csv"),
        ("gs://bucket/rows.csv", "gs://bucket/rows.csv"),
        ("-", "-"),
    ],
)
def test_two_outputs_of_a_command_are_two(first: str, second: str) -> None:
    with pytest.raises(InputError) as error:
        check_apart([("--output", first), ("--also", "bigquery://p.d.u"), ("--rejects", second)])
    assert str(error.value) == f"--rejects {second!r} is what --output {first!r} is; choose another"
    check_apart([("--output", first), ("--also", "bigquery://p.d.u"), ("--rejects", "other.csv")])
    check_apart([("--output", "/dev/null"), ("--rejects", "/dev/null")])


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        ("runs/new", "runs/new/rejects.jsonl"),
        ("runs/old", "runs/old/rejects/manifest.json"),
        ("runs/link", "runs/old/manifest.json"),
        ("runs/old", "runs/link/../old/manifest.json"),
        ("gs://bucket/run/", "gs://bucket/run/manifest.json"),
    ],
)
def test_no_output_of_a_command_lies_within_another(
    folder: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs/old/rejects").mkdir(parents=True)
    Path("runs/link").symlink_to("old")
    for given in ([("--output", folder), ("--rejects", file)],
                  [("--output", file), ("--rejects", folder)]):  # fmt: skip
        with pytest.raises(InputError, match=f"{file}' lies within --[a-z]+ '{folder}'; choose"):
            check_apart(given)
    monkeypatch.chdir("runs/old")
    check_apart([("--output", "."), ("--also", "bigquery://p.d.u"), ("--rejects", "-")])


def test_what_is_wrong_with_each_output_is_told(tmp_path: Path) -> None:
    outputs = [output(tmp_path / "no/rows.csv"), output(tmp_path), output(tmp_path / "good.csv")]
    with pytest.raises(InputError, match=r"is not a folder.*; and .*is a folder; name a file$"):
        check_all([(one, SCHEMA) for one in outputs])
