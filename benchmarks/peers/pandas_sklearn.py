"""The benchmark by hand in pandas and scikit-learn; the files are written by two threads.

    python benchmarks/peers/pandas_sklearn.py DIR OUT

Windows over arrivals are asked at departures: events and questions are put in one column of
times per destination, and what rolls over both is kept for the questions.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
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
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

READ = [
    "year", "month", "day", "dep_delay", "arr_delay", "air_time", "distance",
    "flight", "minute", "time_hour", *CATEGORIES,
]  # fmt: skip


def main() -> None:
    folder, out = sys.argv[1:]
    phases = Phases()
    with phases.timed("import TensorFlow"):
        from tfrecord_files import write_splits
    with phases.timed("read"):
        flights = read(folder)
    with phases.timed("windows"):
        add_windows(flights)
    with phases.timed("transform"):
        # Rows without a label are not examples, though they were events.
        flights = flights[flights["arr_delay"].notna()].reset_index(drop=True)
        days = splits_of(flights["flight_date"].dt.date.unique())
        by_day = {pd.Timestamp(day): split for day, split in days.items()}
        split = flights["flight_date"].map(by_day).to_numpy()
        outputs = transformed(flights, split == 0)
        del flights
        rows = {name: np.flatnonzero(split == number) for number, name in enumerate(SPLITS)}
    with phases.timed("write"):

        def take(name: str, start: int, stop: int) -> dict[str, pa.Array]:
            chosen = rows[name][start:stop]
            return {column: pa.array(outputs[column][chosen]) for column in outputs}

        write_splits(out, {name: len(chosen) for name, chosen in rows.items()}, take)
    phases.write(out)


def read(folder: str) -> pd.DataFrame:
    """Reads the flights that left, in order of departure."""
    parts = [pd.read_csv(path, engine="pyarrow", usecols=READ) for path in csv_files(folder)]
    flights = pd.concat(parts, ignore_index=True)
    del parts
    flights[list(CATEGORIES)] = flights[list(CATEGORIES)].astype("category")
    flights["flight_date"] = pd.to_datetime(flights[["year", "month", "day"]]).astype("M8[us]")
    hour = pd.to_datetime(flights["time_hour"]).dt.tz_localize(None).astype("M8[us]")
    flights["sched_ts"] = hour + _minutes(flights["minute"])
    flights = flights[flights["dep_delay"].notna()]
    flights = flights.drop(columns=["year", "month", "day", "minute", "time_hour"])
    flights["dep_ts"] = flights["sched_ts"] + _minutes(flights["dep_delay"])
    flights["arr_ts"] = flights["dep_ts"] + _minutes(flights.pop("air_time"))
    return flights.sort_values("dep_ts", ignore_index=True)


def _minutes(column: pd.Series) -> pd.Series:
    return (
        pd.to_timedelta(column.to_numpy() * 60_000_000, unit="us")
        .astype("m8[us]")
        .to_series(index=column.index)
    )


def add_windows(flights: pd.DataFrame) -> None:
    """Adds the windowed columns in place."""
    for key, over, operators in (
        ("origin", "1h", ("mean", "count")),
        ("origin", "3h", ("mean", "count")),
        ("carrier", "3h", ("mean",)),
    ):
        for operator in operators:
            found = _rolled(flights, key, "dep_ts", "dep_delay", over, operator)
            flights[f"dep_delay_{operator}_{over}_by_{key}"] = (
                np.nan_to_num(found, nan=0.0) if operator == "count" else found
            )
    landed = flights[flights["arr_delay"].notna() & flights["arr_ts"].notna()]
    events = landed[["dest", "arr_ts", "arr_delay"]].set_axis(["dest", "at", "value"], axis=1)
    asked = flights[["dest", "dep_ts"]].set_axis(["dest", "at"], axis=1)
    asked["row"] = np.arange(len(asked))
    both = pd.concat([events, asked], ignore_index=True).sort_values("at", ignore_index=True)
    questions = np.flatnonzero(both["row"].notna())
    rows = both["row"].to_numpy()[questions].astype(np.int64)
    for over, operator in (("1h", "mean"), ("1h", "max"), ("3h", "mean"), ("24h", "std")):
        answers = np.empty(len(flights))
        answers[rows] = _rolled(both, "dest", "at", "value", over, operator)[questions]
        named = over.replace("24h", "1d")
        flights[f"arr_delay_{operator}_{named}_by_dest"] = answers


def _rolled(
    rows: pd.DataFrame, key: str, at: str, value: str, over: str, operator: str
) -> np.ndarray:
    """Aggregates the values of each row's key in [its time - over, its time), by row."""
    groups = rows[[key, at, value]].groupby(key, observed=True, sort=True)
    rolling = groups.rolling(over, on=at, closed="left", min_periods=1)[value]
    # The result lists the rows of one key after the other.
    by_key = np.argsort(rows[key].cat.codes.to_numpy(), kind="stable")
    found = np.empty(len(rows))
    found[by_key] = getattr(rolling, operator)().to_numpy()
    return found


def transformed(flights: pd.DataFrame, train: np.ndarray) -> dict[str, np.ndarray]:
    """Learns the statistics of train; returns every output column."""
    numbers = flights[list(SCALED)].to_numpy()
    scaler = StandardScaler().fit(numbers[train])
    scaled = np.nan_to_num(scaler.transform(numbers), nan=0.0).astype(np.float32)
    outputs = {f"{name}_z_score": scaled[:, i] for i, name in enumerate(SCALED)}
    for name in MEASURES:
        outputs[f"{name}_z_score_is_missing"] = flights[name].isna().to_numpy(np.float32)
    for name in CATEGORIES:
        outputs[f"{name}_id"] = _ids(flights[name], train, MIN_COUNT[name])
    binner = KBinsDiscretizer(
        QUANTILES, encode="ordinal", subsample=None, quantile_method="linear"
    ).fit(flights[["dep_delay"]].to_numpy()[train])
    buckets = binner.transform(flights[["dep_delay"]].to_numpy())
    outputs["dep_delay_bucket"] = buckets[:, 0].astype(np.int64)
    scheduled = flights["sched_ts"]
    outputs["sched_ts_hour_of_day"] = scheduled.dt.hour.to_numpy(np.int64)
    outputs["sched_ts_day_of_week"] = scheduled.dt.day_of_week.to_numpy(np.int64)
    outputs |= {name: flights[name].to_numpy() for name in CARRIED}
    outputs["carrier"] = flights["carrier"].astype(str).to_numpy(object)
    outputs["sched_ts"] = scheduled.astype("M8[us]").to_numpy().astype(np.int64)
    outputs["flight_date"] = flights["flight_date"].to_numpy().astype("M8[D]").astype(np.int64)
    return outputs


def _ids(column: pd.Series, train: np.ndarray, min_count: int) -> np.ndarray:
    """Ids by frequency; then one for values outside the vocabulary, then one for missing."""
    counts = column[train].value_counts()
    counts = counts[counts >= max(1, min_count)].rename_axis("token").reset_index(name="count")
    counts["token"] = counts["token"].astype(str)
    known = counts.sort_values(["count", "token"], ascending=False)["token"].tolist()
    ids = {token: i for i, token in enumerate(known)}
    by_code = [ids.get(token, len(known)) for token in column.cat.categories]
    # The code of a missing value is -1, the last of the list.
    taken: np.ndarray = np.array([*by_code, len(known) + 1], np.int64)[column.cat.codes.to_numpy()]
    return taken


if __name__ == "__main__":
    main()
