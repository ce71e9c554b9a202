"""Shares of workers: disjoint, complete, even, and the same whoever computes them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.trainer.workers.shares import EVEN_ENOUGH, Share, Worker, share_of
from forebay.transforms.errors import InputError


def records(share: Share) -> list[tuple[str, int]]:
    """Every record that a share reads, as (path, place), by plain counting."""
    found = []
    for part in share.parts:
        places = [part.first + i * part.step for i in range(part.rows)]
        found += [(part.path, place) for place in places]
    return found


@given(
    sizes=st.lists(st.integers(0, 50), max_size=12).filter(any),
    count=st.integers(1, 8),
    backwards=st.booleans(),
)
def test_shares_are_disjoint_complete_and_even(
    sizes: list[int], count: int, backwards: bool
) -> None:
    files = {f"part-{i:05d}": rows for i, rows in enumerate(sizes)}
    total = sum(sizes)
    if total < count:
        with pytest.raises(InputError, match=f"{count} workers cannot share"):
            share_of(files, Worker(0, count))
        return
    shares = [share_of(files, Worker(i, count)) for i in range(count)]

    found = Counter(record for share in shares for record in records(share))
    assert found == Counter((path, i) for path, rows in files.items() for i in range(rows))
    assert sum(share.rows for share in shares) == total
    assert all(share.rows for share in shares)
    assert len({share.by for share in shares}) == 1
    if shares[0].by == "records":
        assert max(s.rows for s in shares) - min(s.rows for s in shares) <= 1
    else:
        assert max(share.rows for share in shares) <= EVEN_ENOUGH * total / count
    other_order = dict(reversed(files.items())) if backwards else files
    assert [share_of(other_order, Worker(i, count)) for i in range(count)] == shares


def test_files_are_dealt_out_whole_where_that_is_even() -> None:
    files = {f"part-{i:05d}": 1_000 + i for i in range(16)}
    for count in (2, 4, 8, 16):
        shares = [share_of(files, Worker(i, count)) for i in range(count)]
        assert {share.by for share in shares} == {"files"}
        assert {len(share.parts) for share in shares} == {16 // count}


@pytest.mark.parametrize("rows_of_the_last", [None, 0])
def test_nobody_is_dealt_nothing(rows_of_the_last: int | None) -> None:
    """Seventeen workers, and sixteen files with rows: one each is nearly even for sixteen."""
    files = {f"part-{i:05d}": 1_000 for i in range(16)}
    if rows_of_the_last is not None:
        files["part-00016"] = rows_of_the_last
    shares = [share_of(files, Worker(i, 17)) for i in range(17)]
    assert {share.by for share in shares} == {"records"}
    assert min(share.rows for share in shares) == 941


def test_fewer_files_than_workers_are_shared_by_record_and_that_is_said() -> None:
    shares = [share_of({"a": 10, "b": 5}, Worker(i, 4)) for i in range(4)]

    assert [share.rows for share in shares] == [4, 4, 4, 3]
    assert str(shares[3]) == (
        "worker 3 of 4 reads 3 rows: one record in 4 of 2 files, which cannot be dealt out "
        "evenly; `forebay preprocess --shards` makes more files"
    )
    assert str(share_of({"a": 10, "b": 10}, Worker(1, 2))) == (
        "worker 1 of 2 reads 10 rows: 1 file of its own"
    )
    assert str(share_of({"a": 1_000, "b": 1_000})) == "2,000 rows of 2 files"


def test_there_is_no_such_worker() -> None:
    with pytest.raises(InputError, match="worker 2 of 2: no such worker"):
        Worker(2, 2)
