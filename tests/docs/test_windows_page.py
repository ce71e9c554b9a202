"""The worked example of docs/reference/windows.md is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

from forebay.transforms.definition.columns import Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.operators import OPERATORS
from forebay.transforms.definition.sources import ROW
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import window_groups

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "windows.md").read_text(
    "utf-8"
)
MINUTE_US = 60_000_000


def tables(page: str) -> list[list[dict[str, str]]]:
    """The Markdown tables of a page: a row by its columns' names."""
    found = []
    for block in re.findall(r"(?:^\|.*\|\n)+", page, re.M):
        head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")]
                          for line in block.splitlines())  # fmt: skip
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


def definition() -> Dataset:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names: dict[str, Dataset] = {}
    exec(code, names)
    return names["flights"]


def read(text: str, column: object) -> float | str | None:
    if not text:
        return None
    if isinstance(column, Timestamp):
        hours, minutes = text.split(":")
        return (int(hours) * 60 + int(minutes)) * MINUTE_US
    return text


def test_the_worked_example() -> None:
    flights = definition()
    given, wanted, *_ = tables(PAGE)
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
    ruled = set(re.findall(r"`(\w+)\(", " ".join(row["operator"] for row in tables(PAGE)[2])))

    assert ruled == {*OPERATORS, "last_k"}
