"""Typed values are read as they are when written as text: the reading of cells is the oracle."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from forebay.transforms.parsing.cells import Cells, read_cells
from forebay.transforms.parsing.typed_cells import held_against, read_values, type_problem

NEW_YORK = "America/New_York"
INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-200, 0, 2**53 + 1, -999])
FLOATS = st.floats(allow_subnormal=True) | st.sampled_from([-200.0, 12.0, 1e300, -0.0, 2.0**63])
DECIMALS = st.decimals(-(10**20), 10**20, places=6)
# Whole milliseconds of all years that a time may have, the hours when clocks are set among them.
INSTANTS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)) | st.datetimes(
    dt.datetime(2024, 11, 3), dt.datetime(2024, 11, 3, 4)
)
DATES = st.dates()


def texts_of(values: list[Any]) -> pa.BinaryArray:
    return pa.array([b"" if v is None else _text(v).encode() for v in values], pa.binary())


def _text(value: Any) -> str:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def outcome(cells: Cells) -> tuple[list[Any], dict[str, list[bool]], list[bool] | None]:
    """Returns the values, and which are at fault and how."""
    values = [repr(value) for value in cells.values.to_pylist()]
    faults = {problem.text: problem.mask.tolist() for problem in cells.problems}
    return values, faults, None if cells.absent is None else cells.absent.tolist()


def missing_or(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | values, min_size=1, max_size=12)


@given(missing_or(INTEGERS), st.sampled_from([
    Integer(nulls=("", "-200")), Integer(range=(-5, 2**53), required=True), Integer(),
    Number(range=(None, 100.5)), Number(nulls=("", "-999", "NA")), String(),
]))  # fmt: skip
def test_whole_numbers(values: list[int | None], column: Column) -> None:
    read = read_values(pa.array(values, pa.int64()), column)

    assert outcome(read) == outcome(read_cells(texts_of(values), column))


@given(missing_or(FLOATS), st.sampled_from([
    Number(), Number(range=(-300.0, 100.5)), Number(nulls=("", "-200"), required=True),
    Integer(), Integer(nulls=("", "-200")), Integer(range=(0, 20)),
]))  # fmt: skip
def test_floats(values: list[float | None], column: Column) -> None:
    read = read_values(pa.array(values, pa.float64()), column)
    texts = [None if value == -200.0 and "-200" in column.nulls else value for value in values]

    assert outcome(read) == outcome(read_cells(texts_of(texts), column))


@given(missing_or(FLOATS), st.sampled_from([
    Number(), Number(range=(-300.0, 100.5)), Number(range=(0, None), required=True),
]))  # fmt: skip
def test_what_a_function_makes_is_held_to_the_limits_of_cells(
    values: list[float | None], column: Column
) -> None:
    held = held_against(pa.array(values, pa.float64()), column)

    assert outcome(held) == outcome(read_cells(texts_of(values), column))


@pytest.mark.parametrize(
    ("column", "values", "held", "problem"),
    [
        (Integer(), [-(2**63), 5, None], [None, 5, None], "the number that stands for a missing"),
        (Bytes(), [b"\xff", b"a", None], [None, b"a", None], "the byte that stands for a missing"),
        (Numbers(), ["1;x", "1;;2", ""], [None, "1;;2", ""], "not a list of numbers"),
        (Timestamp(), [2**62, 0, None], [None, 0, None], "outside the years 1 to 9999"),
        (Date(), [2**30, 0, None], [None, 0, None], "outside the years 1 to 9999"),
    ],
)
def test_what_a_function_makes_and_no_cell_can_be_is_at_fault(
    column: Column, values: list[Any], held: list[Any], problem: str
) -> None:
    """The graph would take the first for missing, or could not read the others."""

    def array(given: list[Any]) -> pa.Array:
        counts = pa.array(given, pa.int32()) if isinstance(column, Date) else pa.array(given)
        return counts.cast(column.arrow_type)

    cells = held_against(array(values), column)

    assert cells.values.equals(array(held))
    assert [p.mask.tolist() for p in cells.problems] == [[True, False, False]]
    assert cells.problems[0].text.startswith(problem)


def test_texts_and_images_that_a_function_makes_are_held_to_their_limits() -> None:
    texts = held_against(pa.array(["a", "c", "", None]), String(values=("a", "b"), required=True))
    assert outcome(texts) == (
        ["'a'", "None", "None", "None"],
        {"not one of the declared values": [False, True, True, False]},
        [False, False, False, True],
    )
    images = held_against(pa.array([b"no image", None], pa.binary()), Bytes(image=True))
    assert [problem.mask.tolist() for problem in images.problems] == [[True, False]]


@given(missing_or(DECIMALS), st.sampled_from([Number(), Integer(), Number(range=(0.0, None))]))
def test_decimals(values: list[Decimal | None], column: Column) -> None:
    read = read_values(pa.array(values, pa.decimal128(38, 6)), column)

    assert outcome(read) == outcome(read_cells(texts_of(values), column))


SCALES = [pa.decimal128(38, 6), pa.decimal128(38, 9), pa.decimal256(76, 38), pa.decimal128(38, 0)]


@given(missing_or(DECIMALS), st.sampled_from(SCALES))
def test_decimals_are_written_plainly_as_texts(
    values: list[Decimal | None], kind: pa.DataType
) -> None:
    if kind.scale == 0:
        values = [None if value is None else value.to_integral_value() for value in values]

    read = read_values(pa.array(values, kind), String(nulls=()))

    texts = [None if value is None else f"{value:f}" for value in values]
    plain = [t.rstrip("0").rstrip(".") if t is not None and "." in t else t for t in texts]
    assert read.values.to_pylist() == [t.replace("-0", "0") if t == "-0" else t for t in plain]


@given(missing_or(INSTANTS), st.sampled_from([
    Timestamp(), Timestamp(tz=NEW_YORK), Timestamp(tz=NEW_YORK, ambiguous="latest"),
    Timestamp(tz=NEW_YORK, ambiguous="reject", nonexistent="reject", required=True),
]), st.sampled_from(["ms", "us"]), st.booleans())  # fmt: skip
def test_instants(
    values: list[dt.datetime | None], column: Timestamp, unit: str, has_zone: bool
) -> None:
    values = [
        None if v is None else v.replace(
            microsecond=v.microsecond // 1000 * 1000 if unit == "ms" else v.microsecond,
            tzinfo=dt.UTC if has_zone else None,
        ) for v in values
    ]  # fmt: skip
    kind = pa.timestamp(unit, "UTC" if has_zone else None)

    read = read_values(pa.array(values, kind), column)

    assert outcome(read) == outcome(read_cells(texts_of(values), column))


@given(missing_or(DATES))
def test_days(values: list[dt.date | None]) -> None:
    wanted = outcome(read_cells(texts_of(values), Date()))

    for kind in (pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("us")):
        given_values = [
            dt.datetime(v.year, v.month, v.day) if v and pa.types.is_timestamp(kind) else v
            for v in values
        ]
        assert outcome(read_values(pa.array(given_values, kind), Date())) == wanted


def test_a_time_of_day_is_no_day() -> None:
    noon = pa.array([dt.datetime(2024, 5, 1, 12), dt.datetime(2024, 5, 1), None])

    read = read_values(noon, Date())

    assert read.values.to_pylist() == [None, dt.date(2024, 5, 1), None]
    assert [(p.text, p.mask.tolist()) for p in read.problems] == [
        ("a time of day, and no day", [True, False, False])
    ]


@pytest.mark.parametrize("nanoseconds", [1, 999, 1000, -1, -999, -1000, 1_500_000_001])
def test_nanoseconds_are_cut_as_digits_are(nanoseconds: int) -> None:
    read = read_values(pa.array([nanoseconds], pa.timestamp("ns", "UTC")), Timestamp())

    assert read.values.cast(pa.int64()).to_pylist() == [nanoseconds // 1000]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("kind", [pa.int64(), pa.decimal128(38, 0), pa.decimal128(38, 9)])
def test_counts_and_far_times(unit: str, kind: pa.DataType) -> None:
    counts = [0, 1_700_000_000, 2**62, -(2**62), None]
    assert type_problem(kind, Timestamp(unit=unit)) is None

    read = read_values(pa.array(counts, pa.int64()).cast(kind), Timestamp(unit=unit))

    texts = read_cells(texts_of(counts), Timestamp(unit=unit))
    assert read.values.equals(texts.values)
    assert {p.text for p in read.problems} == {p.text for p in texts.problems}


@given(missing_or(st.booleans()))
def test_truth_values(values: list[bool | None]) -> None:
    whole = [None if value is None else int(value) for value in values]

    assert read_values(pa.array(values, pa.bool_()), Boolean()).values.to_pylist() == values
    assert read_values(pa.array(whole, pa.int8()), Boolean()).values.to_pylist() == values


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(),
        pa.dictionary(pa.int8(), pa.string()),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "column", [Number(), Integer(required=True), Timestamp(), Date(), Boolean(), String(), Bytes()]
)
def test_texts_are_read_as_cells_whatever_holds_them(kind: pa.DataType, column: Column) -> None:
    texts = ["12", "", None, "2024-05-01", "true", "x"]
    values = pa.array(texts, pa.string()).cast(kind)
    if isinstance(column, Bytes) and pa.types.is_large_binary(kind) | pa.types.is_binary(kind):
        assert read_values(values, column).values.to_pylist() == [
            None if text is None else text.encode() for text in texts
        ]
        return

    assert outcome(read_values(values, column)) == outcome(read_cells(texts_of(texts), column))


def test_lists_of_numbers_are_numbers() -> None:
    lists = pa.array([[1.5, None, 2.0], [], None, [3.0]], pa.list_(pa.float32()))

    assert read_values(lists, Numbers()).values.to_pylist() == ["1.5;;2", None, None, "3"]
    assert read_values(lists.slice(1, 3), Numbers()).values.to_pylist() == [None, None, "3"]
    assert read_values(lists.slice(0, 2), Numbers()).values.to_pylist() == ["1.5;;2", None]


def test_a_list_without_numbers_is_missing() -> None:
    """As the same list is in JSON, and an empty cell in CSV."""
    lists = pa.array([[1.5], [], None, [None], [None, None]], pa.list_(pa.float64()))

    read = read_values(lists, Numbers(required=True))

    assert read.values.to_pylist() == ["1.5", None, None, None, ";"]
    assert read.absent is not None
    assert read.absent.tolist() == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("nulls", "values", "kind", "kept"),
    [
        (("0",), [0.0, -0.0, 1.0], pa.float64(), [None, None, 1.0]),
        (("-0.0",), [0.0, -0.0, 1.0], pa.float32(), [None, None, 1.0]),
        (("NaN",), [float("nan"), 1.0], pa.float64(), [None, 1.0]),
        (("inf",), [float("inf"), -float("inf")], pa.float64(), [None, -float("inf")]),
        (("1e3",), [1000, 1001], pa.int16(), [None, 1001.0]),
        (("1.50",), [Decimal("1.5"), Decimal("1.6")], pa.decimal128(5, 2), [None, 1.6]),
    ],
)
def test_numbers_that_mean_missing(
    nulls: tuple[str, ...], values: list[Any], kind: pa.DataType, kept: list[float | None]
) -> None:
    read = read_values(pa.array(values, kind), Number(nulls=nulls, required=True))

    assert read.values.to_pylist() == kept
    assert read.absent is not None
    assert read.absent.tolist() == [value is None for value in kept]


@pytest.mark.parametrize("null", [2**63 - 1, -(2**63), 2**53 + 1])
def test_whole_numbers_that_mean_missing_are_exact(null: int) -> None:
    nearby = null - 1 if null > 0 else null + 1

    read = read_values(pa.array([null, nearby], pa.int64()), Integer(nulls=(str(null),)))

    assert read.values.to_pylist() == [None, nearby]


@pytest.mark.parametrize(
    ("given_type", "column", "problem"),
    [
        (pa.bool_(), Number(), "is bool, which Number() cannot hold; declare it Boolean()"),
        (pa.float64(), String(), "is double, which String() cannot hold; convert it to text"),
        (pa.int64(), Timestamp(), "say what its numbers count by unit="),
        (pa.int64(), Date(), "convert it to a date"),
        (pa.timestamp("us", "UTC"), Date(), "declare it Timestamp()"),
        (pa.time64("us"), Timestamp(), "is time64[us], which Timestamp() cannot hold"),
        (pa.duration("s"), Number(), "which Number() cannot hold"),
        (pa.list_(pa.int64()), Integer(), "convert it to a whole number"),
        (pa.struct([("a", pa.int64())]), Number(), "name one of its fields (a) by field="),
        (pa.map_(pa.string(), pa.int64()), String(), "which String() cannot hold"),
    ],
)
def test_types_that_a_kind_cannot_hold(
    given_type: pa.DataType, column: Column, problem: str
) -> None:
    assert problem in str(type_problem(given_type, column))
