"""What the benchmark computes, as a Forebay definition; the peers compute the same by hand.

Its derived columns are plain arithmetic, so that every peer can have them:

    sched_ts = time_hour + minute            dep_ts = sched_ts + dep_delay
    arr_ts   = dep_ts + air_time             flight_date = year, month, day

No crosses: their hash is Forebay's own.
"""

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from forebay import (
    Bucketized,
    Calendar,
    Categorical,
    Dataset,
    Date,
    Derive,
    Frequent,
    HashSplit,
    Integer,
    Number,
    Numeric,
    Regression,
    String,
    Timestamp,
    Windowed,
    count,
    max,
    mean,
    std,
)

MINUTE_US = 60_000_000
NULLS = ("", "NA")


def instants(flights: pa.RecordBatch) -> Mapping[str, pa.Array]:
    """Finds when flights were to leave, when they left and when they landed."""
    hour_us = flights["time_hour"].cast(pa.int64())
    scheduled_us = pc.add(hour_us, pc.multiply(flights["minute"], MINUTE_US))
    left_us = pc.add(scheduled_us, _minutes_us(flights["dep_delay"]))
    landed_us = pc.add(left_us, _minutes_us(flights["air_time"]))
    named = {"sched_ts": scheduled_us, "dep_ts": left_us, "arr_ts": landed_us}
    return {name: us.cast(Timestamp.arrow_type) for name, us in named.items()}


def dates(flights: pa.RecordBatch) -> Mapping[str, pa.Array]:
    """Finds the day of the scheduled departure on New York's calendar."""
    year, month, day = (flights[part].to_numpy() for part in ("year", "month", "day"))
    months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    days = months.astype("M8[D]") + (day - 1)
    return {"flight_date": pa.array(days, pa.date32(), mask=days.astype("M8[M]") != months)}


def _minutes_us(minutes: pa.Array) -> pa.Array:
    return pc.multiply(minutes, float(MINUTE_US)).cast(pa.int64())


WINDOWS = [
    Windowed("dep_delay", key="origin", at="dep_ts", over=["1h", "3h"], ops=[mean(), count()]),
    Windowed("dep_delay", key="carrier", at="dep_ts", over="3h", ops=mean()),
    Windowed("arr_delay", key="dest", at="arr_ts", over="1h", ops=[mean(), max()]),
    Windowed("arr_delay", key="dest", at="arr_ts", over="3h", ops=mean()),
    Windowed("arr_delay", key="dest", at="arr_ts", over="1d", ops=std()),
]

benchmark = Dataset(
    name="flights-benchmark",
    columns={
        "year": Integer(required=True),
        "month": Integer(range=(1, 12), required=True),
        "day": Integer(range=(1, 31), required=True),
        "time_hour": Timestamp(required=True),
        "minute": Integer(range=(0, 59), required=True),
        "dep_delay": Number(nulls=NULLS),
        "arr_delay": Number(nulls=NULLS),
        "air_time": Number(nulls=NULLS),
        "distance": Number(required=True),
        "carrier": String(required=True),
        "flight": Integer(required=True),
        "tailnum": String(nulls=NULLS),
        "origin": String(required=True),
        "dest": String(required=True),
    },
    derive=[
        Derive(
            instants,
            inputs=["time_hour", "minute", "dep_delay", "air_time"],
            outputs={"sched_ts": Timestamp(), "dep_ts": Timestamp(), "arr_ts": Timestamp()},
        ),
        Derive(dates, inputs=["year", "month", "day"], outputs={"flight_date": Date()}),
    ],
    row_time="dep_ts",
    windows=WINDOWS,
    features=[
        Numeric("distance", scale="z_score"),
        Numeric("dep_delay", scale="z_score"),
        *(
            Numeric(name, scale="z_score", indicator="_count_" not in name)
            for windowed in WINDOWS
            for name in windowed.names
        ),
        Bucketized("dep_delay", quantiles=10),
        Categorical("carrier"),
        Categorical("origin"),
        Categorical("dest"),
        Categorical("tailnum", Frequent(min_count=10)),
        Calendar("sched_ts", part="hour_of_day"),
        Calendar("sched_ts", part="day_of_week"),
    ],
    label=Regression("arr_delay"),
    split=HashSplit("flight_date", train=80, eval=10, test=10),
    # (sched_ts, carrier, flight) is unique: the comparison matches rows by it.
    passthrough=["flight_date", "sched_ts", "carrier", "flight"],
)

# For looking closer: the windows that the course's way approximates, in minutes.
inspected = replace(
    benchmark,
    passthrough=[
        *benchmark.passthrough,
        "dep_delay_mean_1h_by_origin",
        "arr_delay_mean_1h_by_dest",
    ],
)
