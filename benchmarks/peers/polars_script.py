"""The benchmark by hand in Polars: lazy CSV scan, rolling windows, two encoding threads.

    python benchmarks/peers/polars_script.py DIR OUT

Windows over arrivals are asked at departures: events and questions are put in one column of
times per destination, and what rolls over both is kept for the questions.
"""

import sys

import polars as pl
import pyarrow as pa
from contract import (
    CARRIED,
    CATEGORIES,
    MEASURES,
    MIN_COUNT,
    QUANTILES,
    SCALED,
    SPLITS,
    Phases,
    csv_files,
    splits_of,
)

TYPES = {"dep_delay": pl.Float64, "arr_delay": pl.Float64, "distance": pl.Float64}
DELAY, ARRIVAL = pl.col("dep_delay"), pl.col("arr_delay")


def main() -> None:
    folder, out = sys.argv[1:]
    phases = Phases()
    with phases.timed("import TensorFlow"):
        from tfrecord_files import write_splits
    with phases.timed("read"):
        flights = read(folder)
    with phases.timed("windows"):
        flights = with_windows(flights)
    with phases.timed("transform"):
        # Rows without a label are not examples, though they were events.
        flights = flights.filter(ARRIVAL.is_not_null())
        days = flights["flight_date"].unique()
        split = pl.col("flight_date").replace_strict(splits_of(days), return_dtype=pl.Int8)
        flights = flights.with_columns(split=split)
        train = flights.filter(pl.col("split") == 0)
        outputs = fitted(train)
        del train
        parts = {
            name: flights.filter(pl.col("split") == number) for number, name in enumerate(SPLITS)
        }
        del flights
    with phases.timed("write"):
        sizes = {name: len(part) for name, part in parts.items()}

        def take(name: str, start: int, stop: int) -> dict[str, pa.Array]:
            table = parts[name].slice(start, stop - start).select(outputs).to_arrow()
            return dict(zip(table.column_names, table.columns, strict=True))

        write_splits(out, sizes, take)
    phases.write(out)


def read(folder: str) -> pl.DataFrame:
    """Reads the flights that left, in order of departure."""
    hour = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us")
    left = pl.col("sched_ts") + pl.duration(minutes=DELAY.cast(pl.Int64))
    return (
        pl.scan_csv(csv_files(folder), null_values=["NA"], schema_overrides=TYPES)
        .select(
            pl.date("year", "month", "day").alias("flight_date"),
            pl.col(CATEGORIES).cast(pl.Categorical),
            (hour + pl.duration(minutes="minute")).alias("sched_ts"),
            pl.col("flight").cast(pl.Int32),
            pl.col("air_time").cast(pl.Int64),
            *TYPES,
        )
        .filter(DELAY.is_not_null())
        .with_columns(dep_ts=left)
        .with_columns(arr_ts=pl.col("dep_ts") + pl.duration(minutes="air_time"))
        .drop("air_time")
        .collect(engine="streaming")
        .sort("dep_ts")
        .with_row_index()
    )


def with_windows(flights: pl.DataFrame) -> pl.DataFrame:
    """Adds the windowed columns."""
    one = DELAY.is_not_null().cast(pl.Int32)
    flights = flights.with_columns(
        *(
            DELAY.rolling_mean_by("dep_ts", over, closed="left")
            .over(key)
            .alias(f"dep_delay_mean_{over}_by_{key}")
            for over, key in (("1h", "origin"), ("3h", "origin"), ("3h", "carrier"))
        ),
        *(
            one.rolling_sum_by("dep_ts", over, closed="left")
            .over("origin")
            .fill_null(0)
            .alias(f"dep_delay_count_{over}_by_origin")
            for over in ("1h", "3h")
        ),
    )
    return pl.concat([flights, arrival_windows(flights)], how="horizontal")


def arrival_windows(flights: pl.DataFrame) -> pl.DataFrame:
    """Returns the windows over arrivals at the destination, one row for each flight."""
    landed = flights.filter(ARRIVAL.is_not_null(), pl.col("arr_ts").is_not_null())
    events = landed.select("dest", at="arr_ts", value="arr_delay", index=pl.lit(None, pl.UInt32))
    asked = flights.select("dest", at="dep_ts", value=pl.lit(None, pl.Float64), index="index")
    value = pl.col("value")
    rolled = {
        "arr_delay_mean_1h_by_dest": value.rolling_mean_by("at", "1h", closed="left"),
        "arr_delay_max_1h_by_dest": value.rolling_max_by("at", "1h", closed="left"),
        "arr_delay_mean_3h_by_dest": value.rolling_mean_by("at", "3h", closed="left"),
        "arr_delay_std_1d_by_dest": value.rolling_std_by("at", "1d", closed="left"),
    }
    return (
        pl.concat([events, asked])
        .sort("at")
        .select("index", **{name: rolling.over("dest") for name, rolling in rolled.items()})
        .filter(pl.col("index").is_not_null())
        .sort("index")
        .drop("index")
    )


def fitted(train: pl.DataFrame) -> list[pl.Expr]:
    """Learns the statistics of train; returns the expressions of every output column."""
    means = train.select(pl.col(SCALED).mean()).row(0, named=True)
    deviations = train.select(pl.col(SCALED).std(ddof=0)).row(0, named=True)
    outputs = [
        ((pl.col(name).fill_null(means[name]) - means[name]) / deviations[name])
        .cast(pl.Float32)
        .alias(f"{name}_z_score")
        for name in SCALED
    ]
    outputs += [
        pl.col(name).is_null().cast(pl.Float32).alias(f"{name}_z_score_is_missing")
        for name in MEASURES
    ]
    outputs += [_ids(train, name).alias(f"{name}_id") for name in CATEGORIES]
    cuts = [train["dep_delay"].quantile(k / QUANTILES, "linear") for k in range(1, QUANTILES)]
    bucket = pl.sum_horizontal((cut <= DELAY).cast(pl.Int64) for cut in cuts)
    scheduled = pl.col("sched_ts")
    carried = {
        "flight_date": pl.col("flight_date").to_physical(),
        "sched_ts": scheduled.to_physical(),
        "carrier": pl.col("carrier").cast(pl.String),
    }
    return [
        *outputs,
        bucket.alias("dep_delay_bucket"),
        scheduled.dt.hour().alias("sched_ts_hour_of_day"),
        (scheduled.dt.weekday() - 1).alias("sched_ts_day_of_week"),
        *(carried.get(name, pl.col(name)).alias(name) for name in CARRIED),
    ]


def _ids(train: pl.DataFrame, name: str) -> pl.Expr:
    """Ids by frequency; then one for values outside the vocabulary, then one for missing."""
    counted = (
        train[name]
        .drop_nulls()
        .value_counts()
        .filter(pl.col("count") >= MIN_COUNT[name])
        .with_columns(pl.col(name).cast(pl.String))
        .sort("count", name, descending=True)
    )
    known = counted[name].to_list()
    ids = dict(zip(known, range(len(known)), strict=True))
    return (
        pl.when(pl.col(name).is_null())
        .then(len(known) + 1)
        .otherwise(pl.col(name).cast(pl.String).replace_strict(ids, default=len(known)))
        .cast(pl.Int64)
    )


if __name__ == "__main__":
    main()
