"""Windows of a part of the keys at a time are those of all at once, to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.transforms.windows.by_keys import aggregate_by_keys
from forebay.transforms.windows.compute import aggregate
from forebay.transforms.windows.kernels.values import Events, Requests, Values
from forebay.transforms.windows.operations import Aggregate, Operation

OPERATIONS: tuple[Operation, ...] = ("mean", "std", "count", "min", "last", "quantile")
WANTED = [Aggregate(op, "x", 50) for op in OPERATIONS] + [Aggregate("count", None, 20, 5)]


def tables(events: int, requests: int, keys: int, seed: int) -> tuple[Events, Requests]:
    """Events and requests in no order, some without a key, value, or availability."""
    rng = np.random.default_rng(seed)

    def values(n: int) -> Values:
        return Values(rng.normal(0, 1, n) * 10.0 ** rng.integers(-9, 9, n), rng.random(n) < 0.9)

    time = rng.integers(0, 200, events)
    available_at = Values(time + rng.integers(0, 9, events), rng.random(events) < 0.9)
    told = Events(
        rng.integers(-1, keys, events), time, rng.random(events) < 0.95,
        rng.integers(0, 50, events), {"x": values(events)},
        available_at=available_at if seed % 2 else None,
        retired_at=Values(time + 30, rng.random(events) < 0.2) if seed % 3 == 1 else None,
    )  # fmt: skip
    row = rng.integers(0, 50, requests) if seed % 5 else None
    asking = Requests(rng.integers(-1, keys, requests), rng.integers(0, 220, requests), row)
    return told, asking


def ask(events: Events, requests: Requests) -> list[Values]:
    return aggregate(events, requests, WANTED)


@given(
    st.integers(0, 200), st.integers(0, 60), st.integers(1, 9), st.integers(0, 10_000),
    st.integers(1, 99), st.sampled_from([1, 3]),
)  # fmt: skip
def test_parts_answer_as_the_whole(
    events: int, requests: int, keys: int, seed: int, part_rows: int, threads: int
) -> None:
    told, asking = tables(events, requests, keys, seed)
    whole = ask(told, asking)
    found = aggregate_by_keys(ask, told, asking, threads=threads, part_rows=part_rows)
    assert len(found) == len(whole)
    for one, other in zip(found, whole, strict=True):
        assert one.data.dtype == other.data.dtype
        assert np.array_equal(one.valid, other.valid)
        assert one.data[one.valid].tobytes() == other.data[other.valid].tobytes()


def test_a_part_has_about_as_many_rows_as_told() -> None:
    told, asking = tables(20_000, 10_000, 500, 1)
    sizes: list[int] = []

    def noted(events: Events, requests: Requests) -> list[Values]:
        sizes.append(events.key.size + requests.key.size)
        return ask(events, requests)

    aggregate_by_keys(noted, told, asking, part_rows=3_000)
    assert sum(sizes) == 30_000
    assert 10 <= len(sizes) <= 11
    assert max(sizes) < 3_200


def test_a_mistake_in_a_part_ends_the_whole() -> None:
    told, asking = tables(200, 100, 5, 1)

    def fails(*_: Any) -> list[Values]:
        raise KeyError("no value column 'y'")

    with pytest.raises(KeyError):
        aggregate_by_keys(fails, told, asking, threads=2, part_rows=50)
