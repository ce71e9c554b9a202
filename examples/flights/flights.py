"""Flights out of New York: how late will they arrive?

Three definitions of one table:

- `departure`: the arrival delay in minutes, asked when the flight leaves its gate.
- `schedule`: the same, asked at the scheduled departure, when the flight's own delay is unknown.
- `late`: whether it arrives 15 minutes late or more, asked when the flight leaves its gate.
"""

import csv
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columns import Boolean, Date, Integer, Number, String, Timestamp
from transforms.dataset import Dataset, Derive
from transforms.features import Bucketized, Calendar, Categorical, Crossed, Numeric
from transforms.labels import BinaryClassification, Regression
from transforms.split import TimeSplit
from transforms.windows import Windowed, count, last, mean
from transforms.zones import local_to_utc, utc_to_local

Int64Array = npt.NDArray[np.int64]

MINUTE_US = 60_000_000
DAY_US = 1_440 * MINUTE_US
NEVER_US = np.iinfo(np.int64).max
LATE_MINUTES = 15


# Columns computed from those of the file.


def departure_times(flights: pa.RecordBatch) -> Mapping[str, pa.Array]:
    """Turns date, clock and delay into the day and the two instants of departure."""
    year, month, day, hhmm = (_ints(flights[name]) for name in ("year", "month", "day", "sched_dep_time"))
    midnight_us = _day(year, month, day).astype("M8[us]").astype(np.int64)
    clock_us = midnight_us + _minute_of_day(hhmm) * MINUTE_US
    sched_dep_us = _by_zone(flights["origin"], _read_clock, clock_us)
    return {
        "flight_date": pa.array(_day(year, month, day)),
        "sched_dep_ts": _instants(sched_dep_us),
        "dep_ts": _instants(_later(sched_dep_us, flights["dep_delay"])),
    }


def arrival_times(flights: pa.RecordBatch) -> Mapping[str, pa.Array]:
    """Finds the instants of arrival: the clock at the destination says when, not on which day."""
    sched_dep_us = flights["sched_dep_ts"].cast(pa.int64())
    minute = _minute_of_day(_ints(flights["sched_arr_time"]))
    sched_arr_us = _by_zone(flights["dest"], _next_reading, _ints(sched_dep_us), minute)
    duration_us = pc.subtract(sched_arr_us, sched_dep_us).cast(pa.float64())
    return {
        "sched_arr_ts": _instants(sched_arr_us),
        "arr_ts": _instants(_later(sched_arr_us, flights["arr_delay"])),
        "scheduled_minutes": pc.divide(duration_us, float(MINUTE_US)),
    }


def outcomes(flights: pa.RecordBatch) -> Mapping[str, pa.Array]:
    """Compares the delays with each other and with the limit from which a flight is late."""
    return {
        "gained": pc.subtract(flights["arr_delay"], flights["dep_delay"]),
        "late": pc.greater_equal(flights["arr_delay"], float(LATE_MINUTES)),
    }


@cache
def airport_zones() -> Mapping[str, str]:
    """Returns the IANA zone of each airport, by code."""
    with Path(__file__).with_name("airport_zones.csv").open(newline="", encoding="utf-8") as file:
        return {row["code"]: row["zone"] for row in csv.DictReader(file)}


def _ints(c):
    return pc.fill_null(c, 0).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)

def _day(year, month, day):
    months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    return months.astype("M8[D]") + (day - 1)

def _minute_of_day(hhmm):
    return hhmm // 100 * 60 + hhmm % 100

def _by_zone(airports, convert, *values):
    encoded = airports.dictionary_encode()
    zones = [airport_zones().get(code) for code in encoded.dictionary.to_pylist()]
    names = sorted({z for z in zones if z})
    number = np.array([names.index(z) if z else -1 for z in zones])[encoded.indices.to_numpy(zero_copy_only=False)]
    out = np.zeros(len(airports), np.int64)
    for i, n in enumerate(names):
        rows = number == i
        out[rows] = convert(n, *(v[rows] for v in values))
    return pa.array(out, mask=number < 0)

def _read_clock(zone, clock_us):
    return local_to_utc(clock_us, zone).earliest_us

def _next_reading(zone, after_us, minute):
    midnight_us = utc_to_local(after_us, zone) // DAY_US * DAY_US
    found = []
    for day in (0, 1):
        r = local_to_utc(midnight_us + day * DAY_US + minute % 1440 * MINUTE_US, zone)
        found += [r.earliest_us, r.latest_us]
    found = np.stack(found)
    return np.where(found > after_us, found, NEVER_US).min(axis=0)

def _later(us, delay):
    return pc.add(us, pc.round(pc.multiply(delay, float(MINUTE_US))).cast(pa.int64()))

def _instants(us):
    return us.cast(pa.timestamp("us", tz="UTC"))
