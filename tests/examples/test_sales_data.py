"""The made-up sales: one seed, one file; every value as the definition reads it."""

from __future__ import annotations

import csv
from pathlib import Path
from types import ModuleType

import pytest

ROWS = 2_000


@pytest.fixture(scope="module")
def rows(generate: ModuleType) -> list[list[str]]:
    return generate.make_sales(ROWS, seed=3)


def test_one_seed_makes_one_table(generate: ModuleType, rows: list[list[str]]) -> None:
    assert generate.make_sales(ROWS, seed=3) == rows
    assert generate.make_sales(ROWS, seed=4) != rows


def test_the_file_is_the_table_without_a_header(
    generate: ModuleType, sales: ModuleType, rows: list[list[str]], tmp_path: Path
) -> None:
    path = generate.write_sales(tmp_path / "sales.csv", ROWS, 3)

    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file, delimiter=sales.sales.csv.delimiter)) == rows
    assert '"biscuits; assorted"' in path.read_text("utf-8")
    assert [found.name for found in tmp_path.iterdir()] == ["sales.csv"]


def test_another_file_is_replaced_only_when_that_is_asked_for(
    generate: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"sales.csv is there already, with other rows; move"):
        generate.write_sales(path, ROWS, 3)
    assert [found.read_text() for found in tmp_path.iterdir()] == ["mine"]
    written = generate.write_sales(path, ROWS, 3, overwrite=True).read_bytes()
    assert generate.write_sales(path, ROWS, 3).read_bytes() == written


def test_every_value_is_as_the_definition_reads_it(
    sales: ModuleType, rows: list[list[str]]
) -> None:
    columns = sales.sales.columns
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        missing = {name for name, text in values.items() if text in columns[name].nulls}
        assert not any(columns[name].required for name in missing)
        assert values["promo"] in (*columns["promo"].true, *columns["promo"].false, "NA")
        for name in {"store", "sold_at", "reported_at", "units"} - missing:
            assert int(values[name]) > 0
        for name in {"unit_price", "amount"} - missing:
            assert float(values[name]) > 0


def test_some_of_every_nullable_column_is_missing(sales: ModuleType, rows: list[list[str]]) -> None:
    for i, (name, column) in enumerate(sales.sales.columns.items()):
        missing = sum(row[i] in column.nulls for row in rows)
        assert column.required == (missing == 0), name
