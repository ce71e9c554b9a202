"""Three tables of other shapes than the flights, as they come in Python packages.

- `bikeshare` of ISLP: how many bicycles are lent in an hour of 2011, asked when it begins, with
  windows over the hours before;
- `diamonds` of plotnine: what a diamond costs; its rows have no time;
- `housing`, txhousing of plotnine: how many houses a city sells in a month, asked when it begins,
  with windows over the months before, in which values are missing.
"""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from forebay import (
    Calendar,
    Categorical,
    Dataset,
    Derive,
    HashSplit,
    Integer,
    Number,
    Numeric,
    Regression,
    String,
    TimeSplit,
    Timestamp,
    Windowed,
    last,
    mean,
)

Arrays = Mapping[str, pa.Array]
NULLS = ("", "NA")


def hours(rows: pa.RecordBatch) -> Arrays:
    """Finds when an hour of 2011 begins: the table has its day of the year."""
    days = pc.subtract(rows["day"], 1)
    since = pc.add(pc.multiply(days, 24), rows["hr"])
    begin = pa.scalar(1_293_840_000, pa.int64())  # 2011 began, in seconds
    return {"begins": _instants(pc.add(begin, pc.multiply(since, 3_600)))}


def months(rows: pa.RecordBatch) -> Arrays:
    """Finds when a month begins."""
    number = pc.add(pc.multiply(pc.subtract(rows["year"], 1970), 12), pc.subtract(rows["month"], 1))
    begin = number.to_numpy(zero_copy_only=False).astype("M8[M]").astype("M8[s]").astype("int64")
    return {"begins": _instants(pa.array(begin))}


def names_of_rows(rows: pa.RecordBatch) -> Arrays:
    """Makes a text of all that is known of a diamond, which says what split it is in."""
    texts = [column.cast(pa.string()) for column in rows.columns]
    return {"diamond": pc.binary_join_element_wise(*texts, "/")}


def _instants(seconds: pa.Array) -> pa.Array:
    return pc.multiply(seconds, 1_000_000).cast(Timestamp.arrow_type)


def _numeric(windows: list[Windowed]) -> list[Numeric]:
    names = [name for windowed in windows for name in windowed.names]
    return [Numeric(name, scale="z_score", indicator=True) for name in names]


BIKESHARE_WINDOWS = [
    Windowed("bikers", over=["1h", "3h", "1d", "7d"], ops=mean()),
    # The same hour of the day before, and of the same day a week ago.
    Windowed("bikers", over="1h", lag="23h", ops=mean()),
    Windowed("bikers", over="1h", lag="167h", ops=mean()),
]

bikeshare = Dataset(
    name="bikeshare",
    columns={
        "season": Integer(required=True),
        "mnth": String(required=True),
        "day": Integer(range=(1, 365), required=True),
        "hr": Integer(range=(0, 23), required=True),
        "holiday": Integer(required=True),
        "weekday": Integer(required=True),
        "workingday": Integer(required=True),
        "weathersit": String(required=True),
        "temp": Number(required=True),
        "atemp": Number(required=True),
        "hum": Number(required=True),
        "windspeed": Number(required=True),
        "bikers": Number(range=(0, None), required=True),
    },
    derive=[
        Derive(hours, inputs=["day", "hr"], outputs={"begins": Timestamp(required=True)}),
    ],
    row_time="begins",
    windows=BIKESHARE_WINDOWS,
    features=[
        Categorical("weathersit", embed=2),
        Categorical("workingday", embed=1),
        Categorical("holiday", embed=1),
        Calendar("begins", part="hour_of_day", tz="UTC", embed=4, name="hour"),
        Calendar("begins", part="day_of_week", tz="UTC", embed=2, name="weekday_begun"),
        *[Numeric(name, scale="z_score") for name in ("temp", "atemp", "hum", "windspeed")],
        *_numeric(BIKESHARE_WINDOWS),
    ],
    label=Regression("bikers"),
    split=TimeSplit(
        on="begins", eval_from="2011-09-15T00:00:00+00:00", test_from="2011-10-20T00:00:00+00:00"
    ),
)

diamonds = Dataset(
    name="diamonds",
    columns={
        "carat": Number(required=True),
        "cut": String(required=True),
        "color": String(required=True),
        "clarity": String(required=True),
        "depth": Number(required=True),
        "table": Number(required=True),
        "price": Number(range=(0, None), required=True),
        "x": Number(required=True),
        "y": Number(required=True),
        "z": Number(required=True),
    },
    derive=[
        Derive(
            names_of_rows,
            inputs=["carat", "cut", "color", "clarity", "depth", "table", "x", "y", "z"],
            outputs={"diamond": String(required=True)},
        )
    ],
    features=[
        *[Categorical(name, embed=3) for name in ("cut", "color", "clarity")],
        *[Numeric(name, scale="z_score") for name in ("carat", "depth", "table", "x", "y", "z")],
    ],
    label=Regression("price"),
    split=HashSplit(on="diamond"),
)

HOUSING_WINDOWS = [
    Windowed("sales", key="city", over=["31d", "93d", "366d"], ops=mean()),
    # The same month a year ago.
    Windowed("sales", key="city", over="20d", lag="355d", ops=mean()),
    *[
        Windowed(name, key="city", over="93d", ops=last())
        for name in ("listings", "inventory", "median")
    ],
]

housing = Dataset(
    name="housing",
    columns={
        "city": String(required=True),
        "year": Integer(range=(2000, 2015), required=True),
        "month": Integer(range=(1, 12), required=True),
        "sales": Number(range=(0, None), nulls=NULLS),
        "median": Number(range=(0, None), nulls=NULLS),
        "listings": Number(range=(0, None), nulls=NULLS),
        "inventory": Number(range=(0, None), nulls=NULLS),
    },
    derive=[
        Derive(months, inputs=["year", "month"], outputs={"begins": Timestamp(required=True)}),
    ],
    row_time="begins",
    windows=HOUSING_WINDOWS,
    features=[
        Categorical("city", embed=4),
        Calendar("begins", part="month", tz="UTC", embed=3, name="month_begun"),
        *_numeric(HOUSING_WINDOWS),
    ],
    label=Regression("sales"),
    split=TimeSplit(
        on="begins", eval_from="2011-07-01T00:00:00+00:00", test_from="2012-07-01T00:00:00+00:00"
    ),
)
