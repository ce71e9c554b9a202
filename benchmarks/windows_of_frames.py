"""Measures `forebay.windows` on a frame, beside Polars' rolling means of the same question.

python benchmarks/windows_of_frames.py [ROWS]

The question is a mean and a count of the last hour by key. Rows are in no order and times are all
different, so that both see the same events; the values are compared. Seconds are the clock's, the
least of three times. `the kernels` is what `forebay.windows` calls, on arrays that are there.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

import forebay as fb
from forebay.transforms.windows.compute import aggregate
from forebay.transforms.windows.kernels.values import Events, Requests, Values
from forebay.transforms.windows.operations import Aggregate

KEYS, SPAN_S, HOUR_US = 300, 30 * 86_400, 3_600_000_000
WINDOWED = fb.Windowed("value", key="key", over="1h", ops=[fb.mean(), fb.count()])


def make_frame(rows: int) -> pl.DataFrame:
    """Returns events in no order, at times that are all different."""
    rng = np.random.default_rng(1)
    times = rng.permutation(rows) * (SPAN_S * 1_000_000 // rows)
    return pl.DataFrame(
        {
            "key": [f"key {i}" for i in rng.integers(0, KEYS, rows)],
            "at": pl.Series(times).cast(pl.Datetime("us", "UTC")),
            "value": rng.normal(100, 20, rows),
        }
    )


def ours(frame: pl.DataFrame) -> Any:
    """Returns the frame with the windows of Forebay."""
    return fb.windows(frame, WINDOWED, at="at")


def kernels(frame: pl.DataFrame) -> Callable[[], Any]:
    """Returns what computes the same of arrays."""
    key = frame["key"].rank("dense").to_numpy().astype(np.int64)
    times, row = frame["at"].to_physical().to_numpy(), np.arange(len(frame))
    there = np.ones(len(frame), bool)
    events = Events(key, times, there, row, {"x": Values(frame["value"].to_numpy(), there)})
    asking = Requests(key, times, row)
    wanted = [Aggregate(op, "x", HOUR_US) for op in ("mean", "count")]
    return lambda: aggregate(events, asking, wanted)


def of_polars(frame: pl.DataFrame) -> pl.DataFrame:
    """Returns the same columns as Polars computes them, by key and time."""
    return (
        frame.sort("at")
        .rolling("at", period="1h", closed="left", group_by="key")
        .agg(pl.col("value").mean().alias("mean"), pl.col("value").count().alias("count"))
    )


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Returns what of them is not of the question: joined back to the rows, in their order."""
    return frame.join(of_polars(frame), on=["key", "at"], how="left", maintain_order="left")


def seconds(work: Callable[[], Any]) -> float:
    """Returns the least time of three."""
    found = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def greatest_difference(frame: pl.DataFrame) -> float:
    """Returns how far the means are apart, relative; counts and missing means must be equal.

    Raises:
        SystemExit: they are not.
    """
    own, theirs = ours(frame).to_polars(), in_order(frame)
    counts = own["value_count_1h_by_key"].cast(pl.Int64) == theirs["count"].cast(pl.Int64)
    means = own["value_mean_1h_by_key"], theirs["mean"]
    if not counts.all() or not (means[0].is_null() == means[1].is_null()).all():
        raise SystemExit("the counts differ")
    return float(((means[0] - means[1]).abs() / means[1].abs()).max() or 0.0)


def main(rows: int) -> None:
    """Prints a line for each."""
    frame = make_frame(rows)
    ours(frame.head(9))  # compiles
    figures = {
        "forebay.windows": seconds(lambda: ours(frame)),
        "the kernels": seconds(kernels(frame)),
        "Arrow of the frame": seconds(lambda: pa.table(frame)),
        "Polars' rolling": seconds(lambda: of_polars(frame)),
        "and in the rows' order": seconds(lambda: in_order(frame)),
    }
    for name, taken in figures.items():
        print(f"{name:24s} {taken:.2f} s")
    print(f"{'means differ by':24s} {greatest_difference(frame):.1e} at most, counts by nothing")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
