"""The instants of all 336,776 flights, against the file's other columns and a clock of our own."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest

from forebay.transforms.zones import is_zone, utc_to_local

MINUTE = dt.timedelta(minutes=1)
MINUTE_US, DAY_US = 60_000_000, 86_400_000_000


def scheduled_departure(row: Mapping[str, Any], zone: str) -> dt.datetime:
    hour, minute = divmod(row["sched_dep_time"], 100)
    clock = dt.datetime(row["year"], row["month"], row["day"]) + dt.timedelta(
        hours=hour, minutes=minute
    )
    return clock.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)


def next_shown(hhmm: int, zone: str, after: dt.datetime) -> dt.datetime:
    wanted = divmod(hhmm % 2400, 100)
    shown = after
    while True:
        shown += MINUTE
        clock = shown.astimezone(ZoneInfo(zone))
        if (clock.hour, clock.minute) == wanted:
            return shown


@pytest.fixture(scope="module")
def table(
    flights: ModuleType, prepare: ModuleType, derived: Callable[[pa.RecordBatch], pa.RecordBatch]
) -> pa.RecordBatch:
    types = {name: kind.arrow_type for name, kind in flights.departure.columns.items()}
    options = pyarrow.csv.ConvertOptions(
        column_types={**types, "time_hour": pa.timestamp("us", tz="UTC")},
        null_values=["NA"],
        strings_can_be_null=True,
    )
    text = pa.BufferReader(prepare.read_flights(prepare.find_data()))
    rows = pyarrow.csv.read_csv(text, convert_options=options)
    return derived(rows.combine_chunks().to_batches()[0])


def clock_shown(flights: ModuleType, table: pa.RecordBatch, instant: str, at: str) -> np.ndarray:
    """The clock at an airport as hour * 100 + minute, midnight as 0; -1 where there is none."""
    zones = flights.airport_zones()
    airports = table[at].to_numpy(zero_copy_only=False)
    us = pc.fill_null(table[instant].cast(pa.int64()), 0).to_numpy()
    shown = np.full(len(table), -1)
    for airport in np.unique(airports):
        rows = airports == airport
        minutes = utc_to_local(us[rows], zones[airport]) % DAY_US // MINUTE_US
        shown[rows] = minutes // 60 * 100 + minutes % 60
    return np.where(table[instant].is_null(), -1, shown)


def test_the_table_is_whole(flights: ModuleType, table: pa.RecordBatch) -> None:
    nulls = {name: table[name].null_count for name in table.schema.names}

    assert len(table) == 336_776
    assert nulls["dep_ts"] == nulls["dep_delay"] == 8_255
    assert nulls["arr_ts"] == nulls["late"] == nulls["gained"] == nulls["arr_delay"] == 9_430
    assert nulls["sched_dep_ts"] == nulls["sched_arr_ts"] == nulls["flight_date"] == 0
    for name, kind in flights.departure.columns.items():
        assert not kind.required or nulls[name] == 0


def test_every_airport_has_a_zone(flights: ModuleType, table: pa.RecordBatch) -> None:
    zones = flights.airport_zones()

    assert {*table["origin"].to_pylist(), *table["dest"].to_pylist()} == set(zones)
    assert all(is_zone(zone) for zone in zones.values())


def test_time_hour_is_the_hour_of_the_scheduled_departure(table: pa.RecordBatch) -> None:
    hour = pc.floor_temporal(table["sched_dep_ts"], unit="hour")

    assert pc.all(pc.equal(hour, table["time_hour"])).as_py()


@pytest.mark.parametrize(
    ("instant", "at", "clock", "exceptions"),
    [
        ("sched_dep_ts", "origin", "sched_dep_time", 0),
        ("dep_ts", "origin", "dep_time", 0),
        ("sched_arr_ts", "dest", "sched_arr_time", 0),
        # One flight landed in the night when the clocks went forward, at a time that was never
        # shown: the file says 2:03, and the clock said 3:03.
        ("arr_ts", "dest", "arr_time", 1),
    ],
)
def test_clocks_show_what_the_file_says(
    flights: ModuleType,
    table: pa.RecordBatch,
    instant: str,
    at: str,
    clock: str,
    exceptions: int,
) -> None:
    shown = clock_shown(flights, table, instant, at)
    said = pc.fill_null(table[clock], -1).to_numpy()
    wrong = np.flatnonzero((shown >= 0) & (shown != np.where(said > 0, said % 2400, said)))

    assert len(wrong) == exceptions
    for row in wrong:
        assert table["flight_date"][row].as_py() == dt.date(2013, 3, 9)
        assert (said[row], shown[row]) == (203, 303)


def test_flights_spend_a_plausible_time_on_the_ground(table: pa.RecordBatch) -> None:
    """A wrong day or zone anywhere would be off by an hour at least."""
    block_us = pc.subtract(table["arr_ts"].cast(pa.int64()), table["dep_ts"].cast(pa.int64()))
    ground = pc.subtract(pc.divide(block_us, MINUTE_US), table["air_time"]).drop_null().to_numpy()

    assert len(ground) == 336_776 - 9_430
    assert ground.min() >= 5
    assert ground.max() < 4 * 60


def test_instants_are_those_of_a_clock_read_minute_by_minute(
    flights: ModuleType, table: pa.RecordBatch
) -> None:
    zones = flights.airport_zones()
    sample = random.Random(1).sample(range(len(table)), 300)

    for row in table.take(pa.array(sample)).to_pylist():
        departure = scheduled_departure(row, zones[row["origin"]])
        arrival = next_shown(row["sched_arr_time"], zones[row["dest"]], departure)
        assert row["sched_dep_ts"] == departure
        assert row["sched_arr_ts"] == arrival
        if row["arr_delay"] is not None:
            assert row["arr_ts"] == arrival + row["arr_delay"] * MINUTE
