"""The worked example of docs/reference/sources.md is what the code does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from forebay.transforms.definition.columns import Column, Integer, Number, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROW
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import window_groups

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "sources.md").read_text(
    "utf-8"
)
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
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names: dict[str, Dataset] = {}
    exec(code, names)
    flights = names["flights"]
    found = []
    for block in re.findall(r"(?:^\|.*\|\n)+", PAGE, re.M):
        lines = [line.strip("|").split("|") for line in block.splitlines()]
        head, _, *rows = ([cell.strip() for cell in line] for line in lines)
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    weather, asking = found
    (group,) = window_groups(flights)
    events = group.events(batch_of(weather, flights.sources["weather"].columns, len(asking)))
    requests = group.requests(batch_of(asking, flights.columns, 0))

    values = compute(group, pa.Table.from_batches([events]), pa.Table.from_batches([requests]))

    for name in flights.windowed_columns:
        wanted = [float(row[name]) if row[name] else None for row in asking]
        assert pa.table(values).sort_by(ROW)[name].to_pylist() == wanted
