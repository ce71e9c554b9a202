"""The worked example of docs/reference/sources.md is what the code does."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
from doc_pages import Page

from forebay.transforms.definition.columns import Column, Integer, Number, Timestamp
from forebay.transforms.definition.identity import ROW
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import window_groups

PAGE = Page("reference/sources.md")
MINUTE_US = 60_000_000


def read(text: str, column: Column) -> float | str | bool | None:
    if not text:
        return None
    if isinstance(column, Timestamp):
        hours, minutes = text.split(":")
        return (int(hours) * 60 + int(minutes)) * MINUTE_US
    if isinstance(column, Integer | Number):
        return int(text)
    return {"true": True, "false": False}.get(text, text)


def batch_of(
    rows: list[dict[str, str]], columns: Mapping[str, Column], first: int
) -> pa.RecordBatch:
    arrays = {
        name: pa.array([read(row.get(name, ""), kind) for row in rows]).cast(kind.arrow_type)
        for name, kind in columns.items()
    }
    identity = pa.array(range(first, first + len(rows)))
    return pa.RecordBatch.from_pydict({**arrays, ROW: identity})


def test_the_worked_example() -> None:
    flights = PAGE.run_python()["flights"]
    weather, asking = PAGE.tables
    (group,) = window_groups(flights)
    events = group.events(batch_of(weather, flights.sources["weather"].columns, len(asking)))
    requests = group.requests(batch_of(asking, flights.columns, 0))

    values = compute(group, pa.Table.from_batches([events]), pa.Table.from_batches([requests]))

    for name in flights.windowed_columns:
        wanted = [float(row[name]) if row[name] else None for row in asking]
        assert pa.table(values).sort_by(ROW)[name].to_pylist() == wanted
