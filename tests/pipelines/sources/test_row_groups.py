"""Row groups that a period leaves out: rows and counts are as if they had been read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pa_parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay import (
    Dataset,
    Derive,
    HashSplit,
    Integer,
    Lookup,
    Number,
    Numeric,
    Regression,
    Source,
    String,
    Timestamp,
    Windowed,
    mean,
)
from forebay.pipelines.sources.batches import BatchReader
from forebay.pipelines.sources.files import SourceFile, found_at
from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.sources.typed.input import ParquetFile, open_parquet
from forebay.pipelines.splits.rows import NO_ROW_TIME
from forebay.pipelines.windows.period import OUTSIDE_PERIOD, without_unneeded
from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.windows.groups import window_groups
from forebay.transforms.windows.period import Period

SECOND = 1_000_000
WINDOW = Windowed("x", over="3s", at="happened", ops=mean())


def dataset_of(columns: dict[str, Column], **changes: Any) -> Dataset:
    return Dataset(
        **{
            "name": "d", "columns": columns, "features": [Numeric("y")], "label": Regression("x"),
            "split": HashSplit("asked"), "row_time": "asked", "windows": [WINDOW], **changes,
        }
    )  # fmt: skip


def written(table: pa.Table, path: Path, rows: int, **options: Any) -> SourceFile:
    pa_parquet.write_table(table, path, row_group_size=rows, **options)
    found = found_at(str(path))
    return SourceFile(str(path), found.size, 0, found.version, place=str(path))


@dataclass
class Found:
    """What a run takes of a table: the rows it keeps, what it rejects, and what it counts."""

    kept: list[dict[str, Any]]
    rejects: list[tuple[int, str]]
    counts: Counter[tuple[str, str]]


def taken(source: TableInput, dataset: Dataset, period: Period) -> Found:
    """Reads a table in stretches and selects of it as the pipeline does, row by row."""
    reader = BatchReader(dataset, 0)
    (group,) = window_groups(dataset)
    found = Found([], [], Counter())
    for stretch in source.plan(0):
        for chunk in reader.chunks(source, stretch):
            read = reader.read(source, chunk)
            found.rejects += [(reject.offset, reject.reason) for reject in read.rejects]
            asks = period.asks(read.rows["asked"])
            kept = pc.or_(asks, period.reaches(group, read.rows))
            untimed = read.rows["asked"].null_count
            found.kept += read.rows.filter(kept).to_pylist()
            found.counts["records", "read"] += read.records
            found.counts["dropped", NO_ROW_TIME] += untimed
            outside = pc.and_(pc.invert(kept), pc.is_valid(read.rows["asked"]))
            found.counts["dropped", OUTSIDE_PERIOD] += pc.sum(outside).as_py() or 0
    return found


def both(file: SourceFile, dataset: Dataset, period: Period) -> tuple[ParquetFile, Found, Found]:
    """Returns a file without its unneeded row groups, and what is taken of it and of the whole."""
    whole = open_parquet(file, dataset)
    tables, tallies = without_unneeded({ROWS: [whole]}, dataset, period)
    (part,) = tables[ROWS]
    assert isinstance(part, ParquetFile)
    found = taken(part, dataset, period)
    for kind, name, count in tallies:
        found.counts[kind, name] += count
    return part, found, taken(whole, dataset, period)


seconds = st.one_of(st.none(), st.integers(-3, 40))
records = st.lists(
    st.fixed_dictionaries({
        "asked": seconds, "happened": seconds, "level": st.one_of(st.none(), st.integers(0, 12)),
        "x": st.sampled_from([None, 0.5, float("nan")]), "text": st.sampled_from([None, "", "a"]),
    }),
    min_size=1, max_size=24,
)  # fmt: skip
units = st.sampled_from(["s", "ms", "us", "ns"])
levels = st.sampled_from(
    [
        Integer(),
        Integer(required=True),
        Integer(range=(1, 11)),
        Number(range=(None, 11.5)),
        Integer(required=True, nulls=("", "3")),
        String(),
        Integer(nulls=("", "5"), range=(5, 20)),
    ]
)
texts = st.sampled_from([String(), String(required=True), String(values=("a",))])


@given(records, units, units, st.booleans(), levels, texts, st.booleans(), st.integers(1, 4),
       st.tuples(st.integers(0, 40), st.integers(1, 10)))  # fmt: skip
@settings(deadline=None, max_examples=400)
def test_what_is_taken_and_counted_is_that_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, found: list[dict[str, Any]], asked_unit: str,
    happened_unit: str, has_zone: bool, level: Column, text: Column, required: bool, rows: int,
    span: tuple[int, int],
) -> None:  # fmt: skip
    zone = "UTC" if has_zone else None
    scale = {"s": 1, "ms": 1000, "us": SECOND, "ns": 1000 * SECOND}

    def times(name: str, unit: str) -> pa.Array:
        values = [None if row[name] is None else row[name] * scale[unit] for row in found]
        return pa.array(values, pa.timestamp(unit, zone))

    table = pa.table(
        {
            "asked": times("asked", asked_unit),
            "happened": times("happened", happened_unit),
            "level": pa.array([row["level"] for row in found], pa.int16()),
            "x": pa.array([row["x"] for row in found], pa.float32()),
            "text": pa.array([row["text"] for row in found], pa.string()),
            "y": np.zeros(len(found)),
        }
    )
    columns = {
        "asked": Timestamp(required=required), "happened": Timestamp(), "level": level,
        "x": Number(), "text": text, "y": Number(),
    }  # fmt: skip
    file = written(table, tmp_path_factory.mktemp("parquet") / "t.parquet", rows)
    period = Period(span[0] * SECOND, (span[0] + span[1]) * SECOND)

    _, part, whole = both(file, dataset_of(columns), period)

    assert repr(part.kept) == repr(whole.kept)
    assert (part.rejects, +part.counts) == (whole.rejects, +whole.counts)


DAYS = pa.table(
    {
        "asked": pa.array(np.arange(100) * SECOND, pa.timestamp("us", "UTC")),
        "happened": pa.array(np.arange(100) * SECOND, pa.timestamp("us", "UTC")),
        "x": np.arange(100) * 0.5,
        "y": np.zeros(100),
        "n": np.arange(100),
    }
)
PLAIN: dict[str, Column] = {
    "asked": Timestamp(required=True), "happened": Timestamp(), "x": Number(), "y": Number(),
    "n": Integer(),
}  # fmt: skip
PERIOD = Period(50 * SECOND, 60 * SECOND)


def skipped(
    folder: Path, columns: dict[str, Column] = PLAIN, table: pa.Table = DAYS, **changes: Any
) -> list[int]:
    options = changes.pop("options", {})
    file = written(table, folder / "t.parquet", 10, **options)
    part, found, whole = both(file, dataset_of(columns, **changes), PERIOD)
    assert found.kept == whole.kept
    assert (found.rejects, +found.counts) == (whole.rejects, +whole.counts)
    return sorted(part.skipped)


# Rows ask from 50 on, and their windows reach back 3: of 40 to 49, 47 to 49 are seen.
NEEDED = {4, 5}
OTHERS = [number for number in range(10) if number not in NEEDED]


def test_what_no_window_reaches_is_not_read(tmp_path: Path) -> None:
    assert skipped(tmp_path) == OTHERS


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_units_are_those_of_the_file(tmp_path: Path, unit: str) -> None:
    times = DAYS["asked"].cast(pa.timestamp(unit, "UTC"))
    table = DAYS.set_column(0, "asked", times).set_column(1, "happened", times)
    assert skipped(tmp_path, table=table) == OTHERS


def test_counts_of_a_unit_are_times_too(tmp_path: Path) -> None:
    counts = pc.divide(DAYS["asked"].cast(pa.int64()), SECOND)
    table = DAYS.set_column(0, "asked", counts).set_column(1, "happened", counts)
    columns = {**PLAIN, "asked": Timestamp(unit="s"), "happened": Timestamp(unit="s")}
    assert skipped(tmp_path, columns, table) == OTHERS


def test_a_level_out_of_range_is_found_wherever_it_is(tmp_path: Path) -> None:
    columns = {**PLAIN, "n": Integer(range=(15, 84))}
    assert skipped(tmp_path, columns) == [2, 3, 6, 7]


def test_a_number_that_means_missing_is_found_wherever_it_is(tmp_path: Path) -> None:
    columns = {**PLAIN, "n": Integer(required=True, nulls=("", "25"))}
    assert skipped(tmp_path, columns) == []


def test_a_row_without_a_time_is_counted_wherever_it_is(tmp_path: Path) -> None:
    times = pc.if_else(pc.equal(DAYS["n"], 72), None, DAYS["asked"])
    table = DAYS.set_column(0, "asked", times)
    assert skipped(tmp_path, {**PLAIN, "asked": Timestamp()}, table) == [
        number for number in OTHERS if number != 7
    ]


def test_a_time_that_means_missing_is_counted_wherever_it_is(tmp_path: Path) -> None:
    counts = pc.divide(DAYS["asked"].cast(pa.int64()), SECOND)
    table = DAYS.set_column(0, "asked", counts)
    columns = {**PLAIN, "asked": Timestamp(unit="s", nulls=("", "72"))}
    assert skipped(tmp_path, columns, table) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"options": {"write_statistics": False}},
        {"options": {"use_deprecated_int96_timestamps": True}},
        {"columns": {**PLAIN, "x": Number(range=(-1, 100))}},  # NaN is in no statistics
        {"columns": {**PLAIN, "asked": Timestamp(tz="Europe/Oslo")}, "zone": None},
        {"columns": {**PLAIN, "asked": Timestamp()}, "text": True},
        {"derive": [Derive(len, ["x"], {"z": Number(required=True)})]},
        {"windows": [Windowed("x", over="unbounded", at="happened", ops=mean())]},
    ],
)
def test_what_statistics_do_not_prove_is_read(tmp_path: Path, changes: dict[str, Any]) -> None:
    table = DAYS
    if "zone" in changes:
        clocks = DAYS["asked"].cast(pa.timestamp("us"))
        table = DAYS.set_column(0, "asked", clocks).set_column(1, "happened", clocks)
        del changes["zone"]
    if changes.pop("text", False):
        table = DAYS.set_column(0, "asked", DAYS["asked"].cast(pa.string()))
    columns = changes.pop("columns", PLAIN)
    options = changes.pop("options", {})
    file = written(table, tmp_path / "t.parquet", 10, **options)
    dataset = dataset_of(columns, **changes)
    left, _ = without_unneeded({ROWS: [open_parquet(file, dataset)]}, dataset, PERIOD)
    skips = left[ROWS][0].skipped  # type: ignore[attr-defined]
    # What has no end at the back is read but for what comes after the period.
    assert skips == (frozenset(range(6, 10)) if "windows" in changes else frozenset())


def test_events_of_a_source_are_left_out_too_and_counted(tmp_path: Path) -> None:
    source = Source(columns=PLAIN)
    window = Windowed("x", over="3s", at="happened", source="other", ops=mean())
    dataset = dataset_of(PLAIN, sources={"other": source}, windows=[window])
    rows = open_parquet(written(DAYS, tmp_path / "rows.parquet", 10), dataset)
    other = open_parquet(written(DAYS, tmp_path / "other.parquet", 10), source)

    tables, tallies = without_unneeded({ROWS: [rows], "other": [other]}, dataset, PERIOD)

    left = {name: sorted(one.skipped) for name, (one,) in tables.items()}  # type: ignore[attr-defined]
    assert left == {ROWS: [*range(5), *range(6, 10)], "other": OTHERS}
    assert tallies == [
        ("records", "read", 90), ("dropped", OUTSIDE_PERIOD, 90), ("other.records", "read", 80)
    ]  # fmt: skip
    tables = {ROWS: [replace(rows, split="train")], "other": []}
    assert without_unneeded(tables, dataset, PERIOD)[1] == [
        ("records", "read", 90), ("input train.records", "read", 90),
        ("dropped", OUTSIDE_PERIOD, 90), ("input train.dropped", OUTSIDE_PERIOD, 90),
    ]  # fmt: skip


def test_where_rows_look_something_up_all_are_read(tmp_path: Path) -> None:
    shops = Source(columns={"n": Integer(), "size": Number()})
    lookup = Lookup("size", source="shops", key="n")
    dataset = dataset_of(PLAIN, sources={"shops": shops}, lookups=[lookup])
    whole = open_parquet(written(DAYS, tmp_path / "t.parquet", 10), dataset)
    tables = {ROWS: [whole], "shops": [whole]}
    assert without_unneeded(tables, dataset, PERIOD) == (tables, [])


def test_every_row_keeps_its_place(tmp_path: Path) -> None:
    dataset = dataset_of(PLAIN)
    whole = open_parquet(written(DAYS, tmp_path / "t.parquet", 10), dataset)
    tables, _ = without_unneeded({ROWS: [whole]}, dataset, PERIOD)
    reader = BatchReader(dataset, 0)
    part = tables[ROWS][0]
    rows = [
        row for chunk in reader.chunks(part) for row in reader.read(part, chunk).rows.to_pylist()
    ]
    assert [row["n"] for row in rows] == [row[ROW] for row in rows] == list(range(40, 60))
    assert list(part.plan(0)) == [(4, 6)]
