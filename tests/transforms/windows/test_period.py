"""What a period leaves out changes no value of the rows in it, and it leaves out all it can."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.console.words import duration_text, history_text
from forebay.transforms.definition.columns import Integer, Number, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.sources import Source
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.operators import (
    count,
    count_nulls,
    first,
    last,
    mean,
    rate,
    seconds_since_last,
    std,
    sum,
)
from forebay.transforms.definition.windows.windowed import Where, Windowed
from forebay.transforms.errors import InputError
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import window_groups
from forebay.transforms.windows.period import Period, history_needed

INSTANT = pa.timestamp("us", tz="UTC")
COLUMNS = {
    "asked": Timestamp(), "happened": Timestamp(), "known": Timestamp(), "key": Integer(),
    "x": Number(), "n": Integer(),
}  # fmt: skip
OPS = [
    count(), count_nulls(), sum(), mean(), std(), first(), last(), rate(), seconds_since_last(),
]  # fmt: skip
DAY_US = 86_400_000_000

times = st.one_of(st.none(), st.integers(0, 24))
rows = st.lists(
    st.fixed_dictionaries({
        "asked": times, "happened": times, "known": times,
        "key": st.one_of(st.none(), st.integers(0, 1)),
        "x": st.one_of(st.none(), st.sampled_from([0.1, -3.0, 1e9])),
        "n": st.integers(-3, 3),
    }),
    min_size=1, max_size=25,
)  # fmt: skip
lengths = st.one_of(st.just("unbounded"), st.integers(1, 9).map("{}us".format))
windows = st.builds(
    Windowed,
    value=st.sampled_from(["x", "n"]),
    key=st.sampled_from(["key", ()]),
    over=st.lists(lengths, min_size=1, max_size=2, unique=True),
    ops=st.just(OPS),
    at=st.sampled_from([None, "happened"]),
    available_at=st.sampled_from([None, "known"]),
    lag=st.sampled_from(["0us", "3us"]),
    where=st.sampled_from([(), (Where("n", ">", 0),)]),
)
versioned = windows.map(lambda windowed: replace(windowed, event_id="n", available_at="known"))
periods = st.builds(
    Period, st.one_of(st.none(), st.integers(0, 24)), st.one_of(st.none(), st.integers(0, 26))
)


def dataset_of(*windowed: Windowed) -> Dataset:
    return Dataset(
        name="d",
        columns=COLUMNS,
        features=[Numeric("n")],
        label=Regression("x"),
        split=HashSplit("n"),
        row_time="asked",
        windows=windowed,
    )


def batch_of(found: list[dict[str, Any]]) -> pa.RecordBatch:
    columns = {
        name: pa.array([row[name] for row in found], pa.int64()).cast(INSTANT)
        for name in ("asked", "happened", "known")
    }
    columns |= {name: pa.array([row[name] for row in found], pa.int64()) for name in ("key", "n")}
    columns["x"] = pa.array([row["x"] for row in found], pa.float64())
    columns[ROW] = pa.array(range(len(found)), pa.int64())
    return pa.RecordBatch.from_pydict(columns)


@given(rows, st.one_of(windows, versioned), periods)
@settings(deadline=None, max_examples=300)
def test_values_are_those_of_all_rows(
    found: list[dict[str, Any]], windowed: Windowed, period: Period
) -> None:
    batch = batch_of(found)
    (group,) = window_groups(dataset_of(windowed))

    def values(seen: pa.RecordBatch, asking: pa.RecordBatch) -> dict[int, dict[str, Any]]:
        events = pa.Table.from_batches([group.events(seen)])
        requests = pa.Table.from_batches([group.requests(asking)])
        return {row[ROW]: row for row in compute(group, events, requests).to_pylist()}

    asks = period.asks(batch["asked"])
    part = values(batch.filter(period.reaches(group, batch)), batch.filter(asks))
    whole = values(batch, batch)

    inside = [
        i
        for i, row in enumerate(found)
        if row["asked"] is not None
        and (period.from_us is None or row["asked"] >= period.from_us)
        and (period.to_us is None or row["asked"] < period.to_us)
    ]
    assert sorted(part) == inside
    for identity, row in part.items():
        wanted = whole[identity]
        assert row.keys() == wanted.keys()
        for name, value in row.items():
            if "_std_" in name and value is not None:
                assert value == pytest.approx(wanted[name], rel=1e-9, abs=1e-9)
            else:
                assert value == wanted[name], name


@given(rows, st.one_of(windows, versioned), periods)
@settings(deadline=None, max_examples=300)
def test_what_spans_rule_out_no_row_of_them_is(
    found: list[dict[str, Any]], windowed: Windowed, period: Period
) -> None:
    batch = batch_of(found)
    (group,) = window_groups(dataset_of(windowed))
    spans: dict[str, tuple[int, int] | None] = {}
    for name in ("asked", "happened", "known"):
        there = [row[name] for row in found if row[name] is not None]
        spans[name] = (min(there), max(there)) if there else None

    asks = period.asks(batch["asked"]).to_pylist()
    reached = period.reaches(group, batch).to_pylist()

    assert period.may_ask(spans["asked"]) or not any(asks)
    assert period.may_reach(group, spans) or not any(reached)
    if len(found) == 1 and None not in spans.values():
        assert (period.may_ask(spans["asked"]), period.may_reach(group, spans)) == (
            asks[0], reached[0]
        )  # fmt: skip


@pytest.mark.parametrize(
    ("happened", "known", "is_reached"),
    [
        (93, 0, True), (92, 0, False), (96, 0, True), (116, 0, True), (117, 0, False),
        (100, 119, True), (100, 120, False), (100, None, False), (None, 0, False),
    ],
)  # fmt: skip
def test_the_bounds_of_what_is_reached(
    happened: int | None, known: int | None, is_reached: bool
) -> None:
    """Rows ask from 100 to 119, with windows of 2 and 4 that end 3 before."""
    (group,) = window_groups(
        dataset_of(Windowed("x", over=["2us", "4us"], at="happened", available_at="known",
                            lag="3us", ops=mean()))
    )  # fmt: skip
    row = {"asked": 0, "happened": happened, "known": known, "key": 0, "x": 1.0, "n": 1}

    assert Period(100, 120).reaches(group, batch_of([row])).to_pylist() == [is_reached]


@pytest.mark.parametrize(
    ("given_windows", "reach_us", "text"),
    [
        ([], 0, "windows reach back 0 s before each row"),
        ([Windowed("x", over=["1h", "3h"], ops=mean())], DAY_US // 8, "windows reach back 3 h "),
        (
            [Windowed("x", over="6h", ops=mean(), lag="30m"), Windowed("n", over="1d", lag="90s")],
            DAY_US + 90_000_000, "windows reach back 1 d 1 min 30 s before each row",
        ),
        (
            [Windowed("x", over=["1h", "unbounded"], ops=mean())], None,
            "windows reach back without bound: they need every event before each row",
        ),
    ],
)  # fmt: skip
def test_history_needed(given_windows: list[Windowed], reach_us: int | None, text: str) -> None:
    reach = history_needed(dataset_of(*given_windows))

    assert reach == reach_us
    assert history_text(reach).startswith(text)


def test_history_needed_of_a_source_is_that_of_windows_over_it() -> None:
    dataset = replace(
        dataset_of(Windowed("x", over="1h", ops=mean())),
        sources={"other": Source(columns=COLUMNS), "idle": Source(columns=COLUMNS)},
        windows=[
            Windowed("x", over="1h", ops=mean()),
            Windowed("x", over="2h", lag="1h", at="happened", source="other", ops=mean()),
        ],
    )

    reaches = [history_needed(dataset), history_needed(dataset, "other")]
    assert reaches == [DAY_US // 24, DAY_US // 8]
    assert history_needed(dataset, "idle") == 0


@given(st.integers(0, 10**15))
def test_durations_are_written_whole(microseconds: int) -> None:
    units = {"d": DAY_US, "h": DAY_US // 24, "min": 60_000_000, "s": 10**6, "ms": 1000, "µs": 1}
    parts = duration_text(microseconds).split()

    total = 0
    for number, unit in zip(parts[::2], parts[1::2], strict=True):
        total += int(number) * units[unit]
    assert total == microseconds


def test_periods_are_read_as_splits_are() -> None:
    assert Period.read(None, None) is None
    assert Period.read("1970-01-02", None) == Period(DAY_US, None)
    assert Period.read("1970-01-01T01:00:00+01:00", "1970-01-01 00:00:01") == Period(0, 10**6)
    assert str(Period.read("1970-01-02", None)) == "1970-01-02T00:00:00Z to the end"
    for bad in ("now", "1970-02-30", "", "99999-01-01"):
        with pytest.raises(InputError, match="UTC where no offset is written"):
            Period.read(bad, None)
