"""A table inside the graph gives what the pipeline looks up, to the bit."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from analyzed import Analyzed

from forebay.transforms.definition.columns import (
    Boolean,
    Column,
    Date,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.derived_numbers import Difference
from forebay.transforms.definition.features import Calendar, Categorical, Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.lookups import Lookup
from forebay.transforms.definition.sources import Source
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import InputError
from forebay.transforms.graph import embedded
from forebay.transforms.graph.embedded import EmbeddedTable
from forebay.transforms.graph.fed import fed_column
from forebay.transforms.lookup_tables import LookupTable, look_up

PLANES: dict[str, Column] = {
    "tail": String(), "day": Date(), "leg": Integer(), "seats": Integer(), "weight": Number(),
    "fuel": Number(), "maker": String(), "built": Timestamp(), "jet": Boolean(),
}  # fmt: skip
KEYS = ["tail", "day", "leg"]
LOOKUP = Lookup(
    ["seats", "weight", "fuel", "maker", "built", "jet"], source="planes", key=KEYS, embed=True,
    indicator=True, default={"seats": 7, "maker": "unknown"},
)  # fmt: skip


def named(column: str) -> str:
    return f"planes_{column}_by_tail_day_leg"


FLIGHTS = Dataset(
    name="flights",
    columns={"tail": String(), "day": Date(), "leg": Integer(), "y": Number()},
    sources={"planes": Source(columns=PLANES)},
    lookups=[LOOKUP],
    features=[
        Numeric(named("seats"), scale="z_score"), Numeric(named("weight"), indicator=True),
        Numeric(Difference(named("weight"), named("fuel")), name="dry"),
        Categorical(named("maker")), Categorical(named("jet"), name="is_jet"),
        Calendar(named("built"), "month", name="month"), Numeric(named("found"), name="is_found"),
    ],
    label=Regression("y"), split=HashSplit("tail"),
)  # fmt: skip
PLAIN = replace(FLIGHTS, lookups=[replace(LOOKUP, embed=False)])


def keys_of(random: random.Random, n: int) -> list[dict[str, Any]]:
    return [
        {
            "tail": random.choice(["N1", "N2", "2:N1", "", "ä", None]),
            "day": random.choice([dt.date(2024, 1, 1), dt.date(1969, 1, 1), None]),
            "leg": random.choice([0, 1, -1, 2**40, None]),
        }
        for _ in range(n)
    ]


@pytest.fixture(scope="module")
def table() -> LookupTable:
    chance = random.Random(5)
    rows, seen = [], set()
    for key in keys_of(chance, 60):
        if tuple(key.values()) not in seen:
            seen.add(tuple(key.values()))
            number = chance.choice([None, chance.random() * 1e9, 1e-45, 3e39, -0.0])
            built = dt.datetime(2000 + chance.randrange(9), 1 + chance.randrange(12), 1)
            rows.append({
                **key, "seats": chance.choice([None, chance.randrange(400)]), "weight": number,
                "fuel": chance.random(), "maker": chance.choice(["A", "B", "", None]),
                "built": built.replace(tzinfo=dt.UTC), "jet": chance.choice([True, False, None]),
            })  # fmt: skip
    schema = pa.schema([(name, kind.arrow_type) for name, kind in PLANES.items()])
    made = pa.Table.from_pylist(rows, schema=schema)
    return LookupTable.of(LOOKUP, made.append_column(ROW, pa.array(range(len(rows)), pa.int64())))


def test_the_graph_finds_what_the_pipeline_finds(table: LookupTable, tmp_path: Path) -> None:
    rows = [{**key, "y": float(i)} for i, key in enumerate(keys_of(random.Random(6), 200))]
    schema = pa.schema([(name, kind.arrow_type) for name, kind in FLIGHTS.columns.items()])
    (batch,) = pa.Table.from_pylist(rows, schema=schema).to_batches()
    full, found = look_up(batch, table, FLIGHTS)
    assert 20 < (found >= 0).sum() < 180

    def rows_of(dataset: Dataset) -> dict[str, list[Any]]:
        dtypes = {name: dataset.graph_dtypes[name] for name in dataset.graph_columns}
        return {
            # `Analyzed` makes bits of a float64 itself
            name: full[name].fill_null(float("nan")).to_pylist()
            if dtype == "float64"
            else fed_column(full[name], dtype).to_pylist()
            for name, dtype in dtypes.items()
        }

    assert set(FLIGHTS.graph_columns) == {*KEYS, "y"} == set(FLIGHTS.served_columns) | {"y"}
    tables = {LOOKUP.name: EmbeddedTable.of(table, FLIGHTS)}
    inside = Analyzed(FLIGHTS, rows_of(FLIGHTS), tmp_path / "inside", tables=tables)
    plain = Analyzed(PLAIN, rows_of(PLAIN), tmp_path / "plain")

    names = sorted({name for feature in FLIGHTS.features for name in feature.outputs})
    assert len(names) > len(FLIGHTS.features)
    for name in names:
        assert repr(inside[name]) == repr(plain[name]), name


def test_a_table_too_large_for_a_model_is_refused(
    table: LookupTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "MOST_EMBEDDED", 3)
    with pytest.raises(InputError, match="more than the 3 that a model can have inside; leave"):
        EmbeddedTable.of(table, FLIGHTS)
