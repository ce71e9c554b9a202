"""`forebay init` on an example's data, against the definition that people wrote for it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from forebay.cli import main
from forebay.storage.run.definition_files import load_definition


def test_sales(
    generate: ModuleType, sales: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = generate.write_sales(tmp_path / "sold.csv", 5_000, 3)
    columns = sales.sales.columns

    assert main(["init", str(path), "--names", ",".join(columns), "--label", "amount"]) == 0

    found = load_definition("sold.py")
    assert {n: type(c) for n, c in found.columns.items()} == {
        n: type(c) for n, c in columns.items()
    }
    assert found.columns["promo"].true == ("Y",)  # type: ignore[attr-defined]
    assert (found.row_time, found.csv.delimiter) == ("sold_at", ";")
    assert found.label == sales.sales.label
    assert 'available_at="reported_at"' in Path("sold.py").read_text("utf-8")
