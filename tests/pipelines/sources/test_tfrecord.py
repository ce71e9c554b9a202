"""Records of tf.Examples, each of which is a row or a reject by what it holds alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from table_kinds import WRITERS

from forebay.pipelines.sources.files import find_files
from forebay.pipelines.sources.inputs import Parsed
from forebay.pipelines.sources.kinds import open_input
from forebay.transforms.definition.columns import (
    Boolean,
    Bytes,
    Column,
    Date,
    Integer,
    String,
)
from forebay.transforms.definition.sources import Source

LIMIT = 1 << 20
DAY = dt.date(1970, 1, 7)
FLAG = Boolean(true=("Y",), false=("N",))


def parsed(records: Sequence[Mapping[str, Any]], table: Source, path: Path) -> Parsed:
    WRITERS["tfrecord"](records, path)  # type: ignore[arg-type]
    (file,) = find_files([str(path)])
    source = open_input(file, table)
    (chunk,) = source.chunks(LIMIT)
    return source.parse(chunk, table, LIMIT)


@pytest.mark.parametrize(
    ("column", "values", "rows"),
    [
        (FLAG, [0, 1, 2, None, 1], [False, True, None, True]),
        (FLAG, ["N", "Y", "1", None, "Y"], [False, True, None, True]),
        (Boolean(), [0, 1, 2, None, 1], [False, True, None, True]),
        # Numbers are what a served model takes, whatever the texts of a CSV file are.
        (Boolean(true=("2",), false=("1",)), [0, 1, 2, None, 1], [False, True, None, True]),
        (Boolean(nulls=("", "-1")), [0, 1, 2, -1, 1], [False, True, None, True]),
    ],
)
def test_each_truth_value_is_read_by_itself(
    column: Boolean, values: list[Any], rows: list[bool | None], tmp_path: Path
) -> None:
    records = [
        {"number": i, **({} if value is None else {"flag": value})}
        for i, value in enumerate(values)
    ]
    table = Source(columns={"flag": column, "number": Integer()})

    found = parsed(records, table, tmp_path / "records")

    assert found.rows["flag"].to_pylist() == rows
    assert found.rows["number"].to_pylist() == [0, 1, 3, 4]
    (reject,) = found.rejects
    assert reject.category == "flag: neither true nor false"


def test_a_truth_value_that_is_missing_where_it_is_required(tmp_path: Path) -> None:
    table = Source(columns={"flag": Boolean(required=True), "number": Integer()})

    found = parsed([{"number": 0}, {"number": 1, "flag": 1}], table, tmp_path / "records")

    assert found.rows["flag"].to_pylist() == [True]
    assert [reject.reason for reject in found.rejects] == ["flag: missing required value"]


@pytest.mark.parametrize(
    ("column", "values", "rows", "reason"),
    [
        (Date(), [6, 2.5, "1970-01-07", None], [DAY, DAY, None],
         "x: is float, which Date() cannot hold; convert it to a date"),
        (Bytes(), ["a", 7, None], [b"a", None],
         "x: is int64, which Bytes() cannot hold; declare another kind"),
        (String(), ["a", 2.5, 7], ["a", "7"],
         "x: is float, which String() cannot hold; convert it to text, or declare another kind"),
        # So many days are no int32.
        (Date(), [6, 2**32 + 19000, None], [DAY, None], "x: outside the years 1 to 9999"),
        (Date(), [6, -(2**63)], [DAY], "x: outside the years 1 to 9999"),
    ],
)  # fmt: skip
def test_a_later_record_of_another_type_is_a_reject(
    column: Column,
    values: list[Any],
    rows: list[Any],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("forebay.pipelines.sources.typed.tfrecord._LOOKED_AT", 1)
    records = [{} if value is None else {"x": value} for value in values]
    table = Source(columns={"x": column})

    found = parsed(records, table, tmp_path / "records")

    assert found.rows["x"].to_pylist() == rows
    assert [reject.reason for reject in found.rejects] == [reason]
