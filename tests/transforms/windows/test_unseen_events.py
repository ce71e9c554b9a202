"""No event that a row cannot see changes a bit of what it is told: any operator, path and number.

Definitions are drawn by a seed out of everything that windows can be asked. All rows are answered
at once (whole, by key partition, or from slices in little memory), and some of them again with
nothing there but what the rule, read from the page, lets them see.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.transforms.definition.columns import (
    Boolean,
    Column,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.sources import ROWS, Source
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows import operators
from forebay.transforms.definition.windows.operators import COUNTS, OF_TEXT, OPERATORS, Op
from forebay.transforms.definition.windows.windowed import Where, Windowed
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import ASKS, RETIRED, SEEN, WindowGroup, window_groups
from forebay.transforms.windows.sliced import SlicedWindows
from forebay.transforms.windows.slices import Block, Slice, cut
from forebay.transforms.windows.versions import resolve

FIRST, LAST = -(2**63), 2**63 - 1
COLUMNS: dict[str, Column] = {
    "asked": Timestamp(), "at": Timestamp(), "known": Timestamp(), "shop": String(),
    "till": Integer(), "other": String(), "x": Number(), "i": Integer(), "s": String(),
    "id": String(), "gone": Boolean(), "b": Boolean(),
}  # fmt: skip
EVENTS = Source(columns={n: c for n, c in COLUMNS.items() if n not in ("asked", "other")})
NUMBERS: list[Callable[[random.Random], float | None]] = [
    lambda chance: chance.randint(-3, 3) / 1,
    lambda chance: 1e9 + chance.random(),
    lambda chance: math.ldexp(chance.uniform(-1, 1), chance.randint(-1073, 1024)),
    lambda chance: math.ldexp(chance.uniform(-1, 1), chance.randint(-60, 60)),
    lambda chance: chance.choice(
        [None, math.nan, math.inf, 0.0, -0.0, 1.79e308, -1.79e308, 5e-324]
    ),
]
INTEGERS: list[Callable[[random.Random], int | None]] = [
    lambda chance: chance.randint(-3, 3),
    lambda chance: chance.randint(FIRST, LAST),
    lambda chance: chance.choice([None, FIRST, LAST, 2**53 + 1]),
]


def row(chance: random.Random, zero: int, span: int) -> dict[str, Any]:
    def instant() -> int | None:
        if chance.random() < 0.1:
            return chance.choice([None, None, FIRST, LAST])
        return min(zero + chance.randint(0, span), LAST)

    return {
        "asked": instant(), "at": instant(), "known": instant(),
        "shop": chance.choice(["A", "A", "A", "B", None]),
        "till": chance.choice([0, 0, 2**60, None]),
        "other": chance.choice(["A", "B", None]), "x": chance.choice(NUMBERS)(chance),
        "i": chance.choice(INTEGERS)(chance), "s": chance.choice([None, "", "a", "zz", "é", "b\0"]),
        "id": chance.choice(["p", "q", "r", None]), "gone": chance.choice([None, False, True]),
        "b": chance.choice([None, True, False]),
    }  # fmt: skip


def some_op(chance: random.Random, name: str, text: bool) -> Op | tuple[Op, ...]:
    kept: dict[str, Any] = {"min_count": chance.choice([0, 0, 2])}
    if name not in COUNTS and not text:
        kept["default"] = chance.choice([None, None, 7.5])
    if name in ("distinct", "quantile", "most_frequent"):
        kept["limit"] = chance.choice([3, 1024])
    if name == "quantile":
        return operators.quantile(chance.choice([0.0, 0.4, 1.0]), **kept)
    if name == "most_frequent":
        return operators.most_frequent(2, **kept)
    if name == "last":
        return operators.last_k(chance.randint(1, 3), **kept)
    if name == "rate":
        kept["per"] = chance.choice(["1us", "1h", "90000000d"])
    if name == "decayed_mean":
        kept["half_life"] = chance.choice(["1us", "7us", "99999d"])
    made: Op = getattr(operators, name)(**kept)
    return made


def some_windows(chance: random.Random) -> Windowed:
    value, source = chance.choice("xxis"), chance.choice([None, None, "events"])
    text = value == "s"
    names = chance.sample(OF_TEXT if text else OPERATORS, chance.randint(1, 6))
    more: dict[str, Any] = {"source": source, "at": "at" if source else chance.choice([None, "at"])}
    if chance.random() < 0.3:
        more |= {
            "event_id": "id",
            "available_at": "known",
            "deleted": chance.choice([None, "gone"]),
        }
    elif chance.random() < 0.4:
        more["available_at"] = "known"
    if chance.random() < 0.3:
        more["where"] = chance.choice([Where("i", ">", 0), Where("s", "!=", "a")])
    if chance.random() < 0.2:
        more |= {"by": "b", "categories": [True, False]}
    if chance.random() < 0.2:
        more["tile"] = chance.choice(["3us", "10us"])
    key = chance.choice([[], ["shop"], ["shop"], ["shop", "till"]])
    if key == ["shop"]:
        more["row_key"] = chance.choice([["shop"], ["other"]])
    return Windowed(
        value, key=key, lag=chance.choice(["0s", "0s", "3us"]),
        over=chance.sample(["1us", "5us", "20us", "106751990d", "unbounded"], 2),
        ops=[some_op(chance, name, text) for name in names], **more,
    )  # fmt: skip


def to_batch(rows: Sequence[dict[str, Any]], names: Sequence[str], first: int) -> pa.RecordBatch:
    arrays = {}
    for name in names:
        kind = COLUMNS[name].arrow_type
        storage = pa.int64() if pa.types.is_timestamp(kind) else kind
        arrays[name] = pa.array([row[name] for row in rows], storage).cast(kind)
    arrays[ROW] = pa.array([first + 3 * place for place in range(len(rows))], pa.int64())
    return pa.RecordBatch.from_pydict(arrays)


def to_block(table: pa.Table) -> Block[pa.Table]:
    times = table["time"].to_pylist()
    known = [n for n in ("time", "available_at", RETIRED, ASKS) if n in table.column_names]
    settled_us = max(t for name in known for t in table[name].to_pylist() if t is not None)
    return Block(table, table.nbytes, min(times), max(times), settled_us)


def read(events: Slice[pa.Table]) -> pa.Table:
    return pa.concat_tables([block.place for block in events.blocks])


def in_parts(chance: random.Random, table: pa.Table) -> list[pa.Table]:
    bounds = sorted({0, len(table), *(chance.randint(0, len(table)) for _ in range(3))})
    return [table.slice(a, b - a) for a, b in itertools.pairwise(bounds)]


def answered(
    chance: random.Random, group: WindowGroup, events: pa.Table, requests: pa.Table
) -> pa.Table:
    """All requests' answers, by a way that is drawn."""
    kinds = pa.schema([(ROW, pa.int64()), *group.schema])
    sliced, partitions = chance.choice([True, False]), chance.choice([1, 2, 7])
    if SEEN in events.column_names:
        events = resolve(events)
    places = [
        group.partition(table.combine_chunks().to_batches()[0], partitions) if len(table) else []
        for table in (events, requests)
    ]
    found = [kinds.empty_table()]
    for number in range(partitions):
        known, asked = (
            table.filter(pa.array(np.equal(place, number), pa.bool_()))
            for table, place in zip((events, requests), places, strict=True)
        )
        if sliced and len(asked):
            blocks = map(to_block, in_parts(chance, known.sort_by("time"))) if len(known) else []
            windows = SlicedWindows(
                group, cut(blocks, chance.choice([1, 4_000])), read,
                chance.choice([1, 5_000, 1 << 40]),
            )  # fmt: skip
            batches = list(windows.answer(in_parts(chance, asked)))
        else:
            batches = [compute(group, known if len(known) else None, asked)] if len(asked) else []
        found += [pa.Table.from_batches([batch.cast(kinds, safe=False)]) for batch in batches]
    return pa.concat_tables(found).sort_by(ROW)


def sees(
    group: WindowGroup,
    event: dict[str, Any],
    request: dict[str, Any],
    window: tuple[int | None, int],
) -> bool:
    """The rule; of versions, only that later ones are not known and own ones not seen."""
    if "available_at" in event:
        known = event["available_at"]
        if known is None or known >= request["time"]:
            return False
    if group.versions is not None:
        return event["event"] != request.get("event")
    width, lag = window
    end = request["time"] - lag
    keys = [(event[f"key{i}"], request[f"key{i}"]) for i in range(len(group.key))]
    return (
        all(one is not None and one == other for one, other in keys)
        and event["time"] < end
        and (width is None or event["time"] >= end - width)
        and not (group.source == ROWS and event[ROW] == request[ROW])
    )


def bits(column: pa.ChunkedArray) -> Any:
    value = column.combine_chunks()
    is_float = pa.types.is_floating(value.type) and value[0].is_valid
    return value.to_numpy().tobytes() if is_float else value.to_pylist()


def check(seed: int) -> int:
    """Draws a definition and a table, and returns how many values were compared."""
    chance = random.Random(seed)
    dataset = Dataset(
        name="shops", columns=COLUMNS, row_time="asked", windows=[some_windows(chance)],
        sources={"events": EVENTS}, features=[Numeric("i")], label=Regression("x"),
        split=HashSplit("shop"),
    )  # fmt: skip
    zero, span = (
        chance.choice([0, 0, 1_600_000_000_000_000, FIRST, LAST - 40]),
        chance.choice([8, 40]),
    )
    asking, told = (
        [row(chance, zero, span) for _ in range(chance.randint(1, 30))] for _ in range(2)
    )
    compared = 0
    for group in window_groups(dataset):
        rows = to_batch(asking, list(COLUMNS), 0)
        of_source = rows if group.source == ROWS else to_batch(told, list(EVENTS.columns), 1)
        events = pa.Table.from_batches([group.events(of_source)])
        requests = pa.Table.from_batches([group.requests(rows)])
        whole = answered(chance, group, events, requests) if len(requests) else requests
        identities = [n for n in events.column_names if n.startswith("key")]
        identities += [
            n for n in ("time", "available_at", "event", ROW) if n in events.column_names
        ]
        listed = events.select(identities).to_pylist()
        for request in chance.sample(requests.to_pylist(), min(3, len(requests))):
            among = whole.filter(pc.equal(whole[ROW], request[ROW]))
            for window in group.windows:
                seen = pa.array([sees(group, e, request, window) for e in listed], pa.bool_())
                asked = pa.Table.from_pylist([request], requests.schema)
                alone = answered(chance, group, events.filter(seen), asked)
                for name, aggregate in group.aggregates.items():
                    if aggregate.window == window:
                        assert bits(among[name]) == bits(alone[name]), (seed, name, request)
                        compared += 1
    return compared


@given(st.integers(0, 2**32))
@settings(max_examples=150)
def test_what_a_row_cannot_see_does_not_decide_a_bit(seed: int) -> None:
    check(seed)


@pytest.mark.parametrize("text", [False, True])
def test_every_operator_is_drawn(text: bool) -> None:
    drawn = set()
    for seed in range(200):
        chance = random.Random(seed)
        drawn |= {op.name for windowed in [some_windows(chance)] if (windowed.value == "s") is text
                  for op in windowed.operators}  # fmt: skip
    assert drawn == set(OF_TEXT if text else OPERATORS)
