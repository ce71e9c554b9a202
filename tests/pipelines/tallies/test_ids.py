"""Ids and combinations counted in batches are those of all rows, counted in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.pipelines.tallies import ids
from forebay.pipelines.tallies.ids import Combinations, IdCounts

IDS = st.one_of(st.integers(-3, 20), st.integers(0, 2**40))
ROWS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), st.integers(0, 3)), min_size=1)


@given(st.lists(st.lists(IDS, min_size=1), min_size=1, max_size=4))
def test_rows_of_each_id(batches: list[list[int]]) -> None:
    found = IdCounts.merged([IdCounts.of(np.array(batch)) for batch in batches])

    counts = Counter(value for batch in batches for value in batch)
    assert list(zip(found.ids.tolist(), found.rows.tolist(), strict=True)) == sorted(counts.items())


def bucket(row: tuple[int, int, int], buckets: int) -> int:
    return (row[0] * 31 + row[1] * 7 + row[2]) % buckets


def counted(rows: list[tuple[int, int, int]], buckets: int, pieces: int) -> Combinations:
    parts = []
    for piece in range(pieces):
        batch = rows[piece::pieces]
        if batch:
            crossed = list(np.array(batch, np.int64).T)
            numbers = np.array([bucket(row, buckets) for row in batch])
            parts.append(Combinations.of(crossed, numbers, buckets))
    return Combinations.merged(parts)


def collisions(rows: list[tuple[int, int, int]], buckets: int) -> tuple[int, int, float]:
    sharing = defaultdict(set)
    for row in rows:
        sharing[bucket(row, buckets)].add(row)
    crowded = {number for number, combinations in sharing.items() if len(combinations) > 1}
    colliding = {row for row in rows if bucket(row, buckets) in crowded}
    share = sum(row in colliding for row in rows) / len(rows)
    return len(set(rows)), len(colliding), share


@given(ROWS, st.integers(1, 40), st.integers(1, 4))
def test_combinations_that_share_buckets(
    rows: list[tuple[int, int, int]], buckets: int, pieces: int
) -> None:
    found = counted(rows, buckets, pieces)

    assert found.level == 0
    assert found.collisions() == pytest.approx(collisions(rows, buckets))


@pytest.mark.parametrize("buckets", [40_000, 300, 2])
def test_a_sample_estimates(monkeypatch: pytest.MonkeyPatch, buckets: int) -> None:
    chance = np.random.default_rng(2)
    rows = [tuple(row) for row in chance.integers(0, (400, 50, 4), (60_000, 3)).tolist()]
    monkeypatch.setattr(ids, "MOST_COMBINATIONS", 5_000)
    found = counted(rows, buckets, 5)  # type: ignore[arg-type]

    combinations, colliding, share = collisions(rows, buckets)  # type: ignore[arg-type]
    assert found.level > 2
    assert found.level == counted(rows, buckets, 1).level  # type: ignore[arg-type]
    assert len(found.hashes) <= 5_000
    assert found.collisions() == pytest.approx((combinations, colliding, share), rel=0.08)
