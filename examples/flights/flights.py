"""Flights out of New York: how late will they arrive?

Five definitions of one table:

- `departure`: the arrival delay in minutes, asked when the flight leaves its gate;
- `schedule`: the same, asked at the scheduled departure, when its own delay is not yet known;
- `late`: whether it arrives 15 minutes late or more, asked when it leaves its gate;
- `schedule_late`: the same, asked at the scheduled departure;
- `aircraft`: as `schedule`, with the age and seats of the aircraft, looked up by its tail number.
"""

import csv
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay import (
    BinaryClassification,
    Boolean,
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Dataset,
    Date,
    Derive,
    Difference,
    Integer,
    Lookup,
    Number,
    Numeric,
    Regression,
    Source,
    String,
    TimeSplit,
    Timestamp,
    Windowed,
    count,
    last,
    local_to_utc,
    mean,
    utc_to_local,
)

Int64Array = npt.NDArray[np.int64]
Arrays = Mapping[str, pa.Array]

MINUTE_US = 60_000_000
DAY_US = 24 * 60 * MINUTE_US
LATE_MINUTES = 15.0
NEW_YORK = "America/New_York"


# What is computed from the files' columns. The flights' clocks are local, written as hour * 100 +
# minute, with midnight as 2400 or 0; only the scheduled departure has a date.


def departure_times(flights: pa.RecordBatch) -> Arrays:
    """Finds when flights leave: what the clock at the origin shows, and the delay after that."""
    day = _days(*(flights[part].to_numpy() for part in ("year", "month", "day")))
    midnight_us = day.cast(pa.timestamp("us")).cast(pa.int64())
    shown_us = pc.add(midnight_us, _clock_us(flights["sched_dep_time"]))
    scheduled_us = _by_zone(flights["origin"], _first_shown, shown_us)
    return {
        "flight_date": day,
        "sched_dep_ts": _instants(scheduled_us),
        "dep_ts": _instants(_delayed(scheduled_us, flights["dep_delay"])),
    }


def arrival_times(flights: pa.RecordBatch) -> Arrays:
    """Finds when flights land: when the clock at the destination next shows their time."""
    left_us = flights["sched_dep_ts"].cast(pa.int64())
    clock_us = _clock_us(flights["sched_arr_time"])
    scheduled_us = _by_zone(flights["dest"], _next_shown, left_us, clock_us)
    duration_us = pc.subtract(scheduled_us, left_us)
    return {
        "sched_arr_ts": _instants(scheduled_us),
        "arr_ts": _instants(_delayed(scheduled_us, flights["arr_delay"])),
        "scheduled_minutes": pc.divide(duration_us.cast(pa.float64()), float(MINUTE_US)),
    }


def outcomes(flights: pa.RecordBatch) -> Arrays:
    """Tells what the flight itself added to its delay, and whether it was late."""
    return {
        "gained": pc.subtract(flights["arr_delay"], flights["dep_delay"]),
        "late": pc.greater_equal(flights["arr_delay"], LATE_MINUTES),
    }


def known_times(weather: pa.RecordBatch) -> Arrays:
    """Finds when an observation is known: the table says in which hour it was made, no more."""
    hour_us = weather["time_hour"].cast(pa.int64())
    return {"known_at": _instants(pc.add(hour_us, 60 * MINUTE_US))}


def ages(flights: pa.RecordBatch) -> Arrays:
    """Finds how old the aircraft is, in years."""
    built = flights["planes_year_by_tailnum"]
    return {"age": pc.subtract(flights["year"], built).cast(pa.float64())}


@cache
def airport_zones() -> Mapping[str, str]:
    """Returns the time zone of each airport, by its code."""
    with Path(__file__).with_name("airport_zones.csv").open(newline="", encoding="utf-8") as file:
        return {row["code"]: row["zone"] for row in csv.DictReader(file)}


def _days(year: Int64Array, month: Int64Array, day: Int64Array) -> pa.Array:
    """Dates; null where the calendar has no such day."""
    months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    days = months.astype("M8[D]") + (day - 1)
    return pa.array(days, mask=days.astype("M8[M]") != months)


def _clock_us(hhmm: pa.Array) -> pa.Array:
    """Microseconds since midnight; null where the minutes exceed 59."""
    hours, minutes = np.divmod(hhmm.to_numpy(), 100)
    return pa.array((hours * 60 + minutes) * MINUTE_US, mask=minutes > 59)


def _by_zone(airports: pa.Array, convert: Callable[..., Int64Array], *times: pa.Array) -> pa.Array:
    """Applies ``convert(zone, *times)`` to each zone's rows; null where any of them is unknown."""
    codes = airports.dictionary_encode()
    zones = pa.array(
        [airport_zones().get(code) for code in codes.dictionary.to_pylist()], pa.string()
    )
    zone_of_row = zones.take(codes.indices)
    filled = [pc.fill_null(time, 0).to_numpy() for time in times]
    instants = np.zeros(len(airports), np.int64)
    for zone in zones.unique().drop_null().to_pylist():
        rows = pc.fill_null(pc.equal(zone_of_row, zone), False).to_numpy(zero_copy_only=False)
        instants[rows] = convert(zone, *(time[rows] for time in filled))
    known = np.logical_and.reduce(
        [column.is_valid().to_numpy(zero_copy_only=False) for column in (zone_of_row, *times)]
    )
    return pa.array(instants, mask=~known)


def _first_shown(zone: str, shown_us: Int64Array) -> Int64Array:
    return local_to_utc(shown_us, zone).earliest_us


def _next_shown(zone: str, after_us: Int64Array, clock_us: Int64Array) -> Int64Array:
    """The first instant after another at which a clock shows a time; 24:00 is the next 0:00."""
    same_day_us = utc_to_local(after_us, zone) // DAY_US * DAY_US + clock_us % DAY_US
    days = [local_to_utc(shown_us, zone) for shown_us in (same_day_us, same_day_us + DAY_US)]
    shown = np.stack([us for day in days for us in (day.earliest_us, day.latest_us)])
    first: Int64Array = np.where(shown > after_us, shown, np.iinfo(np.int64).max).min(axis=0)
    return first


def _delayed(us: pa.Array, minutes: pa.Array) -> pa.Array:
    delay_us = pc.round(pc.multiply(minutes, float(MINUTE_US)))
    return pc.add(us, delay_us.cast(pa.int64()))


def _instants(us: pa.Array) -> pa.Array:
    return us.cast(Timestamp.arrow_type)


# What the definitions share.

NULLS = ("", "NA")
CLOCK = Integer(range=(0, 2400), required=True)
ACTUAL_CLOCK = Integer(range=(0, 2400), nulls=NULLS)
# A day early or a week late is not a delay but a mistake.
DELAY = Number(range=(-1_440, 10_080), nulls=NULLS)

COLUMNS = {
    "year": Integer(range=(1987, 2100), required=True),
    "month": Integer(range=(1, 12), required=True),
    "day": Integer(range=(1, 31), required=True),
    "dep_time": ACTUAL_CLOCK,
    "sched_dep_time": CLOCK,
    "dep_delay": DELAY,
    "arr_time": ACTUAL_CLOCK,
    "sched_arr_time": CLOCK,
    "arr_delay": DELAY,
    "carrier": String(required=True),
    "flight": Integer(range=(1, None), required=True),
    "tailnum": String(nulls=NULLS),
    "origin": String(values=("EWR", "JFK", "LGA"), required=True),
    "dest": String(required=True),
    "air_time": Number(range=(0, None), nulls=NULLS),
    "distance": Number(range=(0, None), required=True),
}

DERIVE = [
    Derive(
        departure_times,
        inputs=["year", "month", "day", "sched_dep_time", "dep_delay", "origin"],
        outputs={
            "flight_date": Date(),
            "sched_dep_ts": Timestamp(required=True),
            "dep_ts": Timestamp(),
        },
    ),
    Derive(
        arrival_times,
        inputs=["sched_dep_ts", "sched_arr_time", "arr_delay", "dest"],
        outputs={
            "sched_arr_ts": Timestamp(),
            "arr_ts": Timestamp(),
            "scheduled_minutes": Number(),
        },
    ),
    Derive(
        outcomes,
        inputs=["dep_delay", "arr_delay"],
        outputs={"gained": Number(), "late": Boolean()},
    ),
]

# Weather by airport and hour. Some hours are missing, and so are some cells.
WEATHER = Source(
    columns={
        "origin": String(required=True),
        "time_hour": Timestamp(required=True),
        "temp": Number(nulls=NULLS),
        "wind_speed": Number(range=(0, 200), nulls=NULLS),  # miles per hour; one is 1,048
        "precip": Number(range=(0, None), nulls=NULLS),
        "visib": Number(range=(0, None), nulls=NULLS),
    },
    derive=[Derive(known_times, inputs=["time_hour"], outputs={"known_at": Timestamp()})],
)

# Aircraft by tail number; of some the year is not known, and of some flights the aircraft is not.
PLANES = Source(
    columns={
        "tailnum": String(required=True),
        "year": Integer(range=(1903, 2100), nulls=NULLS),
        "seats": Integer(range=(1, None), nulls=NULLS),
    },
)

# A delay at departure is an event at dep_ts, one at arrival an event at arr_ts.
WINDOWS = [
    Windowed("dep_delay", key="origin", at="dep_ts", over=["1h", "3h"], ops=[mean(), count()]),
    Windowed("dep_delay", key="origin", at="dep_ts", over="1d", ops=mean()),
    Windowed("dep_delay", key="carrier", at="dep_ts", over="3h", ops=mean()),
    Windowed("arr_delay", key="dest", at="arr_ts", over=["1h", "3h"], ops=mean()),
    Windowed("gained", key="origin", at="arr_ts", over=["1h", "3h"], ops=mean()),
    Windowed("gained", key="dest", at="arr_ts", over=["1h", "3h", "1d"], ops=[mean(), count()]),
    # The latest weather at the airport that is known, unless it is older than two hours.
    *[
        Windowed(value, source="weather", key="origin", at="time_hour", available_at="known_at",
                 over="2h", ops=last())
        for value in ("temp", "wind_speed", "precip", "visib")
    ],
]  # fmt: skip

# The aircraft's last arrival that day: mostly what makes its next departure late.
AIRCRAFT = Windowed("arr_delay", key="tailnum", at="arr_ts", over="1d", ops=last())


def numeric(windows: list[Windowed]) -> list[Numeric]:
    """Scales every windowed column; an empty window gets the mean of train, and is marked."""
    names = [name for windowed in windows for name in windowed.names]
    return [Numeric(name, scale="z_score", indicator="_count_" not in name) for name in names]


FEATURES: list[Numeric | Categorical | Calendar | Crossed] = [
    Numeric("distance", scale="z_score"),
    Numeric("scheduled_minutes", scale="z_score"),
    Categorical("carrier", embed=4),
    Categorical("origin", embed=2),
    Categorical("dest", embed=8),
    Calendar("sched_dep_ts", part="hour_of_day", tz=NEW_YORK, embed=4, name="hour"),
    Calendar("sched_dep_ts", part="day_of_week", tz=NEW_YORK, embed=2, name="weekday"),
    Crossed("weekday_hour", ["weekday", "hour"], buckets=200),
    Crossed("carrier_dest", ["carrier_id", "dest_id"], buckets=1_000),
    *numeric(WINDOWS),
    # Whether delays at the airport are growing.
    Numeric(
        Difference("dep_delay_mean_1h_by_origin", "dep_delay_mean_1d_by_origin"), scale="z_score"
    ),
]

OWN_DELAY: list[Numeric | Bucketized] = [
    Numeric("dep_delay", scale="z_score"),
    Bucketized("dep_delay", quantiles=20, embed=4),
]

# The past trains: to 7 October; then 20 days to tune on; the test is from the 301st day.
SPLIT = TimeSplit(
    on="sched_dep_ts",
    eval_from="2013-10-08T00:00:00-04:00",
    test_from="2013-10-28T00:00:00-04:00",
)
IDENTITY = ["flight_date", "carrier", "flight"]


departure = Dataset(
    name="flights-departure",
    columns=COLUMNS,
    derive=DERIVE,
    sources={"weather": WEATHER},
    row_time="dep_ts",
    windows=WINDOWS,
    features=[*FEATURES, *OWN_DELAY],
    label=Regression("arr_delay", baselines=["dep_delay"]),
    split=SPLIT,
    passthrough=IDENTITY,
)

schedule = Dataset(
    name="flights-schedule",
    columns=COLUMNS,
    derive=DERIVE,
    sources={"weather": WEATHER},
    row_time="sched_dep_ts",
    windows=[*WINDOWS, AIRCRAFT],
    features=[*FEATURES, *numeric([AIRCRAFT])],
    label=Regression("arr_delay"),
    split=SPLIT,
    passthrough=IDENTITY,
)

aircraft = replace(
    schedule,
    name="flights-aircraft",
    sources={"weather": WEATHER, "planes": PLANES},
    # The model has the table inside: it is asked by tail number.
    lookups=[Lookup(["year", "seats"], source="planes", key="tailnum", embed=True)],
    derive=[
        *DERIVE,
        Derive(ages, inputs=["year", "planes_year_by_tailnum"], outputs={"age": Number()}),
    ],
    features=[
        *schedule.features,
        Numeric("age", scale="z_score", indicator=True),
        Numeric("planes_seats_by_tailnum", scale="z_score", indicator=True),
    ],
)

late = replace(
    departure,
    name="flights-late",
    label=BinaryClassification("late", baselines=["dep_delay"]),
)

schedule_late = replace(
    schedule,
    name="flights-schedule-late",
    label=BinaryClassification("late"),
)
