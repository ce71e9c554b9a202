"""The cells on the page about columns become what it says."""

from __future__ import annotations

from dataclasses import fields

import pyarrow as pa
import pytest
from doc_pages import Page

import forebay as fb
from forebay.transforms.parsing.cells import read_cells

KINDS = ("Number", "Integer", "String", "Boolean", "Timestamp", "Date", "Numbers", "Bytes")
PAGE = Page("reference/columns.md")
ROWS = [row for table in PAGE.tables if "becomes" in table[0] for row in table]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['column']}-{row['cell']}")
def test_the_cell_becomes_what_the_page_says(row: dict[str, str]) -> None:
    column = eval(row["column"].strip("`"), {kind: getattr(fb, kind) for kind in KINDS})

    cells = read_cells(pa.array([row["cell"].strip("`").encode()], pa.binary()), column)

    (value,) = cells.values.to_pylist()
    found = f"reject: {cells.problems[0][1]}" if cells.problems else str(value)
    assert found == row["becomes"]


def test_every_kind_and_what_it_may_be_told_is_there() -> None:
    told = {row["kind"].strip("`"): row["options"] for row in PAGE.table_with("options")}
    assert tuple(sorted(told)) == tuple(sorted(KINDS))
    for kind, options in told.items():
        own = {field.name for field in fields(getattr(fb, kind))} - {"nulls", "required", "field"}
        assert own == {option.strip(" `") for option in options.split(",")}, kind
