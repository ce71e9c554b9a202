"""Multisets of values computed from parts of the events, and merged: see :mod:`.multisets`.

A multiset of more distinct values than its question's limit is *collapsed* to what the answer
needs, which is the same whether its parts are collapsed before or after they are merged: the
``limit`` smallest hashes for distinct, buckets in place of values for quantile, nothing at all for
most_frequent. So an answer depends on the events only, not on how they were divided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.windows.kernels import ordering
from forebay.transforms.windows.kernels.log_buckets import from_buckets, to_buckets
from forebay.transforms.windows.kernels.matching import Match
from forebay.transforms.windows.multisets import orders
from forebay.transforms.windows.multisets import rows as multiset_rows
from forebay.transforms.windows.multisets.multisets import (
    Coded,
    Question,
    encode,
    estimate,
    follow,
    interpolate,
    numbers,
    ranks,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Multisets:
    """One multiset for each of m rows.

    They take 16 bytes for each distinct item and 9 for each row. A row has at most ``limit``
    items; a collapsed one of quantile has as many as its values span buckets, of which there are
    about ``ln(greatest / least) / (2 * accuracy)`` for positive values.

    Attributes:
        question: what is asked of them.
        offsets: int64 (m + 1,), where each row's items start and end.
        items: int64 (offsets[-1],), the distinct items of each row in ascending order: those given
            to :func:`collect` (with the first bit flipped for distinct), or buckets.
        counts: int64 (offsets[-1],), how often each occurs.
        collapsed: bool (m,), whether there are or were more than ``limit`` distinct items.
    """

    question: Question
    offsets: Ints
    items: Ints
    counts: Ints
    collapsed: Bools

    def take(self, rows: Ints) -> Multisets:
        """Gather rows.

        Args:
            rows: int64 (r,), each from 0 to m - 1, or -1 for an empty multiset.

        Returns:
            r multisets.
        """
        gathered = multiset_rows.take(self.offsets, self.items, self.counts, rows)
        collapsed = np.append(self.collapsed, False)[rows]  # -1 looks up the last
        return Multisets(self.question, *gathered, collapsed)

    def to_arrays(self) -> dict[str, Ints | Bools]:
        """The arrays by name, as :meth:`from_arrays` takes them."""
        return {
            "offsets": self.offsets,
            "items": self.items,
            "counts": self.counts,
            "collapsed": self.collapsed,
        }

    @classmethod
    def from_arrays(cls, question: Question, arrays: Mapping[str, Ints | Bools]) -> Multisets:
        """Undo :meth:`to_arrays`.

        Args:
            question: what was asked of them.
            arrays: offsets, items, counts and collapsed.

        Returns:
            The multisets.
        """
        return cls(
            question,
            offsets=arrays["offsets"].astype(np.int64),
            items=arrays["items"].astype(np.int64),
            counts=arrays["counts"].astype(np.int64),
            collapsed=arrays["collapsed"].astype(np.bool_),
        )


def collect(
    question: Question, items: Ints, valid: Bools, match: Match, windows: Sequence[int]
) -> list[Multisets]:
    """Collect the multisets of a match's windows.

    Args:
        question: what will be asked.
        items: int64 (n,), by position: see
            :func:`forebay.transforms.windows.multisets.multisets.answer`.
        valid: bool (n,), by position.
        match: n events matched with m requests.
        windows: rows of the match's windows.

    Returns:
        m multisets for each of the windows, in the order of the match's requests.
    """
    coded = encode(question, items, valid, match.sweep.groups)
    return [collect_window(question, coded, match, window) for window in windows]


def collect_window(question: Question, coded: Coded, match: Match, window: int) -> Multisets:
    """The multisets of one window, in the order of the match's requests."""
    changes, ends = follow(coded.codes, match, window)
    sweep = changes, ends, match.sweep.groups, coded.bases
    present, _ = orders.sweep_distinct(*sweep, question.limit)
    collapsed = present > question.limit
    left = question.limit if question.op == "distinct" else 0
    offsets = _offsets(np.where(collapsed, left, present))
    codes, counts = orders.list_values(*sweep, offsets)
    found = Multisets(question, offsets, coded.distinct[codes], counts, collapsed)
    if question.op != "quantile" or not collapsed.any():
        return found

    # The same changes, in terms of buckets, for the rows that are still without items.
    bucket, coarse = _coarsen(question, coded)
    changes = np.where(changes < 0, ~bucket[~changes], bucket[changes])
    sweep = changes, ends, match.sweep.groups, coarse.bases
    present, _ = orders.sweep_distinct(*sweep, 1)
    offsets = _offsets(np.where(collapsed, present, 0))
    codes, counts = orders.list_values(*sweep, offsets)
    rough = Multisets(question, offsets, coarse.distinct[codes], counts, collapsed)
    return _merge(found, rough, collapsed)


def _coarsen(question: Question, coded: Coded) -> tuple[Ints, Coded]:
    """Codes of buckets: that of each code, and what they stand for."""
    buckets = to_buckets(numbers(question, coded.distinct), question.accuracy)
    fresh = np.ones(buckets.size, np.bool_)
    np.not_equal(buckets[1:], buckets[:-1], out=fresh[1:])
    fresh[coded.bases[coded.bases < buckets.size]] = True
    bucket = np.cumsum(fresh, dtype=np.int64) - 1
    bases = np.append(bucket, np.count_nonzero(fresh))[coded.bases]
    return bucket, Coded(bucket, bases, buckets[fresh])


def merge(a: Multisets, b: Multisets) -> Multisets:
    """Merge multisets of the same question and rows, of disjoint sets of events.

    Args:
        a: m multisets.
        b: m multisets.

    Returns:
        m multisets.

    Raises:
        ValueError: the questions or the numbers of rows differ.
    """
    if a.question != b.question or a.collapsed.size != b.collapsed.size:
        raise ValueError(
            f"multisets of {a.question} and {a.collapsed.size} rows do not go with those of "
            f"{b.question} and {b.collapsed.size} rows: merge like with like"
        )
    sizes = multiset_rows.union_sizes(a.offsets, a.items, b.offsets, b.items)
    collapsed = a.collapsed | b.collapsed | (sizes > a.question.limit)
    if a.question.op == "quantile" and collapsed.any():
        a, b = _collapse(a, collapsed), _collapse(b, collapsed)
    return _merge(a, b, collapsed)


def _merge(a: Multisets, b: Multisets, collapsed: Bools) -> Multisets:
    """Merge multisets whose rows are of one kind each, and cut what the answer does not need."""
    question = a.question
    sizes = multiset_rows.union_sizes(a.offsets, a.items, b.offsets, b.items)
    if question.op != "quantile":
        left = question.limit if question.op == "distinct" else 0
        sizes = np.where(collapsed, left, sizes)
    offsets = _offsets(sizes)
    items, counts = multiset_rows.merge(
        a.offsets, a.items, a.counts, b.offsets, b.items, b.counts, offsets
    )
    return Multisets(question, offsets, items, counts, collapsed)


def _collapse(multisets: Multisets, rows: Bools) -> Multisets:
    """Put buckets in the place of values, in some rows (m,)."""
    rows = rows & ~multisets.collapsed
    if not rows.any():
        return multisets
    places = np.repeat(rows, np.diff(multisets.offsets))
    items = multisets.items.copy()
    question = multisets.question
    items[places] = to_buckets(numbers(question, items[places]), question.accuracy)
    combined = multiset_rows.combine(multisets.offsets, items, multisets.counts)
    return Multisets(question, *combined, multisets.collapsed | rows)


def read(multisets: Multisets, which: Sequence[float] = (1,)) -> tuple[NDArray[Any], Bools]:
    """Answer the question that the multisets were collected for.

    Args:
        multisets: m of them.
        which: see :func:`forebay.transforms.windows.multisets.multisets.answer`.

    Returns:
        data: (len(which), m), or (1, m) for distinct: to the bit what ``answer`` gives for all
            the events at once.
        valid: bool of that shape, false for missing.
    """
    if multisets.question.op == "quantile":
        found = [_quantile(multisets, q) for q in which]
        return np.stack([data for data, _ in found]), np.stack([there for _, there in found])
    items = np.append(multisets.items, 0)  # NEVER looks up the last
    if multisets.question.op == "distinct":
        collapsed = multisets.collapsed
        last = items[np.where(collapsed, multisets.offsets[1:] - 1, ordering.NEVER)]
        sizes = np.diff(multisets.offsets)
        data = estimate(sizes, collapsed, last, multisets.question.limit)
        return data[None], np.ones((1, data.size), np.bool_)
    places = np.array(which, np.int64) - 1
    deepest = int(places.max(initial=0)) + 1
    best = multiset_rows.find_most_frequent(multisets.offsets, multisets.counts, deepest)[places]
    return items[best], best != ordering.NEVER


def _quantile(multisets: Multisets, q: float) -> tuple[Floats, Bools]:
    """One quantile of each row (m,)."""
    question, offsets = multisets.question, multisets.offsets
    before = np.concatenate([[0], np.cumsum(multisets.counts)])
    first = before[offsets[:-1]]
    total = before[offsets[1:]] - first
    rank = ranks(q, total)
    lower = first + np.minimum(rank.astype(np.int64), np.maximum(total - 1, 0))
    upper = np.minimum(lower + 1, first + np.maximum(total - 1, 0))
    items = np.append(multisets.items, 0)
    low, high = (items[np.searchsorted(before, at, side="right") - 1] for at in (lower, upper))
    data = np.where(
        multisets.collapsed,
        from_buckets(np.where(multisets.collapsed, low, 0), question.accuracy),
        interpolate(
            numbers(question, np.where(multisets.collapsed, 0, low)),
            numbers(question, np.where(multisets.collapsed, 0, high)),
            rank,
        ),
    )
    return np.where(total > 0, data, np.nan), total > 0


def empty(question: Question, rows: int) -> Multisets:
    """Multisets without items.

    Args:
        question: what will be asked.
        rows: how many.

    Returns:
        That many multisets.
    """
    nothing = np.empty(0, np.int64)
    return Multisets(question, np.zeros(rows + 1, np.int64), nothing, nothing, np.zeros(rows, bool))


def _offsets(sizes: Ints) -> Ints:
    offsets = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets
