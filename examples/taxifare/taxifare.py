"""Taxi rides in New York: what will the meter show, asked when the ride begins?

Two definitions of one table, which differ in how its files begin:

- `taxifare`: without a header line, the columns in the order below;
- `with_header`: with one, the columns in any order, others beside them.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay import (
    Calendar,
    Crossed,
    CsvFormat,
    Dataset,
    Date,
    Derive,
    Difference,
    Euclidean,
    Grid,
    HashSplit,
    Haversine,
    Integer,
    Number,
    Numeric,
    Regression,
    String,
    Timestamp,
    Windowed,
    count,
    mean,
    utc_to_local,
)

Floats = npt.NDArray[np.float64]

NEW_YORK = "America/New_York"
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
EARTH_RADIUS_KM = 6371.0088
# Fares per kilometre of shorter rides say more of the base fare than of the traffic.
LEAST_KM = 0.5
CELLS_PER_DEGREE = 50
# Beyond it lie zeros, swapped coordinates and typing errors.
LATITUDES, LONGITUDES = (37.0, 45.0), (-78.0, -70.0)
# Where nearly all rides begin and end: Manhattan, its neighbours, two airports.
TOWN_LATITUDES, TOWN_LONGITUDES = (40.60, 40.90), (-74.05, -73.75)
TOWN = ((15, 15), TOWN_LATITUDES, TOWN_LONGITUDES)

columns = {
    "key": String(required=True),
    "fare_amount": Number(range=(2.5, 500.0), required=True),
    # "2012-06-01 08:00:00 UTC" in the public files, and yet what New York's clocks showed.
    "pickup_datetime": Timestamp(format="%Y-%m-%d %H:%M:%S UTC", tz=NEW_YORK, required=True),
    "pickup_longitude": Number(range=LONGITUDES, required=True),
    "pickup_latitude": Number(range=LATITUDES, required=True),
    "dropoff_longitude": Number(range=LONGITUDES, required=True),
    "dropoff_latitude": Number(range=LATITUDES, required=True),
    "passenger_count": Integer(range=(1, 6), required=True),
}


def days(rides: pa.RecordBatch) -> Mapping[str, pa.Array]:
    """Finds the day of the pickup by New York's clocks, and when its fare may be counted on.

    The table does not say when a ride ended. Nearly all do within an hour.
    """
    pickup_us = rides["pickup_datetime"].cast(pa.int64()).to_numpy()
    local_days = (utc_to_local(pickup_us, NEW_YORK) // DAY_US).astype(np.int32)
    known_us = pa.array(pickup_us + HOUR_US)
    return {
        "pickup_date": pa.array(local_days).view(pa.date32()),
        "fare_known_at": known_us.view(pa.timestamp("us", tz="UTC")),
    }


def cells(rides: pa.RecordBatch) -> Mapping[str, pa.Array]:
    """Finds the cell of the pickup, a fiftieth of a degree wide: about two kilometres."""
    row = pc.floor(pc.multiply(rides["pickup_latitude"], CELLS_PER_DEGREE)).cast(pa.int64())
    column = pc.floor(pc.multiply(rides["pickup_longitude"], CELLS_PER_DEGREE)).cast(pa.int64())
    return {"pickup_cell": pc.add(pc.multiply(row, 100_000), column)}


def prices(rides: pa.RecordBatch) -> Mapping[str, pa.Array]:
    """Finds what a kilometre as the crow flies cost; missing for rides too short to tell."""
    coordinates = ("pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude")
    km = _kilometres(*(np.radians(rides[name].to_numpy()) for name in coordinates))
    is_short = km < LEAST_KM
    per_km = rides["fare_amount"].to_numpy() / np.where(is_short, 1.0, km)
    return {"fare_per_km": pa.array(per_km, mask=is_short)}


def _kilometres(
    latitude: Floats, longitude: Floats, to_latitude: Floats, to_longitude: Floats
) -> Floats:
    """Great-circle distances between places in radians, by the haversine formula."""
    haversine = (
        np.sin((to_latitude - latitude) / 2) ** 2
        + np.cos(latitude) * np.cos(to_latitude) * np.sin((to_longitude - longitude) / 2) ** 2
    )
    km: Floats = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(haversine, 1.0)))
    return km


windows = [
    # What a kilometre from around here has cost lately, and how much is going on.
    Windowed(
        "fare_per_km",
        key="pickup_cell",
        over="2h",
        ops=[mean(min_count=3), count()],
        available_at="fare_known_at",
    ),
    # The same for the whole town.
    Windowed("fare_per_km", over="2h", ops=mean(min_count=3), available_at="fare_known_at"),
]

route = ("pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude")

taxifare = Dataset(
    name="taxifare",
    columns=columns,
    csv=CsvFormat(names=tuple(columns)),
    row_time="pickup_datetime",
    derive=[
        Derive(days, ["pickup_datetime"], {"pickup_date": Date(), "fare_known_at": Timestamp()}),
        Derive(cells, ["pickup_latitude", "pickup_longitude"], {"pickup_cell": Integer()}),
        Derive(prices, ["fare_amount", *route], {"fare_per_km": Number()}),
    ],
    windows=windows,
    features=[
        # How far it is: as the crow flies, and what has no unit but tells directions apart.
        Numeric(Haversine(*route), log1p=True, scale="z_score", name="kilometres"),
        Numeric(Euclidean(*route), scale="z_score", name="degrees"),
        Numeric(Difference("dropoff_latitude", "pickup_latitude"), scale="z_score", name="north"),
        Numeric(Difference("dropoff_longitude", "pickup_longitude"), scale="z_score", name="east"),
        # From where to where.
        *[
            Numeric(name, clip=(limits[0], limits[1]), scale="z_score")
            for name, limits in zip(route, 2 * (TOWN_LATITUDES, TOWN_LONGITUDES), strict=True)
        ],
        Grid("pickup_latitude", "pickup_longitude", *TOWN, name="from_cell"),
        Grid("dropoff_latitude", "dropoff_longitude", *TOWN, name="to_cell"),
        Crossed("route", ["from_cell", "to_cell"], embed=8),
        # When.
        Calendar("pickup_datetime", part="hour_of_day", tz=NEW_YORK, name="hour"),
        Calendar("pickup_datetime", part="day_of_week", tz=NEW_YORK, name="weekday"),
        Calendar("pickup_datetime", part="month", tz=NEW_YORK, name="month"),
        Crossed("weekday_hour", ["weekday", "hour"], embed=4),
        Numeric("passenger_count", scale="z_score"),
        *[
            Numeric(name, scale="z_score", indicator=True)
            for windowed in windows
            for name in windowed.names
        ],
    ],
    label=Regression("fare_amount"),
    # All rides of a day go together: those of one hour have their traffic in common.
    split=HashSplit(on="pickup_date", train=80, eval=10, test=10),
    passthrough=["key"],
)

with_header = replace(taxifare, csv=CsvFormat())
