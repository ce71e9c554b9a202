"""Parcels that depots send, beside two other tables: the weather there, and prices as corrected.

Columns of one name mean different things in different tables, and so do clocks.
"""

import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.columns import (
    Boolean,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Categorical, Numeric
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.sources import Derive, Source
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.definition.windows.operators import count, last, max, mean, sum
from forebay.transforms.definition.windows.windowed import Where, Windowed


def felt(rows: pa.RecordBatch) -> dict[str, pa.Array]:
    """What the wind makes of the temperature."""
    return {"felt": pc.subtract(rows["temp"], rows["wind"].cast(pa.float64()))}


weather = Source(
    columns={
        "station": Integer(required=True),
        "at": Timestamp(format="%d.%m.%Y %H:%M", tz="Europe/Berlin"),
        "known": Timestamp(unit="s"),
        "temp": Number(nulls=("", "-"), range=(-60, 60)),
        "wind": Integer(),
        "sky": String(),
    },
    derive=[Derive(felt, ["temp", "wind"], {"felt": Number()})],
    csv=CsvFormat(delimiter=";"),
)
prices = Source(
    columns={
        "id": String(),
        "at": Timestamp(),
        "known": Timestamp(),
        "depot": Integer(),
        "price": Number(),
        "gone": Boolean(),
    }
)
_WEATHER = {"source": "weather", "at": "at", "key": "station", "row_key": "depot"}
_PRICE = {
    "source": "prices", "at": "at", "key": "depot", "available_at": "known", "event_id": "id",
    "deleted": "gone",
}  # fmt: skip
windows = [
    Windowed("temp", over="2h", available_at="known", ops=[last(), mean(), count()], **_WEATHER),
    Windowed("felt", over="6h", lag="30m", where=Where("sky", "==", "rain"), ops=max(), **_WEATHER),
    Windowed("sky", over="unbounded", ops=last(), **_WEATHER),
    Windowed(
        source="weather", at="at", over="1h", ops=count(), by="sky", categories=["rain", "sun"]
    ),
    Windowed("price", over=["3h", "unbounded"], ops=[last(), sum(), count()], **_PRICE),
    Windowed("weight", key="depot", over="3h", ops=[sum(), count()]),
    Windowed(
        "weight", key="hub", at="seen", available_at="told", event_id="parcel", deleted="void",
        over=["2h", "1d"], ops=[mean(), count()],
    ),
]  # fmt: skip

parcels = Dataset(
    name="parcels",
    columns={
        "row": Integer(required=True),
        "parcel": Integer(),
        "at": Timestamp(),
        "seen": Timestamp(),
        "told": Timestamp(),
        "depot": Integer(),
        "hub": String(),
        "weight": Number(),
        "void": Boolean(),
        "days": Number(),
    },
    sources={"weather": weather, "prices": prices},
    row_time="at",
    windows=windows,
    features=[
        Numeric("weight", scale="z_score"),
        Numeric("weather_temp_last_2h_by_station_for_depot", scale="z_score", indicator=True),
        Categorical("weather_sky_last_unbounded_by_station_for_depot"),
    ],
    label=Regression("days"),
    split=HashSplit("row", train=80, eval=10, test=10),
    passthrough=["row", "at", *[name for windowed in windows for name in windowed.names]],
)
