"""Taxi trips that a seed makes, a clean definition of them, and functions that leak on purpose.

A trip is asked for when it begins; its minutes and its tip are known when it ends. One in thirty
is aborted: it has no end, no minutes and no tip.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.columns import Boolean, Integer, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Calendar, Categorical, Numeric
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.sources import Derive
from forebay.transforms.definition.splits import TimeSplit
from forebay.transforms.definition.windows.operators import count, mean
from forebay.transforms.definition.windows.windowed import Windowed

START = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
ROWS = 2_400
ZONES, DRIVERS = 4, 30

COLUMNS = {
    "id": String(required=True),
    "pickup": Timestamp(required=True),
    "dropoff": Timestamp(),
    "planned": Timestamp(),  # a dropoff that was planned before the trip
    "zone": String(),
    "driver": String(),
    "distance": Number(),
    "fare": Number(),
    "minutes": Number(),
    "tip": Number(),
    "twice_tip": Number(),  # the label, but for its scale
    "nearly_tip": Number(),
    "rating": Number(),  # by the passenger, with the tip
    "account": String(),  # whoever has it always tips the same
    "constant": Number(),
    "blank": Number(),
    "rare": Boolean(),
    "number": Integer(),
}
WINDOWS = (
    Windowed("minutes", key="zone", at="dropoff", over="2h", ops=(mean(), count())),
    Windowed("tip", key="driver", at="pickup", available_at="dropoff", over="1d", ops=mean()),
)
FEATURES = (
    Numeric("distance"),
    Numeric("fare"),
    Categorical("zone"),
    Calendar("pickup", part="hour_of_day", name="hour"),
    *(Numeric(name) for windowed in WINDOWS for name in windowed.names),
)
trips = Dataset(
    name="trips",
    columns=COLUMNS,
    row_time="pickup",
    windows=WINDOWS,
    features=FEATURES,
    label=Regression("tip"),
    split=TimeSplit("2024-05-20", "2024-05-25"),
)


def write_trips(path: Path, rows: int = ROWS, seed: int = 1, twins: int = 0) -> Path:
    """Writes trips as CSV; the last ``twins`` trips are written twice, under other ids."""
    chance = random.Random(seed)
    table = [_trip(i, chance) for i in range(rows)]
    table += [{**trip, "id": f"twin{i}"} for i, trip in enumerate(table[rows - twins :])]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(COLUMNS))
        writer.writeheader()
        writer.writerows(table)
    return path


def _trip(i: int, chance: random.Random) -> dict[str, object]:
    pickup = START + dt.timedelta(
        minutes=15 * i + chance.randrange(15), seconds=chance.randrange(60)
    )
    distance = chance.uniform(1, 12)
    minutes = round(distance * chance.uniform(2, 6) * 60) / 60
    account = chance.randrange(80)
    tip = round(account / 40 + chance.gammavariate(2, 1), 2) if account >= 40 else account / 10
    aborted = i % 30 == 7
    dropoff = pickup + dt.timedelta(minutes=minutes)
    known: dict[str, object] = {
        "dropoff": dropoff.isoformat(),
        "minutes": minutes,
        "tip": tip,
        "twice_tip": 2 * tip + 1,
        "nearly_tip": tip + chance.gauss(0, 0.15),
        "rating": chance.randrange(1, 6),
    }
    return {
        "id": f"t{i}",
        "pickup": pickup.isoformat(),
        "planned": (pickup + dt.timedelta(minutes=round(4 * distance))).isoformat(),
        "zone": f"z{chance.randrange(ZONES)}",
        "driver": f"d{chance.randrange(DRIVERS)}",
        "distance": distance,
        "fare": round(3 + 2 * distance + chance.gauss(0, 1), 2),
        "account": f"a{account}" if account < 40 else "",
        "constant": 7,
        "rare": i % 500 == 0,
        "number": chance.randrange(100),
        **({} if aborted else known),
    }  # fmt: skip


def batch_mean(rows: pa.RecordBatch) -> Mapping[str, pa.Array]:
    return {"against_mean": pc.subtract(rows["distance"], pc.mean(rows["distance"]))}


def next_fare(rows: pa.RecordBatch) -> Mapping[str, pa.Array]:
    fares = rows["fare"].to_pylist()
    return {"next_fare": pa.array([*fares[1:], None], pa.float64())}


def chance(rows: pa.RecordBatch) -> Mapping[str, pa.Array]:
    return {"chance": pa.array([random.random() for _ in range(len(rows))])}


def only_many(rows: pa.RecordBatch) -> Mapping[str, pa.Array]:
    if len(rows) < 50:
        raise ValueError("too few rows")
    return {"doubled": pc.multiply(rows["distance"], 2.0)}


def tipped(rows: pa.RecordBatch) -> Mapping[str, pa.Array]:
    return {
        "tipped": pc.greater(rows["tip"], 2.0),
        "tip_rate": pc.divide(rows["tip"], rows["fare"]),
    }


def per_mile(rows: pa.RecordBatch) -> Mapping[str, pa.Array]:
    return {"per_mile": pc.divide(rows["fare"], rows["distance"])}


def planned_minutes(rows: pa.RecordBatch) -> Mapping[str, pa.Array]:
    apart = pc.subtract(rows["planned"].cast(pa.int64()), rows["pickup"].cast(pa.int64()))
    return {"planned_minutes": pc.divide(apart.cast(pa.float64()), 6e7)}


def same_distance(rows: pa.RecordBatch) -> Mapping[str, pa.Array]:
    return {"same": rows["distance"]}


BATCH_MEAN = Derive(batch_mean, ["distance"], {"against_mean": Number()})
NEXT_FARE = Derive(next_fare, ["fare"], {"next_fare": Number()})
CHANCE = Derive(chance, ["distance"], {"chance": Number()})
ONLY_MANY = Derive(only_many, ["distance"], {"doubled": Number()})
TIPPED = Derive(tipped, ["tip", "fare"], {"tipped": Boolean(), "tip_rate": Number()})
PER_MILE = Derive(per_mile, ["fare", "distance"], {"per_mile": Number()})
PLANNED = Derive(planned_minutes, ["planned", "pickup"], {"planned_minutes": Number()})
SAME = Derive(same_distance, ["distance"], {"same": Number()})
