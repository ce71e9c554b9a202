from __future__ import annotations

import base64
import datetime as dt
import math
import zoneinfo
from collections.abc import Callable
from typing import Any
from unittest import mock

import pyarrow as pa
import pytest
from csv_oracle import read_records
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.pipelines.sources.csv import parse
from forebay.pipelines.sources.csv.parse import parse_chunk
from forebay.pipelines.sources.inputs import Parsed
from forebay.pipelines.sources.row_identity import ROW_OFFSET
from forebay.pipelines.sources.text.record_ends import OK
from forebay.pipelines.sources.text.records import scan_records
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
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.errors import InputError, RunFailed
from forebay.transforms.parsing import casts, times
from forebay.transforms.parsing.cells import read_cells

CSV = CsvFormat()
UTC = dt.UTC
FAR = "outside the years 1 to 9999"
NOT_ISO = "not a time written in ISO 8601, such as 2013-01-31 09:30:00"


NO_LIST = "not a list of numbers"
NO_IMAGE = "not a JPEG or PNG image that can be decoded"
# Two pixels.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAD0lEQVR4nGP4"
    "z8DAwPAfAAcAAf9+CLHQAAAAAElFTkSuQmCC"
)


def read_one(cell: str | bytes, column: Column) -> Any:
    """Returns the cell's value, or the text of its problem as a 1-tuple."""
    raw = pa.array([cell if isinstance(cell, bytes) else cell.encode()], pa.binary())
    cells = read_cells(raw, column)
    assert cells.values.type == column.arrow_type
    if cells.problems:
        assert cells.values[0].as_py() is None
        return tuple(problem.text for problem in cells.problems)
    return cells.values[0].as_py()


def utc(*fields: int) -> dt.datetime:
    return dt.datetime(*fields, tzinfo=UTC)


def count_problem(unit: str) -> tuple[str]:
    return (f"not a count of {unit} since 1970-01-01, exact to the microsecond",)


CASES: list[tuple[Column, dict[str | bytes, Any]]] = [
    (
        Number(),
        {
            "": None, "1": 1.0, " -1.5e3\t": -1500.0, "+.5": 0.5, "1.": 1.0, "1e400": math.inf,
            "-inf": -math.inf, " ": ("not a number",), "abc": ("not a number",),
            "1,5": ("not a number",), "1_0": ("not a number",), "0x10": ("not a number",),
            "1e": ("not a number",), "١": ("not a number",), b"\xff": ("not UTF-8 text",),
        },
    ),
    (
        Number(range=(0, 10), nulls=("NA", "-")),
        {
            "NA": None, "-": None, "": ("not a number",), "0": 0.0, "10": 10.0,
            "10.5": ("not between 0 and 10",), "-1": ("not between 0 and 10",),
            "nan": ("not between 0 and 10",), "inf": ("not between 0 and 10",),
        },
    ),
    (Number(range=(0, None)), {"-1": ("not 0 or more",), "inf": ("not 0 or more",), "5": 5.0}),
    (Number(range=(None, 0)), {"1": ("not 0 or less",), "": None, "-5": -5.0}),
    (
        Integer(),
        {
            "": None, "12": 12, "12.0": 12, "12.": 12, "+12": 12, " 007 ": 7, "-0": 0, "-3.00": -3,
            "9223372036854775807": 2**63 - 1, "-9223372036854775807": -(2**63) + 1,
            "12.5": ("not a whole number",), "0x1F": ("not a whole number",),
            "+-5": ("not a whole number",), "-": ("not a whole number",),
            "1e+05": 100_000, " 2e3": 2000, "-1.5E2": -150, ".0": 0, "0e-5": 0, "+1e0": 1,
            "123456789012345678.9e1": 1_234_567_890_123_456_789, "1e": ("not a whole number",),
            "1e-1": ("not a whole number",), "1.25e1": ("not a whole number",),
            "1." + "0" * 70 + "1": ("not a whole number",), "nan": ("not a whole number",),
            "1e19": ("beyond the range of 64-bit integers",), "0e" + "9" * 30: 0,
            "-1e" + "9" * 30: ("beyond the range of 64-bit integers",),
            "1e-" + "9" * 30: ("not a whole number",),
            "9223372036854775808": ("beyond the range of 64-bit integers",),
            "-9223372036854775808": ("the number that stands for a missing value",),
            "-9223372036854775809": ("beyond the range of 64-bit integers",),
            "1" * 30 + ".0": ("beyond the range of 64-bit integers",),
        },
    ),
    (Integer(range=(1, 3)), {"1": 1, "3.0": 3, "4": ("not between 1 and 3",), "": None}),
    (
        String(),
        {
            "": None, " a ": " a ", "é": "é", "NaN": "NaN", "NA": "NA", "null": "null", "\0": "\0",
            b"caf\xe9": ("not UTF-8 text",),
        },
    ),
    (String(nulls=()), {"": ""}),
    (
        Numbers(),
        {
            "": None, "1.5;2": "1.5;2", " 1 ;; -2e3;": " 1 ;; -2e3;", ";": ";", "+.5;7.": "+.5;7.",
            "1,5": (NO_LIST,), "1;x": (NO_LIST,), "nan;1": (NO_LIST,), "1|2": (NO_LIST,),
            "1;2\n": (NO_LIST,), b"1;\xff": ("not UTF-8 text",),
        },
    ),
    (Numbers(separator="||"), {"1||2": "1||2", "1|2": (NO_LIST,), "||3": "||3"}),
    (Numbers(separator="é."), {"1é.2": "1é.2", "1éx2": (NO_LIST,)}),
    (
        Bytes(),
        {
            "": None, "AP8=": b"\0\xff", "AP8": ("not base64",), "AP 8=": ("not base64",),
            "-_8=": ("not base64",), "/w==": ("the byte that stands for a missing value",),
        },
    ),
    (
        Bytes(image=True),
        {
            "": None, PNG: base64.b64decode(PNG), "AP8=": (NO_IMAGE,), PNG[:44]: (NO_IMAGE,),
            "R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs=": (NO_IMAGE,), "=": ("not base64",),
        },
    ),
    (
        String(values=("a", "b"), nulls=("", "-")),
        {"a": "a", "-": None, "c": ("not one of the declared values",)},
    ),
    (
        Boolean(),
        {
            "": None, "true": True, "0": False, " True ": True, "FALSE": False,
            "yes": ("neither true nor false",), "tRue": ("neither true nor false",),
        },
    ),
    (Boolean(true=("Y",), false=("N",)), {"Y": True, "N": False, "1": ("neither true nor false",)}),
    (
        Date(),
        {
            "": None, "2013-01-31": dt.date(2013, 1, 31), " 1969-12-31 ": dt.date(1969, 12, 31),
            "0001-01-01": dt.date.min, "9999-12-31": dt.date.max, "0000-12-31": (FAR,),
            "2013-02-30": ("not a date written YYYY-MM-DD",),
            "2013-1-1": ("not a date written YYYY-MM-DD",),
            "2013-01-01 10:00": ("not a date written YYYY-MM-DD",),
        },
    ),
    (
        Date(format="%d/%m/%Y"),
        {
            "31/01/2013": dt.date(2013, 1, 31), " 2/1/2013": dt.date(2013, 1, 2),
            "31/12/1969": dt.date(1969, 12, 31), "01/01/0001": dt.date.min,
            "30/02/2013": ("not a date written %d/%m/%Y",),
            "29/02/1900": ("not a date written %d/%m/%Y",),
            "01/02/13": ("not a date written %d/%m/%Y",),
            "05/02/13": ("not a date written %d/%m/%Y",),
            "": None,
        },
    ),
    (Date(format="%Y-%m-%d %H:%M"), {"1969-12-31 23:59": dt.date(1969, 12, 31)}),
    (Date(format="%Y-%m-%d %H %z"), {"2013-01-01 23 -0500": dt.date(2013, 1, 1)}),
    (
        Timestamp(),
        {
            "": None,
            "2013-01-31": utc(2013, 1, 31),
            "2013-01-31 10": utc(2013, 1, 31, 10),
            "2013-01-31T10:20": utc(2013, 1, 31, 10, 20),
            " 2013-01-31 10:20:30 ": utc(2013, 1, 31, 10, 20, 30),
            "2013-01-31 10:20:30.5": utc(2013, 1, 31, 10, 20, 30, 500_000),
            "2013-01-31 10:20:30.123456789": utc(2013, 1, 31, 10, 20, 30, 123_456),
            "2013-01-31T10:20:30.1234569Z": utc(2013, 1, 31, 10, 20, 30, 123_456),
            "2013-01-31T10:20:30Z": utc(2013, 1, 31, 10, 20, 30),
            "2013-01-31T10:20:30z": utc(2013, 1, 31, 10, 20, 30),
            "2013-01-31 10:20:30 UTC": utc(2013, 1, 31, 10, 20, 30),
            "2013-01-31T10:20:30+01:00": utc(2013, 1, 31, 9, 20, 30),
            "2013-01-31 10:20-0530": utc(2013, 1, 31, 15, 50),
            "2013-01-31 10:20:30 +05": utc(2013, 1, 31, 5, 20, 30),
            "1969-12-31 23:59:59.999999": utc(1969, 12, 31, 23, 59, 59, 999_999),
            "0001-01-01": utc(1, 1, 1),
            "0000-12-31": (FAR,),
            "0001-01-01 00:00+01:00": (FAR,),
            "9999-12-31 23:59:59.999999": utc(9999, 12, 31, 23, 59, 59, 999_999),
            "2013-02-30 10:00": (NOT_ISO,),
            "2013-01-31 24:00": (NOT_ISO,),
            "2013-01-31 10:20:60": (NOT_ISO,),
            "2013-01-31 10:20:30.": (NOT_ISO,),
            "2013-01-31Z": (NOT_ISO,),
            "20130131": (NOT_ISO,),
            "yesterday": (NOT_ISO,),
            "1356998400": (NOT_ISO,),
        },
    ),
    (
        Timestamp(tz="America/New_York"),
        {
            "2013-07-01 12:00": utc(2013, 7, 1, 16),
            "2013-07-01 12:00Z": utc(2013, 7, 1, 12),
            "2013-11-03 01:30": utc(2013, 11, 3, 5, 30),
            "2013-03-10 02:30": utc(2013, 3, 10, 7, 30),
            "x": (NOT_ISO,),
            "": None,
        },
    ),
    (
        Timestamp(tz="America/New_York", ambiguous="latest"),
        {"2013-11-03 01:30": utc(2013, 11, 3, 6, 30)},
    ),
    (
        Timestamp(tz="America/New_York", ambiguous="reject", nonexistent="reject"),
        {
            "2013-11-03 01:30": ("shown twice by the clocks of America/New_York (set back)",),
            "2013-03-10 02:30": ("never shown by the clocks of America/New_York (set forward)",),
            "2013-11-03 01:30-05:00": utc(2013, 11, 3, 6, 30),
            "2013-11-03 02:00": utc(2013, 11, 3, 7),
            "": None,
        },
    ),
    (
        Timestamp(format="%m/%d/%Y %I:%M:%S %p", tz="America/Chicago"),
        {
            "07/04/2019 01:05:00 PM": utc(2019, 7, 4, 18, 5),
            "7/4/2019 1:05:00 PM": utc(2019, 7, 4, 18, 5),
            "02/30/2019 01:05:00 PM": ("not a time written %m/%d/%Y %I:%M:%S %p",),
            "07/04/2019 01:05:60 PM": ("not a time written %m/%d/%Y %I:%M:%S %p",),
            "07/04/2019 01:05:00 PM x": ("not a time written %m/%d/%Y %I:%M:%S %p",),
            "": None,
        },
    ),
    (
        Timestamp(format="%d.%m.%Y %H:%M:%S.%f %z", tz="America/Chicago"),
        {
            "31.01.2013 10:00:00.25 +0100": utc(2013, 1, 31, 9, 0, 0, 250_000),
            "31.01.2013 10:00:00.25": ("not a time written %d.%m.%Y %H:%M:%S.%f %z",),
            "": None,
        },
    ),
    (
        Timestamp(unit="s", tz="America/New_York"),
        {
            "0": utc(1970, 1, 1), "-1": utc(1969, 12, 31, 23, 59, 59), "": None,
            "1356998400.0": utc(2013, 1, 1), "1.3569984e9": utc(2013, 1, 1),
            "1356998400.25": utc(2013, 1, 1, 0, 0, 0, 250_000),
            "1356998400.0000001": count_problem("s"), "1356998400000": (FAR,), "1e30": (FAR,),
            "-62135596800": utc(1, 1, 1), "-62135596801": (FAR,), "1_0": count_problem("s"),
            "nan": count_problem("s"), "2013-01-01": count_problem("s"), "9" * 30: (FAR,),
            "0e99": utc(1970, 1, 1), "1e-99": count_problem("s"), "1e" + "9" * 30: (FAR,),
            "1." + "0" * 70 + "1": count_problem("s"), "0E999999999": utc(1970, 1, 1),
        },
    ),
    (
        Timestamp(unit="ms"),
        {
            "1356998400000": utc(2013, 1, 1),
            "1356998400000.5": utc(2013, 1, 1, 0, 0, 0, 500),
            "1356998400000.0005": count_problem("ms"),
        },
    ),
    (
        Timestamp(unit="us"),
        {
            "1356998400000001": utc(2013, 1, 1, 0, 0, 0, 1),
            "1356998400000001.0": utc(2013, 1, 1, 0, 0, 0, 1),
            "1356998400000001.5": count_problem("us"),
            "-9223372036854775808": (FAR,),
        },
    ),
]  # fmt: skip
FLAT = [(column, cell, value) for column, cells in CASES for cell, value in cells.items()]


@pytest.mark.parametrize(("column", "cell", "value"), FLAT)
def test_cells(column: Column, cell: str | bytes, value: Any) -> None:
    assert read_one(cell, column) == value


def test_nan_is_a_number_that_is_no_value() -> None:
    assert math.isnan(read_one("NaN", Number()))


@pytest.mark.parametrize("column", [column for column, _ in CASES])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_cell_is_read_alone_as_in_company(column: Column, data: st.DataObject) -> None:
    pool = [cell for other, cells in CASES if type(other) is type(column) for cell in cells]
    picked = data.draw(st.lists(st.sampled_from(pool), max_size=12))
    # The sample that decides whether to try the fast way must not matter either.
    with mock.patch.object(casts, "_SAMPLE", data.draw(st.integers(0, 3))):
        raw = pa.array([c if isinstance(c, bytes) else c.encode() for c in picked], pa.binary())
        cells = read_cells(raw, column)
        for i, cell in enumerate(picked):
            found = tuple(problem.text for problem in cells.problems if problem.mask[i])
            assert repr(found or cells.values[i].as_py()) == repr(read_one(cell, column))


numberish = st.text(st.sampled_from("0123456789+-.eEnaNifty()x "), max_size=10)
dateish = st.from_regex(
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]([ T][0-2][0-9](:[0-6][0-9]){0,2}(\.[0-9]{1,3})?"
    r"(Z|[+-][0-2][0-9](:?[0-6][0-9])?)?)?",
    fullmatch=True,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(numberish, dateish), min_size=1, max_size=20))
def test_the_patterns_match_what_arrow_accepts(cells: list[str]) -> None:
    kinds = [
        (pa.float64(), casts._FLOAT),
        (pa.date32(), times._DATE_TEXT),
        (times._CLOCK, times._CLOCK_TEXT),
        (times._INSTANT, times._INSTANT_TEXT),
    ]
    for cell in cells:
        text = pa.array([cell])
        for target, pattern in kinds:
            if casts.try_cast(text, target) is not None:
                assert pa.compute.match_substring_regex(text, pattern)[0].as_py(), (cell, target)


ZONES = ["America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]
clock_readings = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2037, 1, 1))
near_changes = st.builds(
    lambda day, minutes: day + dt.timedelta(minutes=minutes),
    st.sampled_from([dt.datetime(2013, 3, 10), dt.datetime(2013, 11, 3), dt.datetime(2014, 4, 6)]),
    st.integers(0, 300),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(clock_readings | near_changes, max_size=20), st.sampled_from(ZONES))
def test_clock_readings_agree_with_zoneinfo(moments: list[dt.datetime], zone: str) -> None:
    raw = pa.array([str(moment).encode() for moment in moments], pa.binary())
    info = zoneinfo.ZoneInfo(zone)
    for fold, rule in enumerate(("earliest", "latest")):
        read = read_cells(raw, Timestamp(tz=zone, ambiguous=rule))
        for moment, found in zip(moments, read.values.to_pylist(), strict=True):
            expected = moment.replace(tzinfo=info, fold=fold).astimezone(UTC)
            back = expected.astimezone(info).replace(tzinfo=None)
            if back == moment:
                assert found == expected
            else:  # in a gap: moved forward
                assert found == moment.replace(tzinfo=info, fold=0).astimezone(UTC)


offsets = st.sampled_from([None, UTC, dt.timezone(dt.timedelta(hours=-5))])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.datetimes(timezones=offsets), max_size=10),
    st.sampled_from(["auto", "seconds", "milliseconds"]),
    st.sampled_from([" ", "T"]),
)
def test_iso_text_agrees_with_datetime(
    moments: list[dt.datetime], precision: str, separator: str
) -> None:
    written = [moment.isoformat(separator, precision) for moment in moments]
    read = read_cells(pa.array([text.encode() for text in written], pa.binary()), Timestamp())
    for text, found in zip(written, read.values.cast(pa.int64()).to_pylist(), strict=True):
        moment = dt.datetime.fromisoformat(text)
        offset = moment.utcoffset() or dt.timedelta(0)
        clock = moment.replace(tzinfo=None)
        expected = (clock - dt.datetime(1970, 1, 1) - offset) // dt.timedelta(microseconds=1)
        inside = -62135596800_000000 <= expected <= 253402300799_999999
        assert found == (expected if inside else None)


FORMATS = ["%Y-%m-%d", "%d/%m/%y %H:%M", "%b %d %Y %I:%M %p", "%Y%m%d%H%M%S", "%m-%d %H:%M:%S"]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMATS), st.lists(st.lists(st.integers(0, 99), min_size=6, max_size=6)))
def test_formats_agree_with_python(format: str, rows: list[list[int]]) -> None:
    written = []
    for year, month, day, hour, minute, second in rows:
        text = format.replace("%Y", f"{1950 + year:04}").replace("%y", f"{year:02}")
        text = text.replace("%m", f"{month % 14:02}").replace("%d", f"{day % 34:02}")
        text = text.replace("%H", f"{hour % 26:02}").replace("%I", f"{hour % 14:02}")
        text = text.replace("%M", f"{minute % 62:02}").replace("%S", f"{second % 63:02}")
        text = text.replace("%b", ["Jan", "feb", "Mrz"][month % 3])
        written.append(text.replace("%p", ["AM", "pm", "xm"][minute % 3]))
    read = read_cells(
        pa.array([text.encode() for text in written], pa.binary()), Timestamp(format=format)
    )
    for text, found in zip(written, read.values.to_pylist(), strict=True):
        try:
            has_year = "%Y" in format or "%y" in format
            moment = (text, format) if has_year else (f"1900 {text}", f"%Y {format}")
            expected = dt.datetime.strptime(*moment).replace(tzinfo=UTC)
        except ValueError:
            expected = None
        assert found == expected, text


SPACED = [
    "%d %b %Y", "%B %d, %Y", "%H:%M %d.%m.%Y", "%m/%d/%y %I%p", "%Y-%m", "100%% %Y-%m-%d %H:%M:%S",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SPACED),
    st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2060, 1, 1)),
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 2), st.sampled_from(["", " ", "  ", "7"])),
        max_size=2,
    ),
    st.sampled_from([str.lower, str.upper, str.title]),
)  # fmt: skip
def test_formats_read_no_more_than_python_does(
    format: str,
    moment: dt.datetime,
    edits: list[tuple[int, int, str]],
    cased: Callable[[str], str],
) -> None:
    """Not a blank more, nor a digit less; a month in full for %B only, on every day of it."""
    text = cased(moment.strftime(format))
    for at, length, instead in edits:
        text = text[:at] + instead + text[at + length :]
    for cell in (text, text.replace("Jan", "January"), text.replace("April", "Apr")):
        column = Timestamp(format=format)
        (found,) = read_cells(pa.array([cell.encode()], pa.binary()), column).values.to_pylist()
        try:
            expected = dt.datetime.strptime(cell.strip(" \t"), format).replace(tzinfo=UTC)
        except ValueError:
            expected = None
        assert found == expected or not cell.strip(), cell


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["%d%m%y", "%Y%m%d", "%m%d%Y %H%M", "%H%M%S%d%m%y", "%d0%m1%y", "%d%b%y%H%M"]),
    st.lists(st.text("01237", min_size=3, max_size=13), min_size=20, max_size=40),
)
def test_digits_that_touch_are_parted_as_python_does(format: str, cells: list[str]) -> None:
    """Where a zero is left out, C takes two digits for the first number and one for the last."""
    cells = [cell[:2] + "jan" + cell[2:] if "%b" in format else cell for cell in cells]
    cells = [f"{cell[:-4]} {cell[-4:]}" if " " in format else cell for cell in cells] + ["11124"]

    read = read_cells(pa.array([c.encode() for c in cells], pa.binary()), Timestamp(format=format))

    for cell, found in zip(cells, read.values.to_pylist(), strict=True):
        try:
            expected = dt.datetime.strptime(cell, format).replace(tzinfo=UTC)
        except ValueError:
            expected = None
        assert found == expected, cell


NAMES = ("n", "s", "ignored")
COLUMNS: dict[str, Column] = {"s": String(), "n": Integer(required=True)}


def parse_text(data: bytes, offset: int = 0, limit: int = 100) -> Parsed:
    return parse_chunk(data, offset, NAMES, COLUMNS, CSV, limit)


def test_rows_keep_the_columns_asked_for_and_their_offsets() -> None:
    batch, rejects, _ = parse_text(b'1,a,x\n\r\n"2","b ""q""\n",y', offset=1000)
    assert not rejects
    assert batch.schema == pa.schema(
        [("s", pa.string()), ("n", pa.int64()), (ROW_OFFSET, pa.int64())]
    )
    assert batch.to_pylist() == [
        {"s": "a", "n": 1, ROW_OFFSET: 1000},
        {"s": 'b "q"\n', "n": 2, ROW_OFFSET: 1008},
    ]


def test_rejects_tell_place_cause_and_text_in_order() -> None:
    data = b'1,a,x\n2,b\nx,\xff,z\n,c,\n3,"d\n4,"e"f,\n5,g,\n' + b"6" * 200 + b",,\n7,,\n"
    batch, rejects, _ = parse_text(data)
    assert batch.to_pydict() == {
        "s": ["a", "g", None],
        "n": [1, 5, 7],
        ROW_OFFSET: [0, data.index(b"5,g"), data.index(b"7,,")],
    }
    places = [b"2,b", b"x,\xff", b",c,", b'3,"d', b'4,"e', b"666"]
    assert [reject.offset for reject in rejects] == [data.index(place) for place in places]
    assert [(reject.reason, reject.category) for reject in rejects] == [
        ("2 fields instead of 3", "wrong number of fields"),
        (
            "s: '\\\\xff' is not UTF-8 text; n: 'x' is not a whole number",
            "s: not UTF-8 text",
        ),
        ("n: missing required value", "n: missing required value"),
        ("quote not closed", "quote not closed"),
        ("text after a closing quote", "text after a closing quote"),
        ("longer than 100 bytes", "record too long"),
    ]
    assert [reject.raw for reject in rejects] == [
        b"2,b", b"x,\xff,z", b",c,", b'3,"d', b'4,"e"f,', b"6" * 101
    ]  # fmt: skip


def test_lines_inside_a_closed_cell_are_never_rows() -> None:
    note = "Dear all,\n9,forged,9\nyours"
    data = f'1,a,1\n2,"{note}",2,\n3,"{note}{note}",3\n4,"{note}",4\n'.encode()
    batch, rejects, _ = parse_text(data, limit=40)
    assert batch["n"].to_pylist() == [1, 4]
    assert [reject.reason for reject in rejects] == [
        "4 fields instead of 3",
        "longer than 40 bytes",
    ]


def test_long_values_are_shown_cut() -> None:
    _, (reject,), _ = parse_text(b"x" * 99 + b",,\n", limit=1000)
    assert reject.reason == f"n: '{'x' * 80}...' is not a whole number"


def test_nothing_to_read() -> None:
    for data in (b"", b"\n\r\n"):
        batch, rejects, _ = parse_text(data)
        assert (batch.num_rows, rejects) == (0, [])
        assert batch.schema.names == ["s", "n", ROW_OFFSET]
    batch, rejects, _ = parse_text(b"1\n")
    assert (batch.num_rows, len(rejects)) == (0, 1)


def test_no_columns_wanted() -> None:
    batch, _, _ = parse_chunk(b"1,a,b\n2,c,d\n", 0, NAMES, {}, CSV, 100)
    assert batch.to_pydict() == {ROW_OFFSET: [0, 6]}


def test_a_single_column() -> None:
    batch, rejects, _ = parse_chunk(b'a\n""\n\n  \r"b"', 0, ("s",), {"s": String()}, CSV, 100)
    assert (batch["s"].to_pylist(), rejects) == (["a", None, "  ", "b"], [])


def test_a_byte_order_mark_within_the_file_is_text() -> None:
    batch, _, _ = parse_chunk("\ufeffa,\ufeff\n".encode(), 9, NAMES[:2], {"n": String()}, CSV, 100)
    assert batch.to_pydict() == {"n": ["\ufeffa"], ROW_OFFSET: [9]}


def test_columns_with_the_same_empty_name_are_ignored() -> None:
    batch, _, _ = parse_chunk(b"1,2,3\n", 0, ("", "n", ""), {"n": Integer()}, CSV, 100)
    assert batch["n"].to_pylist() == [2]


def test_a_missing_column_is_an_input_error() -> None:
    with pytest.raises(InputError, match="'s'"):
        parse_chunk(b"1\n", 0, ("n",), COLUMNS, CSV, 100)


def test_disagreement_with_pyarrow_fails_the_run() -> None:
    two = scan_records(b"1,,\n2,,\n", CSV, 3, 100, is_last=True)
    with (
        mock.patch.object(parse, "scan_records", return_value=two),
        pytest.raises(RunFailed, match="found 1 records where 2 are"),
    ):
        parse_text(b"1,,\n")


dense = st.lists(
    st.sampled_from(
        [b"a", b"b", b",", b",", b'"', b'""', b"\n", b"\r", b"\r\n", b" ", b"\t", b"\0", b";",
         b"'", b"\xef\xbb\xbf", b"\xff", b"\\"]
    ),
    max_size=40,
).map(b"".join)  # fmt: skip


dialects = st.sampled_from(
    [CSV, CsvFormat(quote=None, delimiter=";"), CsvFormat(quote="'", delimiter="\t")]
)


@settings(max_examples=300, deadline=None)
@given(dense, st.integers(1, 3), dialects)
def test_pyarrow_splits_what_the_scanner_accepts_as_the_oracle_does(
    data: bytes, columns_count: int, format: CsvFormat
) -> None:
    found = read_records(data, format, columns_count, 30, reach=100)
    good = [record for record in found if record.status == OK]
    names = tuple("abc")[:columns_count]
    batch, rejects, _ = parse_chunk(
        data, 5, names, {name: String(nulls=()) for name in names}, format, 30
    )
    readable = [record for record in good if b"\xff" not in b"".join(record.fields)]
    assert len(batch) + len(rejects) == len(found)
    assert batch[ROW_OFFSET].to_pylist() == [5 + record.start for record in readable]
    for i, name in enumerate(names):
        expected = [record.fields[i].decode() for record in readable]
        assert batch[name].to_pylist() == expected
    assert {reject.offset - 5 for reject in rejects} == {r.start for r in found} - {
        r.start for r in readable
    }
    assert all(data[r.offset - 5 :].startswith(r.raw or b"?") for r in rejects)
