"""Windows of a made-up table against the same windows in SQL, by frames and by joins.

The same for the full table of flights: tests/examples/test_flights_windows.py.
"""

from __future__ import annotations

import duckdb
import duckdb_windows as sql
import numpy as np
import pyarrow as pa
import pytest
from window_questions import Question, assert_agree, computed, questions

from forebay.transforms.definition.columns import Boolean, Integer, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.operators import (  # fmt: skip
    OPERATORS,
    Op,
    count,
    count_nulls,
    decayed_mean,
    distinct,
    first,
    last,
    last_k,
    max,
    mean,
    min,
    most_frequent,
    quantile,
    rate,
    seconds_since_last,
    skew,
    std,
    sum,
    var,
)
from forebay.transforms.definition.windows.windowed import Where, Windowed

MINUTE_US = 60_000_000
SCALE = 1024  # numbers are multiples of 1/1024, so that SQL can add them up as whole numbers
# More different values than any window holds: what is estimated beyond has tests of its own.
MANY = 4096
OPS = [
    count(), count_nulls(), sum(), mean(), var(), std(), skew(), min(), max(), first(), last_k(3),
    rate(per="1m"), seconds_since_last(), distinct(limit=MANY), quantile(0.5, limit=MANY),
    quantile(0.9, limit=MANY), most_frequent(2, limit=MANY),
]  # fmt: skip
OF_TEXT = [
    count(), count_nulls(), first(), last_k(2), seconds_since_last(), distinct(), most_frequent(3),
]  # fmt: skip
DECAYED = [decayed_mean(half_life="10m"), decayed_mean(half_life="1d", min_count=3)]
OF_EVENTS = [count(), seconds_since_last()]
FEW = [
    count(min_count=2), sum(default=-1.5, min_count=3), mean(default=0.0), var(default=4.0),
    last(default=-1.0, min_count=2), seconds_since_last(default=1e6), max(default=7),
]  # fmt: skip

COLUMNS = {
    "asked": Timestamp(),
    "happened": Timestamp(),
    "known": Timestamp(),
    "origin": String(),
    "dest": String(),
    "plane": String(),
    "gate": Integer(),
    "open": Boolean(),
    "delay": Number(),
    "far": Number(),
    "bags": Integer(),
    "big": Integer(),
}
WINDOWS = [
    Windowed("delay", key="origin", over=["1m", "10m", "3h", "90d", "unbounded"], ops=OPS),
    Windowed("delay", key="dest", row_key="origin", at="happened", over=["30m", "7d"], ops=OPS),
    Windowed("bags", key="origin", at="happened", over=["1h", "unbounded"], ops=OPS, lag="5m"),
    Windowed("far", key="gate", at="happened", over=["20m", "unbounded"], ops=OPS),
    Windowed("bags", over="15m", ops=OPS, where=Where("dest", "!=", "it's")),
    Windowed("plane", key="origin", at="happened", over=["20m", "unbounded"], ops=OF_TEXT),
    Windowed("plane", key="dest", over="1h", available_at="known", ops=OF_TEXT,
             where=Where("gate", "<", 3)),
    Windowed("far", key="origin", at="happened", over=["20m", "3h"], ops=DECAYED),
    Windowed("delay", key="gate", at="happened", available_at="known", over="1h", ops=DECAYED,
             lag="5m"),
    Windowed("delay", key="dest", at="happened", over=["30m", "unbounded"], ops=OPS, tile="7m"),
    Windowed("bags", key="origin", over="1h", ops=OPS, tile="15m", lag="4m"),
    Windowed("delay", over="10m", at="happened", available_at="known", ops=OPS, tile="1m"),
    Windowed("big", key="gate", at="happened", over=["20m", "1d"], ops=[
        count(), sum(), min(), max(), first(), last(), mean()]),
    Windowed("delay", key=["dest", "open"], row_key=["origin", "open"], at="happened",
             available_at="known", over=["1h", "unbounded"], ops=OPS),
    Windowed("far", key="origin", over=["2h", "1d"], ops=OPS, available_at="known", lag="20m",
             where=[Where("gate", ">=", 2), Where("open", "==", True)]),
    Windowed("delay", key="dest", at="happened", over=["1h"], ops=OPS, by="gate",
             categories=[0, 3]),
    Windowed("bags", key="origin", at="happened", available_at="known", over="1h", ops=OPS,
             by="dest", categories=["B", "it's"], where=Where("bags", "<", 50)),
    Windowed("delay", key=["origin", "gate"], at="happened", over=["10m", "1h"], ops=FEW),
    Windowed("bags", key=["origin", "gate"], over="30m", available_at="known", ops=FEW),
    Windowed(key="dest", row_key="origin", at="happened", over=["30m", "unbounded"], ops=OF_EVENTS),
    Windowed(key="gate", over="1h", ops=OF_EVENTS, where=Where("open", "==", False),
             available_at="known"),
]  # fmt: skip


def make_rows(n: int = 3_000, seed: int = 8) -> pa.RecordBatch:
    """Rows with many equal times, events at windows' very bounds and gaps in every column."""
    chance = np.random.default_rng(seed)
    us = pa.timestamp("us", tz="UTC")
    steps = np.array([0, 0, 0, 1, -1, 5, -10, 30, -60]) * MINUTE_US
    steps[3:5] = 1, -1

    def column(data: np.ndarray, kind: pa.DataType) -> pa.Array:
        missing = chance.random(n) < 0.05
        return pa.array(data, mask=missing).cast(kind)

    asked = 1_700_000_000_000_000 + 5 * MINUTE_US * chance.integers(0, 700, n)
    happened = asked + chance.choice(steps, n)
    known = happened + chance.choice(steps, n) + 10 * MINUTE_US * chance.integers(0, 3, n)
    delay = np.round(chance.normal(0, 9 * SCALE, n)) / SCALE
    delay[chance.random(n) < 0.1] = np.nan
    delay[chance.random(n) < 0.1] = -np.inf
    delay[chance.random(n) < 0.2] = -0.0
    bags = chance.choice([0, 0, 1, 2, 40, 99], n)
    return pa.RecordBatch.from_pydict({
        "asked": column(asked, us),
        "happened": column(happened, us),
        "known": column(known, us),
        "origin": column(chance.choice(list("AAAABBC"), n), pa.string()),
        "dest": column(chance.choice(["A", "B", "C", "it's"], n), pa.string()),
        "plane": column(chance.choice(["", "n1", "N1", "N10", "N2", "é"], n), pa.string()),
        "gate": column(chance.integers(0, 5, n), pa.int64()),
        "open": column(chance.random(n) < 0.5, pa.bool_()),
        "delay": column(delay, pa.float64()),
        "far": column(1e9 + np.round(chance.random(n) * SCALE) / SCALE, pa.float64()),
        "bags": column(bags, pa.int64()),
        "big": column(chance.integers(-(2**53), 2**53, n), pa.int64()),
        ROW: pa.array(chance.permutation(n).astype(np.int64) * 97 - 10_000),
    })  # fmt: skip


DATASET = Dataset(
    name="made-up",
    columns=COLUMNS,
    row_time="asked",
    windows=WINDOWS,
    features=[Numeric("bags")],
    label=Regression("delay"),
    split=HashSplit("gate"),
)
QUESTIONS = questions(WINDOWS, "asked", SCALE)


@pytest.fixture(scope="module")
def rows() -> pa.RecordBatch:
    return make_rows()


@pytest.fixture(scope="module")
def got(rows: pa.RecordBatch) -> pa.Table:
    return computed(DATASET, [rows.slice(0, 1000), rows.slice(1000)])


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.label)
def test_values_are_those_of_sql(rows: pa.RecordBatch, got: pa.Table, question: Question) -> None:
    names = ["row" if name == ROW else name for name in rows.schema.names]
    table = pa.table(rows).rename_columns(names)

    joined = question.answers(table, joins=True)

    assert assert_agree(got, question, joined) > 1_000
    decayed = any(op.name == "decayed_mean" for op in question.ops.values())
    if not decayed and question.window.available_at is None:  # frames know nothing of either
        assert question.answers(table).equals(joined)


def test_every_operator_is_compared() -> None:
    compared = {op.name for question in QUESTIONS for op in question.ops.values()}

    assert compared == set(OPERATORS)


def test_rows_do_see_what_the_windows_are_about(rows: pa.RecordBatch) -> None:
    """Own events inside windows, late ones, ties and bounds are all there to be got wrong."""
    with duckdb.connect() as connection:
        connection.register("rows", pa.table(rows))
        (found,) = connection.sql("""
            SELECT count(*) FILTER (happened < asked),
                count(*) FILTER (known >= asked AND happened < asked),
                count(*) - count(DISTINCT asked),
                count(*) FILTER (isnan(delay)), count(*) FILTER (isinf(delay))
            FROM rows
        """).fetchall()
    assert all(number > 100 for number in found), found


def test_moments_in_whole_numbers_are_those_of_the_database() -> None:
    """The oracle's own formulas against DuckDB's functions, where those do not lose digits."""
    numbers = [3.0, -1.5, 4.25, 0.0, 12.0, 2.0]
    rows = pa.table({
        "row": range(7), "key": [0] * 7, "x": [*numbers, None],
        "t": pa.array(range(7), pa.timestamp("us", tz="UTC")),
    })  # fmt: skip
    question = Question(
        sql.Window(["key"], ["key"], "t", "t", None, "x", 4),
        {op: Op(op) for op in ("sum", "mean", "var", "std", "skew")},
    )

    found = question.answers(rows, joins=True).to_pylist()[-1]

    with duckdb.connect() as connection:
        connection.register("numbers", pa.table({"x": numbers}))
        (expected,) = connection.sql(
            "SELECT sum(x), avg(x), var_samp(x), stddev_samp(x), skewness(x) FROM numbers"
        ).fetchall()
    assert [found[op] for op in question.ops] == pytest.approx(list(expected), rel=1e-14)
