"""Batches of other types than the definition's: converted exactly, or refused by name."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.run import Runner, run_pipeline
from forebay.pipelines.windows.aggregates import AddWindows
from forebay.pipelines.windows.conform import conform
from forebay.transforms.definition.columns import (
    Boolean,
    Bytes,
    Column,
    Date,
    Integer,
    Number,
    Numbers,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.operators import count
from forebay.transforms.definition.windows.windowed import Windowed
from forebay.transforms.errors import InputError

SECONDS = [1_704_096_000, 1_704_097_800, 1_705_824_000]
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
NEW_YORK = Timestamp(tz="America/New_York")


def batch(column: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"it": column, ROW: pa.array(range(len(column)))})


def conformed(column: pa.Array, kind: Column) -> pa.Array:
    return conform(batch(column), {"it": kind}, ["it"], "rows")["it"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("tz", ["UTC", "America/New_York", "+05:30", None])
def test_instants_of_every_unit_and_zone_stay_the_same(unit: str, tz: str | None) -> None:
    given = pa.array([second * UNITS[unit] for second in SECONDS]).cast(pa.timestamp(unit, tz))

    found = conformed(given, Timestamp())

    assert found.type == pa.timestamp("us", "UTC")
    assert found.cast(pa.int64()).to_pylist() == [second * 10**6 for second in SECONDS]


@pytest.mark.parametrize(
    ("given", "kind", "wanted"),
    [
        (pa.array([1.5, None], pa.float32()), Number(), [1.5, None]),
        (pa.array([2**53, -3]), Number(), [2.0**53, -3.0]),
        (pa.array([7, None], pa.uint8()), Integer(), [7, None]),
        (pa.array([Decimal("-0.30"), None]), Number(), [-0.3, None]),
        (pa.array([2.5, None, 2.5]).dictionary_encode(), Number(), [2.5, None, 2.5]),
        (pa.array([Decimal("1.10")] * 2).dictionary_encode(), Number(), [1.1, 1.1]),
        (pa.array([7, 7], pa.int8()).dictionary_encode(), Integer(), [7, 7]),
        (pa.array(["a", None, "a"]).dictionary_encode(), String(), ["a", None, "a"]),
        (pa.array(["1;2"], pa.large_string()), Numbers(), ["1;2"]),
        (pa.array([b"x"], pa.large_binary()), Bytes(), [b"x"]),
        (pa.array([86_400_000], pa.date64()), Date(), [pa.scalar(1, pa.date32()).as_py()]),
        (pa.nulls(2), Timestamp(), [None, None]),
        (pa.nulls(1), Boolean(), [None]),
    ],
    ids=str,
)
def test_what_is_exact_is_converted(given: pa.Array, kind: Column, wanted: list[Any]) -> None:
    found = conformed(given, kind)

    assert found.type == kind.arrow_type
    assert found.to_pylist() == wanted


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        (pa.array([1_704_096_000_000_000_001]).cast(pa.timestamp("ns", "UTC")), Timestamp(),
         "not every value is exactly a timestamp[us, tz=UTC]"),
        (pa.array([2**62]).cast(pa.timestamp("s", "UTC")), Timestamp(), "not every value is"),
        (pa.array([0]).cast(pa.timestamp("us")), NEW_YORK, "clock readings without a zone"),
        (pa.array([1_704_096_000]), Timestamp(), "is int64, not what a Timestamp holds"),
        (pa.array([1.0]), Timestamp(), "is double, not what a Timestamp holds"),
        (pa.array(["2024-01-01"]), Timestamp(), "is string, not what a Timestamp holds"),
        (pa.array([0]).cast(pa.timestamp("us")), Date(), "not what a Date holds"),
        (pa.array([2**53 + 1]), Number(), "not every value is exactly a double"),
        (pa.array([1.0]), Integer(), "is double, not what a Integer holds"),
        (pa.array([2**64 - 1], pa.uint64()), Integer(), "not every value is exactly a int64"),
        (pa.array([1]), String(), "is int64, not what a String holds"),
        (pa.array([1]), Boolean(), "is int64, not what a Boolean holds"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_is_refused_by_name(given: pa.Array, kind: Column, said: str) -> None:
    with pytest.raises(InputError, match=re.escape("rows: the column 'it' is ")) as caught:
        conformed(given, kind)

    assert said in str(caught.value)


def test_missing_columns_and_identities_are_refused_by_name() -> None:
    whole = batch(pa.array([1]))
    with pytest.raises(InputError, match="has no column 'at'; it has it, __row"):
        conform(whole, {}, ["at"], "rows")
    with pytest.raises(InputError, match="has no column '__row'"):
        conform(whole.drop_columns([ROW]), {}, [], "rows")
    floats = pa.RecordBatch.from_pydict({ROW: pa.array([1.0])})
    with pytest.raises(InputError, match="the column '__row' is double with 0 nulls"):
        conform(floats, {}, [], "rows")


def test_nanoseconds_go_through_a_pipeline_as_what_they_are(tmp_path: Path) -> None:
    sales = Dataset(
        name="s",
        columns={"shop": String(), "at": Timestamp(), "amount": Number()},
        row_time="at",
        windows=[Windowed("amount", key="shop", over="1h", ops=count())],
        features=[Numeric("amount_count_1h_by_shop")],
        label=Regression("amount"),
        split=HashSplit("shop"),
    )
    instants = pa.array([second * 10**9 for second in SECONDS]).cast(pa.timestamp("ns", "UTC"))
    rows = pa.RecordBatch.from_pydict(
        {"shop": ["a"] * 3, "at": instants, "amount": [1.0, 2.0, 3.0], ROW: pa.array([0, 1, 2])}
    )

    def write(element: tuple[int, pa.RecordBatch]) -> None:
        with pa.ipc.new_file(tmp_path / "out", element[1].schema) as writer:
            writer.write_batch(element[1])

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | beam.Create([rows])
            | AddWindows(sales, str(tmp_path), shards=1, key_partitions=1)
            | beam.Map(write)
        )

    run_pipeline(build, Runner(Local(), PipelineOptions(["--runner=FnApiRunner"])))

    found = pa.ipc.open_file(tmp_path / "out").read_all().sort_by(ROW)
    assert found["amount_count_1h_by_shop"].to_pylist() == [0.0, 1.0, 0.0]
