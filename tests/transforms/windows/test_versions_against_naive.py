"""Windows over corrected and deleted events, against one loop over versions and one over events."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import naive_versions
import naive_windows as naive
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forebay.transforms.definition.columns import Boolean, Integer, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.sources import Source
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.operators import count, last, sum
from forebay.transforms.definition.windows.windowed import Where, Windowed
from forebay.transforms.hashing import hash_values
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import EVENT, RETIRED, WindowGroup, window_groups
from forebay.transforms.windows.sliced import SlicedWindows
from forebay.transforms.windows.slices import Block, Slice
from forebay.transforms.windows.versions import resolve

COLUMNS = {
    "asked": Timestamp(), "happened": Timestamp(), "known": Timestamp(), "shop": String(),
    "id": String(), "number": Integer(), "gone": Boolean(), "price": Number(), "big": Boolean(),
}  # fmt: skip
TYPES = {name: pa.int64() if isinstance(kind, Timestamp) else kind.arrow_type
         for name, kind in COLUMNS.items()}  # fmt: skip
WIDTH_US = 6

instants = st.one_of(st.integers(0, 12), st.integers(0, 12), st.none())
rows = st.fixed_dictionaries(
    {
        "asked": instants,
        "happened": instants,
        "known": st.sampled_from([None, 1, 2, 2, 7]),
        "shop": st.sampled_from(["a", "a", "b", None]),
        "id": st.sampled_from(["x", "x", "y", None]),
        "gone": st.sampled_from([False, False, True, None]),
        "price": st.sampled_from([1.0, 2.0, 0.1, math.nan, math.inf, -math.inf, None]),
        "big": st.sampled_from([True, True, False, None]),
    }
)


def _told_apart(row: dict[str, Any]) -> tuple[Any, ...]:
    """Versions that the contract's order does not tell apart are left to another test."""
    price = row["price"] if row["price"] is not None and math.isfinite(row["price"]) else None
    return row["id"] or id(row), row["known"], price


tables = st.lists(rows, max_size=14, unique_by=_told_apart)


def windowed(**changes: Any) -> Windowed:
    parts = {
        "value": "price", "key": "shop", "over": ["6us", "unbounded"], "at": "happened",
        "ops": [count(), sum(), last()], "available_at": "known", "event_id": "id",
        "deleted": "gone",
    }  # fmt: skip
    return Windowed(**parts | changes)


def group_of(one: Windowed) -> WindowGroup:
    dataset = Dataset(
        name="prices", columns=COLUMNS, row_time="asked", windows=[one],
        sources={"other": Source(columns=COLUMNS)},
        features=[Numeric("number")], label=Regression("price"), split=HashSplit("shop"),
    )  # fmt: skip
    (group,) = window_groups(dataset)
    return group


def batch_of(found: Sequence[dict[str, Any]], first: int = 0) -> pa.RecordBatch:
    columns = {
        name: pa.array([row.get(name) for row in found], TYPES[name]).cast(kind.arrow_type)
        for name, kind in COLUMNS.items()
    }
    columns[ROW] = pa.array(range(first, first + len(found)), pa.int64())
    return pa.RecordBatch.from_pydict(columns)


def table_of(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])


def versions_of(found: Sequence[dict[str, Any]], where: bool) -> list[naive_versions.Version]:
    """The rows as the oracle takes them; what fails the filter is not an event, but a version."""
    return [
        naive_versions.Version(
            naive.Event(
                key=None if row["shop"] is None else ord(row["shop"]),
                time=row["happened"],
                row=i,
                values={"price": row["price"]},
                available_at=row["known"],
            ),
            row["id"],
            bool(row["gone"]) or (where and row["big"] is not True),
        )
        for i, row in enumerate(found)
    ]


def wanted(
    asking: dict[str, Any], row: int, versions: list[naive_versions.Version], one: Windowed
) -> list[Any]:
    """The oracle's values of each output column."""
    own = asking["id"] if one.source is None else None
    key = None if asking["shop"] is None else ord(asking["shop"])
    others = naive_versions.without_own(versions, own)
    known = naive_versions.known_at(others, asking["asked"], one.value)
    request = naive.Request(key, asking["asked"], row)
    values = []
    for width in (WIDTH_US, None):
        window = naive.seen(known, request, width, 0, availability_declared=True)
        values += [naive.aggregate(window, op.name, one.value) for op in one.operators]
    return values


@pytest.mark.parametrize("source", [None, "other"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"where": Where("big", "==", True)}, {"value": None, "ops": count()}, {"deleted": None}],
    ids=["all", "filtered", "events", "undeletable"],
)
@given(found=tables, asking=st.lists(rows, max_size=4))
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_each_row_sees_the_versions_known_when_it_asks(
    source: str | None, changes: dict[str, Any], found: list[Any], asking: list[Any]
) -> None:
    one = windowed(source=source, **changes)
    if one.value is None:  # then versions known at once are told apart by nothing
        found = list({(row["id"] or i, row["known"]): row for i, row in enumerate(found)}.values())
    if one.deleted is None:
        found = [row | {"gone": None} for row in found]
    group = group_of(one)
    versions = versions_of(found, bool(one.where))
    if source is None:
        events, asking = batch_of(found), found
        requests = events
    else:
        events, requests = batch_of(found, first=len(asking)), batch_of(asking)
        versions = naive_versions.from_source(versions)

    values = compute(group, table_of(group.events(events)), table_of(group.requests(requests)))

    answers = {row[ROW]: row for row in values.to_pylist()}
    for i, row in enumerate(asking):
        if row["asked"] is None:
            assert i not in answers
            continue
        answer = [answers[i][name] for name in one.names]
        for value, right in zip(answer, wanted(row, i, versions, one), strict=True):
            assert value == (None if right is None else pytest.approx(float(right), abs=1e-12))


@given(found=st.lists(rows, max_size=14), seed=st.integers(0, 9))
@settings(max_examples=200, deadline=None)
def test_the_order_of_the_input_decides_nothing(found: list[Any], seed: int) -> None:
    group = group_of(windowed())
    shuffled = random.Random(seed).sample(found, len(found))

    told = [content_of(resolve(table_of(group.events(batch_of(x))))) for x in (found, shuffled)]

    assert told[0] == told[1]


def content_of(events: pa.Table) -> list[str]:
    return sorted(map(repr, events.drop_columns([ROW, EVENT]).to_pylist()))


def test_a_value_corrected_at_seven_is_not_seen_before() -> None:
    def minute(clock: str) -> int:
        return (int(clock[:2]) * 60 + int(clock[3:])) * 60_000_000

    found = [
        {"id": "x", "shop": "a", "happened": minute("06:00"), "known": minute(known),
         "price": price, "gone": gone}
        for known, price, gone in (
            ("06:10", 1.0, False), ("07:00", 2.0, False), ("08:00", 2.0, True),
        )
    ]  # fmt: skip
    clocks = ["06:10", "06:30", "07:00", "07:01", "08:00", "08:01"]
    asking = [{"asked": minute(clock), "shop": "a"} for clock in clocks]
    group = group_of(windowed(source="other", over="1d", ops=last()))

    values = compute(
        group, table_of(group.events(batch_of(found, len(asking)))),
        table_of(group.requests(batch_of(asking))),
    )  # fmt: skip

    assert values[windowed(source="other", over="1d", ops=last()).names[0]].to_pylist() == [
        None, 1.0, 1.0, 2.0, 2.0, None,
    ]  # fmt: skip


def test_versions_are_retired_by_the_next_and_the_last_is_not() -> None:
    found = [
        {"id": "x", "shop": "a", "happened": 1, "known": known, "price": float(known)}
        for known in (5, 3, 9)
    ]
    events = resolve(table_of(group_of(windowed()).events(batch_of(found))))

    retired = zip(events["value:price"].to_pylist(), events[RETIRED].to_pylist(), strict=True)
    assert dict(retired) == {3.0: 5, 5.0: 9, 9.0: None}


def test_ids_have_hashes_of_their_own() -> None:
    texts = [f"{a}{b}" for a in ("", "x", "é", "0", "00") for b in range(20_000)]
    texts = list(dict.fromkeys([*texts, "", "\0", "a\0", "\0a"]))
    array = pa.array(["?", *texts, None]).slice(1)

    hashes = hash_values(array)

    assert len(np.unique(hashes[:-1])) == len(texts)
    assert (hash_values(array.slice(5, 3)) == hashes[5:8]).all()
    numbers = hash_values(pa.array([0, 1, -1, 2**63 - 1, -(2**63)]))
    assert len(np.unique(numbers)) == 5


@pytest.mark.parametrize("source", [None, "other"])
@given(found=tables, asking=st.lists(rows, max_size=4), size=st.integers(1, 3))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_slices_of_time_say_the_same_of_versions(
    source: str | None, found: list[Any], asking: list[Any], size: int
) -> None:
    group = group_of(windowed(source=source, ops=[count(), last()]))
    batch = batch_of(found, first=0 if source is None else len(asking))
    requests = table_of(group.requests(batch if source is None else batch_of(asking)))
    events = resolve(table_of(group.events(batch))).sort_by("time")
    slices = [sliced(events.slice(i, size)) for i in range(0, len(events), size)]
    chunks = [requests.sort_by("time").slice(i, 1) for i in range(len(requests))]

    windows = SlicedWindows(group, slices, lambda one: one.blocks[0].place, 1 << 20)
    answers = [row for chunk in windows.answer(chunks) for row in chunk.to_pylist()]

    whole = compute(group, table_of(group.events(batch)), requests).to_pylist()
    assert sorted(answers, key=str) == sorted(whole, key=str)


def sliced(events: pa.Table) -> Slice[pa.Table]:
    """A slice of events that tells when the last thing about them becomes known."""
    times = ("time", "available_at", "retired_at", "asks")
    told = [events[name] for name in times if name in events.column_names]
    settled = max(pc.max(column).as_py() or 0 for column in told)
    first, last_time = (pc.min_max(events["time"])[end].as_py() for end in ("min", "max"))
    table = events.drop_columns(["asks"] if "asks" in events.column_names else [])
    return Slice((Block(table, events.nbytes, first, last_time, settled),))
