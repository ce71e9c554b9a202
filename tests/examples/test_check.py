"""`forebay check` finds no leak in the examples, and warns of what the documentation says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from doc_pages import Page

ROOT = Path(__file__).resolve().parents[2]
PAGE = Page("how-to/find-leaks.md")


@pytest.fixture(scope="module")
def flights_table(tmp_path_factory: pytest.TempPathFactory, prepare: ModuleType) -> Path:
    """The flights of some days with rain, and the weather beside them."""
    path = tmp_path_factory.mktemp("flights") / "flights.csv"
    data = prepare.find_data()
    lines = prepare.read_flights(data).splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[8_000:13_000]]))
    path.with_name("weather.csv").write_bytes((data / "weather.csv").read_bytes())
    return path


def warned(definition: str, table: Path, *options: str) -> set[tuple[str, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "forebay", "check", f"examples/{definition}",
         "--input", str(table), "--json", *options],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "forebay check: loading …\n")
    findings = json.loads(done.stdout)["findings"]
    assert {f["severity"] for f in findings} <= {"ok", "warning"}
    return {(f["check"], f["column"]) for f in findings if f["severity"] == "warning"}


@pytest.mark.parametrize("name", ["departure", "schedule", "late"])
def test_flights(flights_table: Path, name: str) -> None:
    weather = f"weather={flights_table.with_name('weather.csv')}"
    found = warned(f"flights/flights.py:{name}", flights_table, "--source", weather)
    assert found == {("known too late", "scheduled_minutes")}
    assert "`scheduled_minutes`" in PAGE.text


def test_sales(generate: ModuleType, tmp_path: Path) -> None:
    table = generate.write_sales(tmp_path / "sales.csv", 3_000, 3)
    assert warned("sales/sales.py", table) == set()
