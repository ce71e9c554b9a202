"""Windows over slices of the events, against all events at once; and the planner's promises."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forebay.transforms.definition.columns import Integer, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.operators import (
    count,
    decayed_mean,
    distinct,
    first,
    last_k,
    max,
    mean,
    most_frequent,
    quantile,
    rate,
    seconds_since_last,
    skew,
    std,
    sum,
)
from forebay.transforms.definition.windows.windowed import Where, Windowed
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import ASKS, RETIRED, WindowGroup, window_groups
from forebay.transforms.windows.sliced import SlicedWindows
from forebay.transforms.windows.slices import (
    Block,
    Slice,
    Visibility,
    cut,
    reach,
    spanning,
    visibility,
)

OPS = [
    count(), sum(), mean(), std(), skew(), max(), first(), *last_k(3), rate(per="1us"),
    seconds_since_last(), decayed_mean(half_life="5us"), distinct(limit=3), quantile(0.4, limit=3),
    *most_frequent(2, limit=4),
]  # fmt: skip
TEXT_OPS = [count(), first(), *last_k(2), distinct(limit=3), *most_frequent(2)]
OVER = ("1us", "7us", "30us", "unbounded")
COLUMNS = {
    "asked": Timestamp(),
    "happened": Timestamp(),
    "known": Timestamp(),
    "shop": String(),
    "size": Integer(),
    "price": Number(),
    "what": String(),
}
WINDOWS = {
    "its own time": Windowed("price", key="shop", over=OVER, ops=OPS),
    "another time": Windowed("size", key="shop", at="happened", over=OVER, ops=OPS, lag="3us"),
    "late": Windowed("price", key="shop", at="happened", available_at="known", over=OVER, ops=OPS),
    "filtered": Windowed("price", over=OVER, ops=OPS, where=Where("size", ">", 0)),
    "text": Windowed("what", key=["shop", "size"], over=OVER, ops=TEXT_OPS),
    "tiles": Windowed("price", key="shop", over=OVER, ops=OPS, tile="4us"),
}

instants = st.integers(0, 60)
maybe = st.one_of(st.none(), instants, instants, instants)
rows_lists = st.lists(
    st.fixed_dictionaries(
        {
            "asked": maybe,
            "happened": maybe,
            "known": maybe,
            "shop": st.sampled_from(["a", "a", "a", "b", None]),
            "size": st.one_of(st.none(), st.integers(-2, 4)),
            "price": st.one_of(st.none(), st.integers(-4, 9).map(float), st.floats()),
            "what": st.sampled_from(["x", "y", "zz", "", None]),
        }
    ),
    min_size=1,
    max_size=24,
)
settled = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def make_group(name: str) -> WindowGroup:
    (group,) = window_groups(
        Dataset(
            name="shops",
            columns=COLUMNS,
            row_time="asked",
            windows=[WINDOWS[name]],
            features=[Numeric("size")],
            label=Regression("price"),
            split=HashSplit("shop"),
        )
    )
    return group


GROUPS = {name: make_group(name) for name in WINDOWS}


def to_batch(rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    columns = {}
    for name, kind in COLUMNS.items():
        storage = pa.int64() if isinstance(kind, Timestamp) else kind.arrow_type
        columns[name] = pa.array([row[name] for row in rows], storage).cast(kind.arrow_type)
    columns[ROW] = pa.array(np.arange(len(rows)) * 7 + 1)
    return pa.RecordBatch.from_pydict(columns)


def to_block(table: pa.Table) -> Block[pa.Table]:
    """A block as a spilled piece describes itself."""
    known = [name for name in ("time", "available_at", RETIRED, ASKS) if name in table.column_names]
    settled_us = [t for name in known for t in table[name].to_pylist() if t is not None]
    times = table["time"].to_pylist()
    last = np.max(settled_us).item()
    return Block(table, table.nbytes, np.min(times).item(), np.max(times).item(), last)


def read(rows: Slice[pa.Table]) -> pa.Table:
    return pa.concat_tables([block.place for block in rows.blocks])


def divided(data: st.DataObject, table: pa.Table) -> list[pa.Table]:
    """A table in a few parts, along time or not."""
    if data.draw(st.booleans()):
        table = table.sort_by("time")
    into = np.sort(data.draw(st.lists(st.integers(0, len(table)), max_size=5)))
    bounds = [0, *(int(at) for at in into), len(table)]
    parts = [table.slice(a, b - a) for a, b in itertools.pairwise(bounds)]
    return [part for part in parts if len(part)]


@given(rows_lists, st.sampled_from(list(WINDOWS)), st.booleans(), st.data())
@settled
def test_slices_and_chunks_change_nothing(
    rows: list[dict[str, Any]], name: str, retires: bool, data: st.DataObject
) -> None:
    group, batch = GROUPS[name], to_batch(rows)
    events = pa.Table.from_batches([group.events(batch)])
    requests = pa.Table.from_batches([group.requests(batch)])
    if retires and len(events):
        retired = data.draw(st.lists(maybe, min_size=len(events), max_size=len(events)))
        events = events.append_column(RETIRED, pa.array(retired, pa.int64()))
    if not len(requests):
        return
    blocks = map(to_block, divided(data, events)) if len(events) else []
    slices = cut(blocks, data.draw(st.integers(1, 4_000)))
    nbytes = data.draw(st.sampled_from([1, 2_000_000, 1 << 40]))
    windows = SlicedWindows(group, slices, read, nbytes)

    answers = list(windows.answer(divided(data, requests)))

    wanted = compute(group, events if len(events) else None, requests)
    kinds = pa.schema([(ROW, pa.int64()), *group.schema])
    found = pa.Table.from_batches([answer.cast(kinds, safe=False) for answer in answers])
    assert_alike(found, pa.Table.from_batches([wanted.cast(kinds, safe=False)]))


def assert_alike(found: pa.Table, wanted: pa.Table) -> None:
    """Equal to the bit."""
    found, wanted = found.sort_by(ROW), wanted.sort_by(ROW)
    for name in wanted.column_names:
        assert found[name].combine_chunks().equals(wanted[name].combine_chunks()), name


@given(rows_lists, st.sampled_from(["its own time", "another time", "late"]), st.data())
@settings(settled, max_examples=150)
def test_a_row_is_told_the_same_where_only_what_it_sees_is_there(
    rows: list[dict[str, Any]], name: str, data: st.DataObject
) -> None:
    """By the rule in words, one row and window at a time; the rest is in other slices, or not."""
    group, batch = GROUPS[name], to_batch(rows)
    events = pa.Table.from_batches([group.events(batch)])
    requests = pa.Table.from_batches([group.requests(batch)])
    if not len(requests) or not len(events):
        return
    slices = cut(map(to_block, divided(data, events)), data.draw(st.integers(1, 4_000)))
    kinds = pa.schema([(ROW, pa.int64()), *group.schema])
    answers = SlicedWindows(group, slices, read, 1 << 30).answer([requests])
    whole = pa.Table.from_batches([answer.cast(kinds, safe=False) for answer in answers])
    for request in data.draw(st.lists(st.sampled_from(requests.to_pylist()), max_size=3)):
        width, lag = data.draw(st.sampled_from(group.windows))
        end = request["time"] - lag
        seen = [
            event["key0"] is not None and event["key0"] == request["key0"]
            and (width is None or end - width <= event["time"]) and event["time"] < end
            and event[ROW] != request[ROW]
            and event.get("available_at", -1) < request["time"]
            for event in events.to_pylist()
        ]  # fmt: skip
        alone = compute(
            group,
            events.filter(pa.array(seen)),
            requests.filter(pa.array([row == request for row in requests.to_pylist()])),
        ).cast(kinds, safe=False)
        told = whole.filter(pa.array([row == request[ROW] for row in whole[ROW].to_pylist()]))
        for column, aggregate in group.aggregates.items():
            if aggregate.window == (width, lag):
                assert told[column].combine_chunks().equals(alone[column]), column


def test_a_table_is_answered_alike_from_one_slice_and_from_many() -> None:
    """One hot key, longer than anything above; every way of seeing a slice is taken."""
    rng = np.random.default_rng(5)
    n = 2_000
    rows = [
        {
            "asked": int(t), "happened": int(t) - int(rng.integers(-20, 20)),
            "known": int(t) + int(rng.integers(0, 50)), "shop": "hot" if i % 2 else "cold",
            "size": int(rng.integers(9)), "price": float(rng.normal()), "what": "abcd"[i % 4],
        }
        for i, t in enumerate(np.sort(rng.integers(0, 5_000, n)))
    ]  # fmt: skip
    batch = to_batch(rows)
    for name, group in GROUPS.items():
        wide = {
            label: dataclasses.replace(a, window_us=a.window_us and a.window_us * 100)
            for label, a in group.aggregates.items()
        }
        group = dataclasses.replace(group, aggregates=wide)
        events = pa.Table.from_batches([group.events(batch)]).sort_by("time")
        requests = pa.Table.from_batches([group.requests(batch)]).sort_by("time")
        slices = cut([to_block(events.slice(i, 100)) for i in range(0, len(events), 100)], 1)
        windows = list(dict.fromkeys(a.window for a in group.aggregates.values()))
        chunks = [requests.slice(i, 300) for i in range(0, n, 300)]
        ends = [(c["time"][0].as_py(), c["time"][-1].as_py()) for c in chunks]
        seen = {visibility(w, s, *end) for w in windows for s in slices for end in ends}
        assert seen == set(Visibility), name

        answers = SlicedWindows(group, slices, read, 1 << 30).answer(chunks)

        kinds = pa.schema([(ROW, pa.int64()), *group.schema])
        found = pa.Table.from_batches([answer.cast(kinds, safe=False) for answer in answers])
        wanted = compute(group, events, requests).cast(kinds, safe=False)
        assert_alike(found, pa.Table.from_batches([wanted]))


blocks = st.builds(
    lambda nbytes, first, more, later: Block(None, nbytes, first, first + more, first + later),
    st.integers(1, 50), st.integers(-9, 9), st.integers(0, 5), st.integers(5, 9),
)  # fmt: skip


@given(st.lists(blocks), st.integers(1, 120))
@settled
def test_slices_hold_every_block_once_and_keep_to_the_bound(
    given_blocks: list[Block[None]], nbytes: int
) -> None:
    slices = cut(given_blocks, nbytes)

    held = [block for part in slices for block in part.blocks]
    assert sorted(map(repr, held)) == sorted(map(repr, given_blocks))
    for part in slices:
        total = np.sum([block.nbytes for block in part.blocks])
        assert total <= nbytes or len(part.blocks) == 1
    starts = [part.first_us for part in slices]
    assert starts == sorted(starts)


@given(st.lists(blocks), st.integers(1, 120), st.sampled_from([None, 0, 3, 9]))
@settled
def test_joined_slices_span_enough_time_and_hold_what_they_held(
    given_blocks: list[Block[None]], nbytes: int, span_us: int | None
) -> None:
    slices = cut(given_blocks, nbytes)

    joined = list(spanning(slices, span_us))

    held = [block for part in joined for block in part.blocks]
    assert held == [block for part in slices for block in part.blocks]
    assert all(part.blocks for part in joined)
    if span_us is None:
        assert len(joined) <= 1
    else:
        assert all(part.last_us - part.first_us >= span_us for part in joined[:-1])


@given(
    st.lists(st.tuples(st.sampled_from([None, 1, 4, 20]), st.integers(0, 4)), max_size=3),
    st.lists(blocks, min_size=1, max_size=3), st.integers(-20, 30), st.integers(0, 6),
)  # fmt: skip
@settled
def test_blocks_left_out_are_seen_by_no_request(
    windows: list[tuple[int | None, int]], held: list[Block[None]], first: int, more: int
) -> None:
    within = Slice(tuple(held)).within(*reach(windows, first, first + more))

    assert len(within.blocks) <= len(held)
    for block in held:
        seen = {visibility(window, Slice((block,)), first, first + more) for window in windows}
        assert block in within.blocks or seen <= {Visibility.NONE}
        assert block not in within.blocks or windows


@given(
    st.tuples(st.sampled_from([None, 1, 4, 20]), st.integers(0, 4)),
    st.lists(blocks, min_size=1, max_size=3), st.integers(-20, 30), st.integers(0, 6),
    st.integers(0, 6), st.integers(0, 5),
)  # fmt: skip
@settled
def test_sight_is_what_each_request_and_event_say(
    window: tuple[int | None, int], held: list[Block[None]], first: int, more: int,
    request: int, event: int,
) -> None:  # fmt: skip
    part = Slice(tuple(held))
    seen = visibility(window, part, first, first + more)
    asked = first + request % (more + 1)
    time = part.first_us + event % (part.last_us - part.first_us + 1)
    width, lag = window
    inside = time < asked - lag and (width is None or time >= asked - lag - width)
    if seen is Visibility.NONE:
        assert not inside
    if seen is Visibility.ALL:
        assert inside
        assert part.settled_us < asked
