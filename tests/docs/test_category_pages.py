"""What the pages on categories, crosses and own functions say is what the code does."""

from __future__ import annotations

import datetime as dt
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from analyzed import Analyzed
from doc_pages import Page, Table

from forebay.transforms.definition.columns import MISSING, Boolean, Column, Timestamp
from forebay.transforms.definition.dataset import Dataset

PAGES = {
    name: Page(f"reference/features/{name}.md") for name in ("categories", "crosses", "custom")
}
EPOCH = dt.datetime(1970, 1, 1)


def read(text: str, column: Column) -> Any:
    if not text:
        return MISSING[column.graph_dtype]
    if isinstance(column, Timestamp):
        return (dt.datetime.fromisoformat(text) - EPOCH) // dt.timedelta(microseconds=1)
    if isinstance(column, Boolean):
        return int(text == "true")
    if column.graph_dtype == "string":
        return text.encode()
    return float(text) if column.graph_dtype == "float32" else int(text)


def columns_of(dataset: Dataset, rows: Table) -> dict[str, list[Any]]:
    """The table's columns as the graph is fed them; those that it lacks are 1."""
    return {
        name: [read(row.get(name, "1"), dataset.all_columns[name]) for row in rows]
        for name in dataset.graph_columns
    }


@pytest.mark.parametrize(("page", "column"), [("categories", "told"), ("crosses", "weekday")])
def test_the_worked_example(page: str, column: str, tmp_path: Path) -> None:
    flights = PAGES[page].run_python()["flights"]
    rows = PAGES[page].table_with(column)

    found = Analyzed(flights, columns_of(flights, rows), tmp_path)

    outputs = [name for name in rows[0] if name not in flights.columns]
    assert len(outputs) > 3
    for name in outputs:
        assert found[name] == [float(row[name]) for row in rows], name
    if page == "crosses":
        assert (found.size("weekday_origin"), found.size("all_three")) == (8 * 5, 100)
        return
    row = columns_of(flights, [rows[0] | {"carrier": "WN"}])
    assert (found.served(row)["all"], found.served(row)["share"]) == ([4], [0.0])


def test_the_function_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGES["custom"]
    module = types.ModuleType("engineered")
    exec(page.code("python")[0], module.__dict__)
    monkeypatch.setitem(sys.modules, "engineered", module)
    flights, rows = page.run_python(1)["flights"], page.table_with("goes_west")

    found = Analyzed(flights, columns_of(flights, rows), tmp_path)

    for name in ("kilometres", "goes_west"):
        assert found[name] == pytest.approx([float(row[name]) for row in rows])
