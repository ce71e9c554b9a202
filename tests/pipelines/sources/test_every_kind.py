"""Every kind of input holds the same rows: what CSV makes of them is held against each."""

from __future__ import annotations

import bz2
import contextlib
import datetime as dt
import io
import json
import os
import random
import re
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas
import polars
import pyarrow as pa
import pyarrow.ipc as pa_ipc
import pyarrow.orc as pa_orc
import pytest
from table_kinds import TABLE, WRITERS, Record, as_table, csv_text, json_text, make_records

from forebay.pipelines.sources.batches import ReadBatch, read_batches
from forebay.pipelines.sources.files import find_files
from forebay.pipelines.sources.inputs import TableInput, places_of
from forebay.pipelines.sources.kinds import open_input, open_told, unpacked
from forebay.pipelines.sources.read import reject_batch
from forebay.pipelines.sources.row_identity import parts_of, row_identity, row_place
from forebay.pipelines.sources.tables import find_inputs
from forebay.transforms.definition.columns import Integer, String, Timestamp
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.new_rows import PartialSource
from forebay.transforms.definition.sources import Source
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import InputError

LIMIT = 1 << 20
RECORDS = make_records()


def opened(path: Path | str, table: Source = TABLE) -> TableInput:
    (file,) = find_files([str(path)])
    return open_input(file, table)


def read(source: TableInput, table: Source = TABLE) -> list[ReadBatch]:
    return list(read_batches([source], table, LIMIT))


def rows_of(found: Sequence[ReadBatch]) -> list[dict[str, Any]]:
    table = pa.Table.from_batches([batch.rows for batch in found])
    return table.drop_columns([ROW]).to_pylist()


def expected(records: Sequence[Record]) -> tuple[list[dict[str, Any]], list[int]]:
    """Returns the rows that records are, and the numbers of those that are rejected."""
    rows, rejected = [], []
    for number, record in enumerate(records):
        if record["taken"] is None or record["level"] == 51.0:
            rejected.append(number)
            continue
        row = {name: record[name] for name in TABLE.columns}
        row["pulses"] = None if row["pulses"] == -200 else row["pulses"]
        rows.append(row)
    return rows, rejected


@pytest.fixture(params=WRITERS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"table.{request.param}"
    WRITERS[request.param](RECORDS, path)
    return path


def test_every_kind_holds_the_same_rows_and_rejects(written: Path) -> None:
    source = opened(written)

    found = read(source)

    rows, rejected = expected(RECORDS)
    assert rows_of(found) == rows
    assert sum(batch.records for batch in found) == len(RECORDS)
    rejects = [reject for batch in found for reject in batch.rejects]
    assert len(rejects) == len(rejected)
    categories = {"taken: missing required value", "level: not between -50.0 and 50.0"}
    assert {reject.category for reject in rejects} == categories


def test_stretches_hold_together_what_the_whole_holds(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, value in (
        ("forebay.pipelines.sources.text.input", "STRETCH_BYTES", 900),
        ("forebay.pipelines.sources.typed.input", "CHUNK_ROWS", 60),
        ("forebay.pipelines.sources.typed.tfrecord", "_STRETCH_BYTES", 900),
        ("forebay.pipelines.sources.typed.frames", "_BLOCK_BYTES", 500),
    ):
        monkeypatch.setattr(f"{module}.{name}", value)
    source = opened(written)

    stretches = list(source.plan(LIMIT))

    one = (
        source.kind == "Arrow" and written.suffix == ".arrows" if hasattr(source, "kind") else False
    )
    assert len(stretches) > 1 or written.suffix == ".gz" or one
    parts = [
        source.parse(chunk, TABLE, LIMIT)
        for stretch in stretches
        for chunk in source.chunks(LIMIT, stretch)
    ]
    whole = [source.parse(chunk, TABLE, LIMIT) for chunk in source.chunks(LIMIT)]
    tables = [pa.Table.from_batches([part.rows for part in some]) for some in (parts, whole)]
    assert tables[0].equals(tables[1])
    assert [r for part in parts for r in part.rejects] == [r for p in whole for r in p.rejects]


def test_places_lead_to_records_and_back(written: Path) -> None:
    source = opened(written)
    batch = read(source)[0]
    identities = batch.rows[ROW].to_pylist()[:40]
    second = parts_of(np.repeat(np.array(identities), 2))[1::2].tolist()

    places = places_of([source], identities)

    numbers = [int(places[identity].rpartition(":")[2]) for identity in identities]
    assert numbers == sorted(set(numbers))
    assert [source.offset_of(number) for number in numbers] == [
        row_place(identity)[1] for identity in identities
    ]
    assert source.offset_of(10_000) is None
    both = places_of([source], [*second, *identities])
    assert [both[identity] for identity in second] == [places[identity] for identity in identities]


@pytest.mark.parametrize("knows_the_record", [True, False])
def test_rejects_say_where_they_are_and_what_they_hold(
    written: Path, knows_the_record: bool
) -> None:
    """So do those of several rows that were made of one."""
    source = opened(written)
    rejects = [reject for batch in read(source) for reject in batch.rejects for _ in range(3)]
    offsets = pa.array([reject.offset for reject in rejects], pa.int64()).to_numpy()
    identities = parts_of(row_identity(source.number, offsets))
    raws = [reject.raw if knows_the_record else None for reject in rejects]
    reasons = [reject.reason for reject in rejects]
    table = pa.table(reject_batch(identities, reasons, raws).batch)

    located = list(source.located(table, LIMIT))

    assert [record["reason"] for record in located] == reasons
    rejected = [number for number in expected(RECORDS)[1] for _ in range(3)]
    if "csv" not in written.name:  # two lines of a cell make lines and records two things
        assert [record[source.place_word] for record in located] == [n + 1 for n in rejected]
    for record, number in zip(located, rejected, strict=True):
        site = RECORDS[number]["site"] or ""
        raw = str(record["raw"])
        assert site.split('"')[0].split("\n")[0] in (raw if "csv" in written.name else _plain(raw))


def _plain(raw: str) -> str:
    """Returns the texts of a record as JSON, lists opened."""
    found = json.loads(raw).get("site")
    return str(found[0] if isinstance(found, list) and found else found)


@pytest.mark.parametrize(
    "make",
    [
        lambda: as_table(RECORDS),
        lambda: as_table(RECORDS).to_reader(),
        lambda: as_table(RECORDS).to_pandas(integer_object_nulls=True),
        lambda: as_table(RECORDS).to_pandas(types_mapper=pandas.ArrowDtype),
        lambda: polars.from_arrow(as_table(RECORDS)),
        lambda: duckdb.from_arrow(as_table(RECORDS)),
        lambda: [dict(record) for record in RECORDS],
    ],
)
def test_tables_in_memory_hold_the_same_rows(make: Any) -> None:
    (file,) = find_inputs([make()])

    assert rows_of(read(open_input(file, TABLE))) == expected(RECORDS)[0]
    assert not file.path.startswith("/")


@pytest.mark.parametrize("name", ["pipe", "standard input"])
def test_what_is_read_once_is_kept(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    given = "-"
    if name == "pipe":
        given = str(tmp_path / "pipe")
        os.mkfifo(given)
        target: Any = given
    else:
        monkeypatch.setattr(sys, "stdin", open(reader))  # noqa: SIM115
        target = writer

    def write() -> None:
        with open(target, "wb") as sink:
            sink.write(csv_text(RECORDS))

    thread = threading.Thread(target=write)
    thread.start()
    (file,) = find_inputs([given])
    thread.join()

    source = open_input(file, TABLE)
    assert source.path == (given if name == "pipe" else "standard input")
    assert rows_of(read(source)) == expected(RECORDS)[0]


def test_what_is_kept_is_gone_with_the_process() -> None:
    program = (
        "from forebay.pipelines.sources.tables import find_inputs\n"
        "print(find_inputs([[{'a': 1}]])[0].place)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    ).stdout.strip()

    assert printed
    assert not Path(printed).exists()


def test_a_name_says_nothing_of_the_kind(written: Path) -> None:
    other = written.with_name("table.csv")
    written.rename(other)

    assert rows_of(read(opened(other))) == expected(RECORDS)[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x28\xb5\x2f\xfd....", "zstd"),
        (bz2.compress(b"taken,day\n"), "bzip2"),
        (bz2.compress(b""), "bzip2"),
        (b"PK\x03\x04....", "zip archive or an Excel workbook"),
        (b"Obj\x01....", "Avro"),
        (b'[{"taken": "2024-01-01"}]', "is one JSON array; write its objects as JSON lines"),
        ("taken,day\n".encode("utf-16"), "UTF-16 text; write CsvFormat"),
        (b"FEA1\0\0\0\0....", "Feather file of version 1"),
        (b"PAR1\x15....", "cannot be read to its end as Parquet"),
        (b"ARROW1\0\0....", "cannot be read to its end as Arrow"),
        (b'{"taken": 1}\n', "has no fields in its first 1 record 'day', 'site'"),
        (
            b'{\n  "taken": 1\n}\n',
            "no line that ends within its first 1048576 bytes is a JSON object",
        ),
        (b'{"taken": "' + b"x" * LIMIT + b'"}\n', "is a JSON object; write each object on a line"),
        (b"\x1f\x8b....", "gzip data are truncated or corrupt"),
    ],
)
def test_what_is_no_table_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)

    with pytest.raises(InputError, match=message):
        read(opened(path))


def test_an_orc_file_is_named(tmp_path: Path) -> None:
    pa_orc.write_table(as_table(RECORDS).select(["pulses", "site"]), str(tmp_path / "table"))

    with pytest.raises(InputError, match="it is an ORC file; write it as Parquet"):
        opened(tmp_path / "table")


@pytest.mark.parametrize("name", ["ORCID", "ORC", "BZh", "PAR1", "FEA1", "ARROW1"])
def test_a_header_may_begin_as_another_kind_does(name: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    table = Source(columns={name: String()})
    for header, values in ((name, "a"), (f"{name},other", "a,b"), (f"{name}\tother", "a\tb")):
        path.write_text(f"{header}\r\n{values}\r\n")
        with_format = replace(table, csv=CsvFormat(delimiter="\t" if "\t" in header else ","))
        assert rows_of(read(opened(path, with_format), with_format)) == [{name: "a"}]


@pytest.mark.parametrize("kind", ["csv.gz", "jsonl.gz", "parquet", "arrow", "arrows", "tfrecord"])
def test_a_truncated_file_is_told_of(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "table"
    WRITERS[kind](RECORDS, path)
    whole = path.read_bytes()
    for size in (len(whole) // 3, len(whole) - 9, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"read to its end|is damaged|truncated or corr"):
            read(opened(path))


@pytest.mark.parametrize("kind", ["parquet", "arrow", "arrows", "tfrecord"])
def test_a_file_with_another_byte_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    """Arrow believes what a file says of lengths and places in memory, and may crash of it."""
    path, draw = tmp_path / "table", random.Random(kind)
    WRITERS[kind](RECORDS, path)
    whole = path.read_bytes()
    for at in draw.sample(range(len(whole)), 150):
        damaged = bytearray(whole)
        damaged[at] = draw.randrange(256)
        path.write_bytes(damaged)
        with contextlib.suppress(InputError):
            for batch in read(opened(path)):
                batch.rows.validate(full=True)
                assert len(batch.rows) + len(batch.rejects) == batch.records


def test_places_outside_of_an_arrow_file_are_refused(tmp_path: Path) -> None:
    table, path = pa.table({"site": ["ab"] * 100}), tmp_path / "table"
    with pa_ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    whole = path.read_bytes()
    offsets = whole.index(struct.pack("<4i", 0, 2, 4, 6))
    for wrong in (2_000_000_000, -5, 0):
        damaged = bytearray(whole)
        damaged[offsets + 80 : offsets + 84] = struct.pack("<i", wrong)
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="Offset invariant failure"):
            read(opened(path, Source(columns={"site": String()})))


def test_a_wrong_schema_is_told_of_at_once(tmp_path: Path) -> None:
    table = as_table(RECORDS)
    for name, values in (
        ("ok", pa.array([1.5] * len(table))),
        ("taken", pa.array(range(len(table)))),
        ("level", pa.array([True] * len(table))),
        ("day", pa.array([{"d": 1}] * len(table))),
    ):
        table = table.set_column(table.schema.get_field_index(name), name, values)
    path = tmp_path / "table.parquet"
    with pa.OSFile(str(path), "wb") as sink:
        import pyarrow.parquet as pa_parquet

        pa_parquet.write_table(table, sink)

    with pytest.raises(InputError) as error:
        opened(path)

    message = str(error.value)
    for part in (
        "'ok' is double, which Boolean() cannot hold",
        "'taken' is int64, which Timestamp() cannot hold; say what its numbers count by unit=",
        "'level' is bool, which Number() cannot hold; declare it Boolean()",
        "name one of its fields (d) by field='NAME.FIELD'",
    ):
        assert part in message


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_name_of_two_columns_is_told_of_where_one_is_read(kind: str, tmp_path: Path) -> None:
    write = {"parquet": _write_parquet, "arrow": _write_arrow}[kind]
    within = pa.StructArray.from_arrays([pa.array([5]), pa.array([6])], names=["v", "v"])
    columns = [pa.array([1]), pa.array([2]), pa.array([3]), within]
    write(pa.table(columns, names=["v", "u", "u", "s"]), tmp_path / "table")
    table = Source(columns={"v": Integer()})

    assert rows_of(read(opened(tmp_path / "table", table), table)) == [{"v": 1}]
    for column, said in (
        (Integer(field="u"), "the column 'u' is there more than once; rename all but one"),
        (Integer(field="s.v"), "the column 's.v' is there more than once; rename all but one"),
    ):
        with pytest.raises(InputError, match=re.escape(said)):
            opened(tmp_path / "table", Source(columns={"x": column}))
    (file,) = find_files([str(tmp_path / "table")])
    with pytest.raises(InputError, match="the column 'u' is there more than once"):
        open_told(*unpacked(file), None)


def test_files_of_one_pattern_may_differ_in_what_holds_the_same(tmp_path: Path) -> None:
    """Files under one glob are each read by their own schema, or refused by name."""
    import pyarrow.parquet as pa_parquet

    table = as_table(RECORDS)
    at = table.schema.get_field_index("pulses")
    texts = table.set_column(at, "pulses", table["pulses"].cast(pa.string()))
    parts = [table, texts, table.select(table.schema.names[::-1])]
    for i, part in enumerate(parts):
        pa_parquet.write_table(part, tmp_path / f"part-{i}.parquet")

    opened = [open_input(file, TABLE) for file in find_files([f"{tmp_path}/part-*"])]
    assert rows_of(list(read_batches(opened, TABLE, LIMIT))) == expected(RECORDS)[0] * 3

    odd = table.set_column(at, "pulses", pa.array([True] * len(table)))
    for i, (other, said) in enumerate(
        [(odd, "'pulses' is bool, which Integer() cannot hold"),
         (table.drop_columns(["pulses"]), "has no column 'pulses'")], 3,
    ):  # fmt: skip
        pa_parquet.write_table(other, tmp_path / f"part-{i}.parquet")
        with pytest.raises(InputError, match=re.escape(said)) as error:
            [open_input(file, TABLE) for file in find_files([f"{tmp_path}/part-*"])]
        assert str(error.value).startswith(f"{tmp_path}/part-{i}.parquet: ")
        (tmp_path / f"part-{i}.parquet").unlink()


def test_a_file_that_changes_while_it_is_read_is_named(written: Path) -> None:
    source = opened(written)
    reading = read_batches([source], TABLE, LIMIT)

    def change() -> Iterator[ReadBatch]:
        written.write_bytes(written.read_bytes() + b"\n")
        yield from reading

    with pytest.raises(InputError, match="the file has changed since it was first looked at"):
        list(change())

    written.unlink()
    with pytest.raises(InputError, match="the file is gone"):
        source.check_unchanged()


def test_lines_that_are_no_objects_are_rejects(tmp_path: Path) -> None:
    good = json_text(RECORDS[:3]).splitlines()
    bad = {
        b"[1]": "not a JSON object",
        b"{": "not JSON: ",
        b'{"taken": "2024-01-01"} {}': "not JSON: Extra data",
        b'{"taken": "\xff"}': "not UTF-8 text",
        b'{"taken": {"a": 1}}': "taken: '{\"a\": 1}' is no single value",
        b'{"taken": "2024-01-01", "pulses": 1.5}': "pulses: '1.5' is not a whole number",
        b'{"a":' * 5000: "not JSON that can be read: nested deeper than 100 levels",
        b'{"taken":' * 101 + b"1" + b"}" * 101: "not JSON that can be read: nested deeper than",
        b'{"taken":' * 100 + b"1" + b"}" * 100: "taken: '{",
    }
    path = tmp_path / "lines"
    path.write_bytes(b"\n".join([*good, *bad, b"", *good]) + b"\n")

    found = read(opened(path))

    rejects = [reject for batch in found for reject in batch.rejects]
    told = {reject.raw: reject.reason for reject in rejects if reject.raw in bad}
    assert told.keys() == bad.keys()
    assert all(told[line].startswith(reason) for line, reason in bad.items())
    rows = expected([*RECORDS[:3], *RECORDS[:3]])[0]
    assert rows_of(found) == rows


def test_nested_fields_are_read_by_path(tmp_path: Path) -> None:
    records = [
        {"id": i, "site": {"name": f"s{i}", "place": {"lat": i / 4}}, "a.b": i} for i in range(9)
    ]
    from forebay.transforms.definition.columns import Integer, Number, String

    table = Source(
        columns={
            "site": String(field="site.name"),
            "lat": Number(field="site.place.lat"),
            "dotted": Integer(field="a.b"),
            "number": Integer(field="id"),
        }
    )
    lines = tmp_path / "lines"
    lines.write_text("".join(json.dumps(record) + "\n" for record in records))
    (file,) = find_inputs([pa.Table.from_pylist(records)])
    wanted = [
        {"site": f"s{i}", "lat": i / 4, "dotted": i, "number": i} for i in range(len(records))
    ]

    assert rows_of(read(opened(lines, table), table)) == wanted
    assert rows_of(read(open_input(file, table), table)) == wanted
    with pytest.raises(InputError, match=r"has no column 'site\.nam'"):
        open_input(file, Source(columns={"site": String(field="site.nam")}))


@pytest.mark.parametrize("kind", ["jsonl", "tfrecord"])
def test_a_column_that_only_later_records_have_is_told_of(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be missing where it is there."""
    table = PartialSource(
        columns={"site": String(), "pulses": Integer()}, needed=frozenset(["site"]),
        wanted=frozenset(["site"]),
    )  # fmt: skip
    monkeypatch.setattr("forebay.pipelines.sources.text.json_lines._HEAD_BYTES", 30)
    monkeypatch.setattr("forebay.pipelines.sources.typed.tfrecord._LOOKED_AT", 2)
    lacking: list[Record] = [{"site": "a"}, {"site": "b"}, {"site": "c"}]
    path = tmp_path / "table"

    WRITERS[kind](lacking, path)
    rows = rows_of(read(opened(path, table), table))
    assert rows == [{**record, "pulses": None} for record in lacking]

    WRITERS[kind]([*lacking, {"site": "d", "pulses": 7}], path)
    with pytest.raises(InputError, match="later records have pulses, which the first ones lack"):
        read(opened(path, table), table)
    with pytest.raises(InputError, match=r"in its first [12] records? 'pulses'; .*, as null\.$"):
        opened(path, Source(columns=table.columns))

    WRITERS[kind]([{"site": "a", "pulses": 6}, *lacking], path)
    rows = rows_of(read(opened(path, table), table))
    assert [row["pulses"] for row in rows] == [6, None, None, None]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "arrow"])
def test_a_null_on_the_way_to_a_field_is_missing(kind: str, tmp_path: Path) -> None:
    """So it is with every part of the path; in a list a null is a missing number."""
    from forebay.transforms.definition.columns import Number, Numbers, String

    records: list[Any] = [
        {"site": {"name": "a", "place": {"lat": 1.5}}, "levels": [1.0, 2.0]},
        {"site": {"name": None, "place": {"lat": None}}, "levels": None},
        {"site": {"name": "c", "place": None}, "levels": []},
        {"site": None, "levels": [3.0]},
        {"site": {"name": "e", "place": {"lat": 2.5}}, "levels": [4.0, None]},
    ]
    path = tmp_path / "table"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        {"parquet": _write_parquet, "arrow": _write_arrow}[kind](
            pa.Table.from_pylist(records), path
        )
    kinds = {
        "name": String(field="site.name"), "lat": Number(field="site.place.lat"),
        "levels": Numbers(),
    }  # fmt: skip
    table = Source(columns=kinds)

    (found,) = read(opened(path, table), table)

    rows = rows_of([found])
    assert found.rejects == []
    assert [row["name"] for row in rows] == ["a", None, "c", None, "e"]
    assert [row["lat"] for row in rows] == [1.5, None, None, None, 2.5]
    levels = [row["levels"] and row["levels"].split(";") for row in rows]
    numbers = [cell and [float(item) if item else None for item in cell] for cell in levels]
    assert numbers == [[1.0, 2.0], None, None, [3.0], [4.0, None]]


def _write_parquet(table: pa.Table, path: Path) -> None:
    import pyarrow.parquet as pa_parquet

    pa_parquet.write_table(table, path)


def _write_arrow(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def test_times_that_spark_wrote_are_of_any_year(tmp_path: Path) -> None:
    import pyarrow.parquet as pa_parquet

    times = [dt.datetime(1, 1, 1), dt.datetime(1960, 1, 1, 0, 0, 0, 5), dt.datetime(9999, 12, 31)]
    table, path = pa.table({"at": pa.array(times, pa.timestamp("us"))}), tmp_path / "table"
    pa_parquet.write_table(table, path, use_deprecated_int96_timestamps=True)
    source = Source(columns={"at": Timestamp()})

    rows = rows_of(read(opened(path, source), source))

    assert [row["at"].replace(tzinfo=None) for row in rows] == times


@pytest.mark.parametrize("kind", ["csv", "jsonl", "one by one", "texts", "types"])
def test_a_day_without_its_clock_is_no_time_at_midnight(kind: str, tmp_path: Path) -> None:
    """Where a field of several is missing, so is the time, whatever holds them."""
    days = ["2013-01-31", "2013-01-31", "", None, "2013-01-31"]
    clocks = ["09:30:00", "", "09:30:00", "09:30:00", None]
    path = tmp_path / "table"
    records = [{"day": day, "clock": c} for day, c in zip(days, clocks, strict=True)]
    if kind == "csv":
        pandas.DataFrame(records).to_csv(path, index=False)
    elif kind == "texts":
        _write_parquet(pa.Table.from_pylist(records), path)
    elif kind == "types":
        typed = [dt.date.fromisoformat(day) if day else None for day in days]
        times = [dt.time.fromisoformat(clock) if clock else None for clock in clocks]
        columns = [pa.array(typed), pa.array(times, pa.time32("s"))]
        _write_parquet(pa.table(columns, ["day", "clock"]), path)
    else:
        lines = [json.dumps(record) for record in records]
        more = ['{"other": "\\u0041"}'] if kind == "one by one" else []
        path.write_text("\n".join([*lines, *more]) + "\n")
    table = Source(columns={"at": Timestamp(field=("day", "clock"))})
    # Of what is typed, a format is not asked for.
    form = "%d.%m.%Y %H:%M" if kind == "types" else None
    column = Timestamp(field=("day", "clock"), format=form, required=True)
    strict = Source(columns={"at": column})

    rows, (required,) = (
        rows_of(read(opened(path, table), table)),
        read(opened(path, strict), strict),
    )

    at = dt.datetime(2013, 1, 31, 9, 30, tzinfo=dt.UTC)
    assert [row["at"] for row in rows] == [at] + [None] * (len(rows) - 1)
    assert rows_of([required]) == [{"at": at}]
    assert {reject.reason for reject in required.rejects} == {"at: missing required value"}
    assert len(required.rejects) == len(rows) - 1 >= 4


def test_a_field_of_several_that_means_missing_or_is_blank(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("day,clock\n2013-01-31,NA\nNA,NA\n2013-01-31,  \n2013-01-31,09:30\n")
    table = Source(columns={"at": Timestamp(field=("day", "clock"), nulls=("", "NA"))})

    (found,) = read(opened(path, table), table)

    at = dt.datetime(2013, 1, 31, 9, 30, tzinfo=dt.UTC)
    assert [row["at"] for row in rows_of([found])] == [None, None, at]
    assert [reject.reason for reject in found.rejects] == [
        "at: '  ' is not a time written in ISO 8601, such as 2013-01-31 09:30:00"
    ]


@pytest.mark.parametrize("is_dictionary", [False, True])
def test_a_field_of_several_that_is_no_text_is_a_reject(
    is_dictionary: bool, tmp_path: Path
) -> None:
    days = pa.array([b"2013-01-31", b"2013-01-31\xff"], pa.binary())
    clocks = pa.array([dt.time(9, 30)] * 2, pa.time32("s"))
    path = tmp_path / "table"
    days = days.dictionary_encode() if is_dictionary else days
    _write_arrow(pa.table([days, clocks], ["day", "clock"]), path)
    table = Source(columns={"at": Timestamp(field=("day", "clock"))})

    (found,) = read(opened(path, table), table)

    assert rows_of([found]) == [{"at": dt.datetime(2013, 1, 31, 9, 30, tzinfo=dt.UTC)}]
    assert [reject.category for reject in found.rejects] == ["at: not UTF-8 text"]


def test_a_field_of_several_that_is_no_value_is_shown_alone(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text('{"day": null, "clock": [9, 30]}\n{"day": "2013-01-31", "clock": "09"}\n')
    table = Source(columns={"at": Timestamp(field=("day", "clock"))})

    (found,) = read(opened(path, table), table)

    assert [reject.reason for reject in found.rejects] == ["at: '[9, 30]' is no single value"]


def test_buffers_of_memory_are_no_longer_than_a_few_chunks(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    table = pa.concat_tables([as_table(RECORDS)] * 1000)
    sink = io.BytesIO()
    import pyarrow.parquet as pa_parquet

    pa_parquet.write_table(table, sink)
    path.write_bytes(sink.getvalue())

    lengths = [batch.records for batch in read(opened(path))]

    assert sum(lengths) == len(table)
    assert max(lengths) <= 1 << 16
