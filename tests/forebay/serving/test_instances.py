"""Rows as JSON: what each kind of column takes, and what is said about the rest."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from forebay.serving.instances import InstanceReader
from forebay.transforms.definition.columns import (
    MISSING_INT,
    Boolean,
    Bytes,
    Date,
    Integer,
    Number,
    Numbers,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Calendar, Categorical, Image, NumberList, Numeric
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import InstanceError
from forebay.transforms.parsing.cells import read_cells
from forebay.transforms.parsing.json_values import read_value

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAD0lEQVR4nGP4"
    "z8DAwPAfAAcAAf9+CLHQAAAAAElFTkSuQmCC"
)
DATASET = Dataset(
    name="kinds",
    columns={
        "number": Number(range=(0, 100)), "integer": Integer(), "flag": Boolean(),
        "text": String(), "choice": String(values=("a", "b")), "at": Timestamp(), "day": Date(),
        "id": String(required=True), "y": Number(), "sizes": Numbers(), "any": Bytes(),
        "photo_bytes": Bytes(image=True),
    },
    features=(
        Numeric("number"), Numeric("integer"), Numeric("flag"), Categorical("text"),
        Categorical("choice"), Calendar("at"), Calendar("day", "month"), Image("photo_bytes"),
        NumberList("sizes_list", "sizes", length=2),
    ),
    label=Regression("y"),
    split=HashSplit(on="id"),
    passthrough=("id", "any"),
)  # fmt: skip
ROW = {
    "number": 1.5, "integer": 3, "flag": True, "text": "x", "choice": "a",
    "at": "2026-01-31T08:30:00Z", "day": "2026-01-31", "id": "r1",
    "sizes": [1, 2.5], "any": {"b64": "AP8="}, "photo_bytes": None,
}  # fmt: skip
READER = InstanceReader(DATASET)


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("number", 1.5, 1.5),
        ("number", 7, 7.0),
        ("integer", -12, -12),
        ("integer", 12.0, 12),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("integer", None, MISSING_INT),
        ("flag", False, 0),
        ("flag", None, MISSING_INT),
        ("text", "é\n", "é\n".encode()),
        ("text", "", b""),
        ("text", {"b64": base64.b64encode("é".encode()).decode()}, "é".encode()),
        ("text", None, b"\xff"),
        ("at", 1, 1),
        ("at", "1970-01-01T00:00:00.000001Z", 1),
        ("at", "1969-12-31t19:00:00-05:00", 0),
        ("at", "1970-01-01 00:00:01+00:00", 1_000_000),
        ("at", "1970-01-01T00:00:01", 1_000_000),
        ("at", None, MISSING_INT),
        ("day", "1970-01-02", 1),
        ("day", "1969-12-31", -1),
        ("day", None, MISSING_INT),
        ("sizes", [1, None, -2.5e30], b"1.0;;-2.5e+30"),
        ("sizes", [], b""),
        ("sizes", None, b"\xff"),
        ("any", {"b64": "AP8="}, b"\0\xff"),
        ("any", None, b"\xff"),
        ("photo_bytes", {"b64": PNG}, base64.b64decode(PNG)),
    ],
)
def test_values_become_the_graphs(column: str, value: Any, expected: Any) -> None:
    assert READER.read({**ROW, column: value})[column] == expected


def test_a_missing_number_is_nan() -> None:
    assert np.isnan(READER.read({**ROW, "number": None})["number"])


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("number", "1.5", "'number' is \"1.5\", not a number"),
        ("number", True, "not a number"),
        ("number", 1e39, "not a float32 number"),
        ("number", -1, "not between 0 and 100; rows with other values are rejected"),
        ("integer", 1.5, "not a whole number"),
        ("integer", True, "not a whole number"),
        ("integer", "1", "not a whole number"),
        ("integer", MISSING_INT, "not a value, but what stands for a missing one; write null"),
        ("integer", MISSING_INT - 1, "not within 64 bits; write null"),
        ("integer", 2**63, "not within 64 bits"),
        ("flag", 1, "not true or false"),
        ("flag", "true", "not true or false"),
        ("text", 5, "not text"),
        ("text", {"b64": "!"}, "not base64"),
        ("text", {"b64": "/w=="}, "not valid Unicode"),
        ("text", {"b64": "YQ==", "x": 1}, "not base64"),
        ("text", "\ud800", "not valid Unicode"),
        ("choice", "c", "not one of 'a', 'b'"),
        ("at", "2026-02-30T08:30:00Z", "not an instant"),
        ("at", 1.5, "not an instant; write such as"),
        ("at", True, "not an instant"),
        ("at", "\ud800", "not an instant"),
        ("at", MISSING_INT, "not within the years 1 to 9999"),
        ("at", 10**18, "not within the years 1 to 9999"),
        ("at", "0001-01-01T00:00:00+05:00", "not within the years 1 to 9999"),
        ("day", "2026-1-31", "not a day"),
        ("day", "2026-02-30", "not a day"),
        ("day", 5, "not a day"),
        ("sizes", "1;2", "not a list of numbers"),
        ("sizes", [1, "2"], "'sizes' is \"2\", not a number"),
        ("sizes", [1e39], "not a float32 number"),
        ("any", "AP8=", "not base64"),
        ("any", {"b64": "AP8"}, "not base64"),
        ("any", {"b64": "/w=="}, "not a value, but what stands for a missing one; write null"),
        ("photo_bytes", {"b64": "AP8="}, "not a JPEG or PNG image"),
        ("id", None, "'id' is null, and it is required"),
    ],
)
def test_values_that_do_not_fit_are_named(column: str, value: Any, words: str) -> None:
    with pytest.raises(InstanceError) as error:
        READER.read({**ROW, column: value})
    assert words in str(error.value)
    assert repr(column) in str(error.value)


def test_extra_columns_are_ignored_when_asked() -> None:
    extra = {**ROW, "size": 1, "y": 2.0}
    assert InstanceReader(DATASET, ignore_extra=True).read(extra) == READER.read(ROW)


def test_keys_must_be_the_models() -> None:
    assert READER.read({**ROW, "y": 1.0}) == READER.read(ROW)
    with pytest.raises(InstanceError, match="takes no 'colour', 'size'; leave out"):
        READER.read({**ROW, "size": 1, "colour": 2})
    with pytest.raises(InstanceError, match="'at', 'day' absent; give every column, null"):
        READER.read({name: value for name, value in ROW.items() if name not in ("at", "day")})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"number": NaN}', "NaN is not a number in JSON; write null"),
        (b'{"number": -Infinity}', "-Infinity is not a number in JSON"),
        (b'{"y": -1e400}', "-1e400 is beyond any float64; write null"),
        (b'{"a": 1, "a": 2}', "the key 'a' is there twice"),
        (b"[1]", "[1] is not an object"),
        (b"null", "null is not an object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"integer": ' + b"9" * 5_000 + b"}", "not JSON"),
    ],
)
def test_lines_that_are_no_objects_are_refused(line: bytes, words: str) -> None:
    with pytest.raises(InstanceError) as error:
        READER.parse(line)
    assert words in str(error.value)


def test_numbers_beyond_float_are_refused() -> None:
    with pytest.raises(InstanceError, match="1e999 is beyond any float64"):
        READER.parse(b'{"number": 1e999}')
    with pytest.raises(InstanceError, match="not a float32 number"):
        READER.read({**ROW, "number": 1e300})


def test_arrays_have_the_graphs_dtypes() -> None:
    arrays = READER.arrays([READER.read(json.loads(json.dumps(ROW)))] * 2)
    assert {name: array.dtype.kind for name, array in arrays.items()} == {
        "number": "f", "integer": "i", "flag": "i", "text": "O", "choice": "O",
        "at": "i", "day": "i", "id": "O", "sizes": "O", "any": "O", "photo_bytes": "O",
    }  # fmt: skip


TIMES: list[tuple[Timestamp | Date, list[Any]]] = [
    (Timestamp(), ["2024-01-01 19:00", "2024-01-01", "2024-01-01T19:00:00.1234567+05:30", "19:00"]),
    (Timestamp(tz="America/New_York", ambiguous="reject"),
     ["2024-07-01 12:00:00", "2024-11-03 01:30:00", "2024-03-10 02:30:00"]),
    (Timestamp(unit="s"),
     ["1704135600", 1704135600, 1704135600.25, 1e-7, -62135596800, -62135596801, 253402300799,
      253402300800, 1704135600000, 10**18, 10**400]),
    (Timestamp(unit="ms"), [1704135600000, 1704135600000.125, 1.5, 10**18]),
    (Timestamp(unit="us"), [1704135600000000, 0.5, 10**18]),
    (Timestamp(format="%d.%m.%Y %H:%M", tz="Europe/Berlin"),
     ["01.07.2024 12:00", "31.02.2024 12:00", "2024-07-01 12:00"]),
    (Timestamp(format="%Y%m%d %z"), ["20240701 +0200", "20240701"]),
    (Date(), ["2024-02-29", "2023-02-29", "29.02.2024"]),
    (Date(format="%d/%m/%y"), ["29/02/24", "29/02/23", "2024"]),
]  # fmt: skip


@pytest.mark.parametrize(("column", "cells"), TIMES)
def test_times_are_read_as_training_reads_them(column: Timestamp | Date, cells: list[Any]) -> None:
    for cell in cells:
        read = read_cells(pa.array([str(cell).encode()], pa.binary()), column)
        expected = read.values.view(pa.int32() if isinstance(column, Date) else pa.int64())[0]
        try:
            found = read_value("t", column, cell, "int64")
        except InstanceError:
            found = None
        assert found == expected.as_py(), cell


@pytest.mark.parametrize("column", [column for column, _ in TIMES])
def test_rfc_3339_is_read_whatever_the_columns_own_format(column: Timestamp | Date) -> None:
    if isinstance(column, Date):
        assert read_value("t", column, "2024-02-29", "int64") == 19_782
    else:
        found = read_value("t", column, "2024-01-01T20:00:00+01:00", "int64")
        assert found == 1_704_135_600_000_000


def test_an_error_says_in_what_unit_a_number_is_meant() -> None:
    with pytest.raises(InstanceError, match="or s since 1970-01-01 UTC") as error:
        read_value("t", Timestamp(unit="s"), 1_704_135_600_000, "int64")
    assert "is 1704135600000, not within the years 1 to 9999" in str(error.value)
