"""The worked example of docs/reference/windows.md is what the code does."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from doc_pages import Page

from forebay.transforms.definition.columns import Timestamp
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.windows.operators import OPERATORS
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import window_groups

PAGE = Page("reference/windows.md")
MINUTE_US = 60_000_000


def read(text: str, column: object) -> float | str | None:
    if not text:
        return None
    if isinstance(column, Timestamp):
        hours, minutes = text.split(":")
        return (int(hours) * 60 + int(minutes)) * MINUTE_US
    return text


def test_the_worked_example() -> None:
    flights = PAGE.run_python()["flights"]
    given, wanted, *_ = PAGE.tables
    columns = {
        name: pa.array([read(row[name], kind) for row in given]).cast(kind.arrow_type)
        for name, kind in flights.columns.items()
    }
    batch = pa.RecordBatch.from_pydict({**columns, ROW: pa.array(range(len(given)))})
    (group,) = window_groups(flights)

    found = pa.table(
        compute(
            group,
            pa.Table.from_batches([group.events(batch)]),
            pa.Table.from_batches([group.requests(batch)]),
        )
    ).sort_by(ROW)

    assert [row["flight"] for row in wanted] == [row["flight"] for row in given]
    for name in group.aggregates:
        assert found[name].to_pylist() == [
            pytest.approx(float(row[name]), rel=1e-15) if row[name] else None for row in wanted
        ]


def test_every_operator_has_its_rule() -> None:
    ruled = set(re.findall(r"`(\w+)\(", " ".join(row["operator"] for row in PAGE.tables[2])))

    assert ruled == {*OPERATORS, "last_k"}
