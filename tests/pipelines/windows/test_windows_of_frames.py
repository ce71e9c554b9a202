"""`forebay.windows`: frames of every library, against loops over all events and against Polars."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import duckdb
import naive_windows as naive
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forebay as fb
from forebay.transforms.errors import DefinitionError, InputError

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
HOUR_US = 3_600_000_000
INSTANT = pa.timestamp("us", "UTC")

_minutes = st.none() | st.integers(-90, 90)
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["a", "b", None]),
            "asks": _minutes,
            "happens": _minutes,
            "value": st.none() | st.floats(-1e6, 1e6, width=32) | st.just(float("nan")),
        }
    ),
    max_size=12,
)  # fmt: skip


def micros(minutes: int | None) -> int | None:
    return None if minutes is None else minutes * 60_000_000


def as_table(rows: list[dict[str, Any]]) -> pa.Table:
    times = {
        name: pa.array([micros(row[name]) for row in rows], pa.int64()).cast(INSTANT)
        for name in ("asks", "happens")
    }
    return pa.table(
        {
            "key": pa.array([row["key"] for row in rows], pa.string()),
            **times,
            "value": pa.array([row["value"] for row in rows], pa.float64()),
        }
    )


def expected(
    asking: list[dict[str, Any]], events: list[dict[str, Any]], op: str, *, own: bool
) -> list[float | None]:
    """What the loop over all events says of each row's last hour."""
    known = [
        naive.Event(
            row["key"], micros(row["happens"]), i if own else -1 - i, {"value": row["value"]}
        )
        for i, row in enumerate(events)
    ]
    found: list[float | None] = []
    for i, row in enumerate(asking):
        if row["asks"] is None:
            found.append(None)
            continue
        asked = naive.Request(row["key"], micros(row["asks"]) or 0, i)
        answer = naive.aggregate(naive.seen(known, asked, HOUR_US), op, "value", naive.Ask())
        found.append(None if answer is None else float(answer))
    return found


@settings(max_examples=150, deadline=None)
@given(rows=_rows, events=_rows, cut=st.integers(0, 12))
def test_values_are_those_of_a_loop_over_all_events(
    rows: list[dict[str, Any]], events: list[dict[str, Any]], cut: int
) -> None:
    frame = pa.concat_tables([as_table(rows[:cut]), as_table(rows[cut:])])  # of two chunks
    asked = [
        fb.Windowed("value", key="key", at="happens", over="1h", ops=[fb.max(), fb.count()]),
        fb.Windowed("value", key="key", at="happens", over="1h", ops=fb.last(), source="other"),
    ]

    found = fb.windows(frame, asked, at="asks", sources={"other": as_table(events)}).arrow

    assert repr(found.select(frame.column_names).to_pylist()) == repr(frame.to_pylist())
    added = {
        "value_max_1h_by_key": expected(rows, rows, "max", own=True),
        "value_count_1h_by_key": expected(rows, rows, "count", own=True),
        "other_value_last_1h_by_key": expected(rows, events, "last", own=False),
    }
    assert {name: found[name].to_pylist() for name in added} == added
    assert found.column_names == [*frame.column_names, *added]


ROWS = [
    {"key": "a", "at": NOON, "value": 1.0, "note": ["x"]},
    {"key": "b", "at": NOON + dt.timedelta(minutes=5), "value": 2.0, "note": []},
    {"key": "a", "at": NOON + dt.timedelta(minutes=30), "value": None, "note": None},
    {"key": "a", "at": NOON + dt.timedelta(minutes=59), "value": 4.0, "note": ["y", "z"]},
    {"key": "a", "at": NOON + dt.timedelta(minutes=61), "value": 5.0, "note": []},
]
MEAN = fb.Windowed("value", key="key", over="1h", ops=fb.mean())
MEANS = [None, None, 1.0, 1.0, 4.0]
FRAMES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame(ROWS),
    "pandas, own index": lambda: pd.DataFrame(ROWS, index=[*"vwxyz"]),
    "pandas, categories": lambda: pd.DataFrame(ROWS).astype({"key": "category"}),
    "polars": lambda: pl.DataFrame(ROWS),
    "polars, categories": lambda: pl.DataFrame(ROWS).with_columns(
        pl.col("key").cast(pl.Categorical)
    ),
    "pyarrow": lambda: pa.Table.from_pylist(ROWS),
    "a record batch": lambda: pa.RecordBatch.from_pylist(ROWS),
    "duckdb": lambda: duckdb.from_arrow(pa.Table.from_pylist(ROWS)),
    "dicts": lambda: ROWS,
    "nothing known of the zone": lambda: pl.DataFrame(ROWS).with_columns(
        pl.col("at").dt.replace_time_zone(None)
    ),
    "another zone": lambda: pl.DataFrame(ROWS).with_columns(
        pl.col("at").dt.convert_time_zone("Asia/Kathmandu")
    ),
    "nanoseconds": lambda: pl.DataFrame(ROWS).with_columns(pl.col("at").dt.cast_time_unit("ns")),
    "milliseconds": lambda: pl.DataFrame(ROWS).with_columns(pl.col("at").dt.cast_time_unit("ms")),
    "small numbers": lambda: pl.DataFrame(ROWS).with_columns(pl.col("value").cast(pl.Float32)),
    "whole numbers": lambda: pl.DataFrame(ROWS).with_columns(pl.col("value").cast(pl.UInt8)),
}  # fmt: skip


@pytest.mark.parametrize("kind", FRAMES)
def test_every_kind_of_frame_is_taken_and_comes_back_in_order(kind: str) -> None:
    found = fb.windows(FRAMES[kind](), MEAN, at="at")

    assert found.arrow["value_mean_1h_by_key"].to_pylist() == MEANS
    assert found.arrow["note"].to_pylist() == [row["note"] for row in ROWS]
    assert found.to_polars()["value_mean_1h_by_key"].to_list() == MEANS
    pandas = found.to_pandas()
    assert list(pandas["key"]) == [row["key"] for row in ROWS]
    if kind == "pandas, own index":
        assert list(pandas.index) == [*"vwxyz"]
    assert pl.DataFrame(found).shape == (len(ROWS), 5) or kind == "pandas, own index"


def test_a_frame_without_rows_has_the_columns() -> None:
    found = fb.windows(pl.DataFrame(ROWS).clear(), MEAN, at="at")

    assert len(found) == 0
    assert found.arrow.schema.field("value_mean_1h_by_key").type == pa.float64()


def test_polars_says_the_same() -> None:
    rows = pl.DataFrame(
        {
            "key": [str(i * i % 7) for i in range(2_000)],
            "at": [NOON + dt.timedelta(seconds=i * 7_919 % 50_000) for i in range(2_000)],
            "value": [float(i * 31 % 101) for i in range(2_000)],
        }
    )
    asked = fb.Windowed("value", key="key", over="1h", ops=[fb.sum(), fb.min(), fb.count()])

    found = fb.windows(rows, asked, at="at").to_polars()

    theirs = rows.sort("at").rolling("at", period="1h", closed="left", group_by="key").agg(
        pl.col("value").sum().alias("sum"), pl.col("value").min().alias("min"),
        pl.len().cast(pl.Float64).alias("count"),
    )  # fmt: skip
    ours = found.select(
        "key", "at", *(
            pl.col(f"value_{op}_1h_by_key").alias(op) for op in ("sum", "min", "count")
        )
    ).with_columns(pl.col("sum").fill_null(0.0))  # fmt: skip
    assert ours.sort("key", "at").equals(theirs.sort("key", "at"))


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (42, "the frame cannot be read as a table (it is 42, a whole number); give a data frame"),
        ("rows.csv", "the frame cannot be read as a table (it is 'rows.csv', a text); give"),
        ({"a": [1]}, "the frame cannot be read as a table (it is a dict); give"),
        ([{"a": 1}, 2], "its row 1 is 2, a whole number, not a dict"),
        ([{"a": 2**63}], "the frame cannot be read as a table (Python int too large to convert"),
        (pl.DataFrame(ROWS).with_columns(at=pl.lit("2024-05-01")),
         "the frame: the column 'at' is string_view, where instants are meant; make timestamps"),
        (pl.DataFrame(ROWS).lazy(), "the frame cannot be read as a table"),
        (pl.DataFrame(ROWS).with_columns(
            at=pl.col("at").dt.cast_time_unit("ns") + pl.duration(nanoseconds=1)),
         "not every value is exactly a timestamp[us, tz=UTC]"),
        (pl.DataFrame(ROWS).with_columns(value=pl.lit(2**53 + 1, pl.UInt64) * 2**10),
         "not every value is exactly a int64"),
        (pl.DataFrame(ROWS).with_columns(key=pl.col("note")),
         "the column 'key' is large_list<item: string_view>, which windows do not read"),
        (pl.DataFrame(ROWS).with_columns(value_mean_1h_by_key=pl.col("note")),
         "has a column 'value_mean_1h_by_key' already"),
        (pa.table([pa.array(["a"]), pa.array(["a"])], ["key", "key"]), "has 2 columns 'key'"),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_cannot_be_read_is_refused(frame: Any, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        fb.windows(frame, MEAN, at="at")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"windows": "mean"}, "windows: windows = 'mean': a text; write a list of a Windowed"),
        ({"windows": [MEAN, 3]}, "windows: windows = 3: a whole number; write a Windowed"),
        ({"at": ["at"]}, "windows: at = ['at']: a list; write a text"),
        ({"sources": [ROWS]}, "a list; write a dict of names, each with anything or None"),
    ],
    ids=range(4),
)
def test_arguments_of_the_wrong_kind_are_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        fb.windows(ROWS, **{"windows": MEAN, "at": "at"} | given)


def test_mistakes_of_windows_are_told_all_at_once() -> None:
    wrong = fb.Windowed("vlaue", key="at", over="1", ops=fb.mean())
    with pytest.raises(DefinitionError) as caught:
        fb.windows(ROWS, [wrong, fb.Windowed(over="1h", source="else", at="x")], at="when")

    where = [problem.where for problem in caught.value.problems]
    assert where == [
        "at", "windows[0].value", "windows[0].key", "windows[0].over", "windows[1].source",
    ]  # fmt: skip
    assert str(caught.value).startswith("the windows have 5 mistakes: at = 'when': no such column")
    assert "did you mean value?" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_neither_beam_nor_tensorflow_is_loaded() -> None:
    script = (
        "import sys, forebay as fb, pyarrow as pa\n"
        "frame = pa.table({'at': pa.array([0], pa.timestamp('us')), 'v': [1.0]})\n"
        "fb.windows(frame, fb.Windowed('v', over='1h', ops=fb.mean()), at='at')\n"
        "heavy = {'apache_beam', 'tensorflow', 'polars'} & {*sys.modules}\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_what_a_notebook_shows_is_escaped_and_short() -> None:
    frame = pa.table({"<b>": ["<script>alert(1)</script>"] * 12, "at": pa.nulls(12, INSTANT)})

    shown = fb.windows(frame, fb.Windowed(over="1h"), at="at")._repr_html_()

    assert "<script" not in shown
    assert "<b></th>" not in shown
    assert shown.count("&lt;script&gt;") == 10
    assert "12 rows" in shown
