"""Where the documentation's commands run: a folder with a part of the demo's data."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from doc_pages import ROOT

# Every so many flights are kept: of all days of the year, as the splits by time need.
KEPT_OF = 80
SALES = 4_000


@pytest.fixture(scope="session")
def readers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout as a reader has it before the quickstart: the examples, and data that is less."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "examples").symlink_to(ROOT / "examples")
    flights = folder / "data" / "flights" / "flights.csv"
    flights.parent.mkdir(parents=True)
    prepare = runpy.run_path(str(ROOT / "examples" / "flights" / "prepare.py"))
    header, *lines = prepare["read_flights"](prepare["find_data"]()).splitlines(keepends=True)
    flights.write_bytes(b"".join([header, *lines[::KEPT_OF]]))
    sales = runpy.run_path(str(ROOT / "examples" / "sales" / "generate.py"))
    sales_file = folder / "data" / "sales" / "sales.csv"
    sales_file.parent.mkdir()
    sales["write_sales"](sales_file, SALES, 1)
    return folder
