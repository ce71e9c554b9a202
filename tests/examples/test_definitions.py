"""The definitions of the examples: they stand, they survive JSON, they ask for no future."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from forebay.serving.instances import InstanceReader
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.serialize import from_json, to_json

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DEFINITIONS = ("departure", "schedule", "late", "schedule_late", "aircraft")

# What is known only once the flight has left, or has landed.
AFTER_DEPARTURE = {
    "air_time",
    "arr_delay",
    "arr_time",
    "arr_ts",
    "dep_delay",
    "dep_time",
    "dep_ts",
    "gained",
    "late",
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_survives_json(flights: ModuleType, name: str) -> None:
    definition: Dataset = getattr(flights, name)

    assert from_json(to_json(definition)) == definition


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("departure", {"dep_delay"}),
        ("late", {"dep_delay"}),
        ("schedule", set()),
        ("schedule_late", set()),
        ("aircraft", set()),
    ],
)
def test_a_flight_is_not_told_its_own_future(
    flights: ModuleType, name: str, known: set[str]
) -> None:
    definition: Dataset = getattr(flights, name)

    assert set(definition.model_columns) & AFTER_DEPARTURE == known
    assert set(definition.label.baselines) == known


def test_the_rows_to_try_are_what_the_model_takes(flights: ModuleType) -> None:
    reader = InstanceReader(flights.departure)
    lines = (EXAMPLES / "flights" / "rows.jsonl").read_bytes().splitlines()
    rows = [reader.parse(line) for line in lines]

    assert len(rows) == 5
    for row in rows:
        assert set(row) == {*flights.departure.model_columns, *flights.departure.passthrough}
        reader.read(row)
    assert any(None in row.values() for row in rows)


def test_sales_survives_json(sales: ModuleType) -> None:
    assert from_json(to_json(sales.sales)) == sales.sales


def test_a_sale_is_not_told_what_it_will_be_worth(sales: ModuleType) -> None:
    assert not {"units", "amount", "reported_at"} & set(sales.sales.model_columns)
