"""Compiled sweeps over the distinct values of windows in ascending order, for :mod:`.multisets`.

They carry out the changes that :func:`forebay.transforms.windows.multisets.changes.follow` wrote
down, O(log codes) each, on a Fenwick tree of counts (Fenwick 1994, "A new data structure for
cumulative frequency tables"): node j holds the sum of the j & -j counts that end with count j - 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.windows.kernels.ordering import NEVER

Ints = NDArray[np.int64]


@compiled
def _widest(bases: Ints) -> int:
    widest = 1
    for g in range(bases.size - 1):
        widest = max(widest, bases[g + 1] - bases[g])
    return widest


@compiled
def _power(size: int) -> int:
    """The least power of two that is not less."""
    power = 1
    while power < size:
        power *= 2
    return power


@compiled
def _shift(tree: Ints, size: int, code: int, by: int) -> None:
    """Add to one count of a Fenwick tree."""
    j = code + 1
    while j <= size:
        tree[j] += by
        j += j & -j


@compiled
def _find(tree: Ints, size: int, step: int, rank: int) -> int:
    """The code of the value of some rank (from 0); ``step`` is a power of two >= size."""
    at = 0
    while step:
        further = at + step
        if further <= size and tree[further] <= rank:
            rank -= tree[further]
            at = further
        step >>= 1
    return at


@compiled
def _rank(tree: Ints, code: int) -> int:
    """The sum of the counts of smaller codes."""
    rank = 0
    while code > 0:
        rank += tree[code]
        code &= code - 1
    return rank


@compiled
def sweep_distinct(
    changes: Ints, ends: Ints, groups: Ints, bases: Ints, limit: int
) -> tuple[Ints, Ints]:
    """Count distinct values per request.

    Args:
        changes: int64, of :func:`forebay.transforms.windows.multisets.changes.follow`.
        ends: int64 (m,), of the same.
        groups: int64 (g, 4), see :mod:`forebay.transforms.windows.kernels.ordering`.
        bases: int64 (g + 1,), first code of each group.
        limit: the most values kept, at least 1.

    Returns:
        present: int64 (m,), number of distinct values.
        nth: int64 (m,), code of the ``limit``-th smallest where there are more, else NEVER.
    """
    present, nth = np.zeros(ends.size, np.int64), np.full(ends.size, NEVER, np.int64)
    held, tree = np.empty(_widest(bases), np.int64), np.empty(_widest(bases) + 1, np.int64)
    at = 0
    for g in range(groups.shape[0]):
        size = bases[g + 1] - bases[g]
        step = _power(size)
        held[:size] = 0
        tree[: size + 1] = 0
        there = 0
        for i in range(groups[g, 2], groups[g, 3]):
            while at < ends[i]:
                by = 1 if changes[at] >= 0 else -1
                code = (changes[at] if by == 1 else ~changes[at]) - bases[g]
                held[code] += by
                if held[code] == (by + 1) // 2:  # the first of its kind came, or the last went
                    there += by
                    if size > limit:
                        _shift(tree, size, code, by)
                at += 1
            present[i] = there
            if there > limit:
                nth[i] = bases[g] + _find(tree, size, step, limit - 1)
    return present, nth


@compiled
def sweep_quantiles(
    changes: Ints, ends: Ints, groups: Ints, bases: Ints, qs: NDArray[np.float64]
) -> tuple[Ints, Ints, Ints, Ints]:
    """Find order statistics per request.

    Args:
        changes: int64, of :func:`forebay.transforms.windows.multisets.changes.follow`.
        ends: int64 (m,), of the same.
        groups: int64 (g, 4), see :mod:`forebay.transforms.windows.kernels.ordering`.
        bases: int64 (g + 1,), first code of each group.
        qs: float64 (a,), each from 0 to 1.

    Returns:
        total: int64 (m,), number of values n.
        present: int64 (m,), number of distinct values.
        lower: int64 (a, m), code of the value of rank floor(q * (n - 1)), or NEVER.
        upper: int64 (a, m), code of the value of the next rank (the same for the last).
    """
    total, present = np.zeros(ends.size, np.int64), np.zeros(ends.size, np.int64)
    lower = np.full((qs.size, ends.size), NEVER, np.int64)
    upper = lower.copy()
    held, tree = np.empty(_widest(bases), np.int64), np.empty(_widest(bases) + 1, np.int64)
    at = 0
    for g in range(groups.shape[0]):
        size = bases[g + 1] - bases[g]
        step = _power(size)
        held[:size] = 0
        tree[: size + 1] = 0
        count = there = 0
        for i in range(groups[g, 2], groups[g, 3]):
            while at < ends[i]:
                by = 1 if changes[at] >= 0 else -1
                code = (changes[at] if by == 1 else ~changes[at]) - bases[g]
                held[code] += by
                if held[code] == (by + 1) // 2:
                    there += by
                count += by
                _shift(tree, size, code, by)
                at += 1
            total[i], present[i] = count, there
            if count == 0:
                continue
            for a in range(qs.size):
                rank = int(qs[a] * (count - 1))
                lower[a, i] = bases[g] + _find(tree, size, step, rank)
                upper[a, i] = lower[a, i]
                if rank + 1 < count and there > 1:
                    upper[a, i] = bases[g] + _find(tree, size, step, rank + 1)
    return total, present, lower, upper


@compiled
def _link(after: Ints, before: Ints, code: int, previous: int) -> None:
    """Put a code into a doubly linked list after another one."""
    following = after[previous]
    after[previous] = before[following] = code
    before[code], after[code] = previous, following


@compiled
def list_values(
    changes: Ints, ends: Ints, groups: Ints, bases: Ints, offsets: Ints
) -> tuple[Ints, Ints]:
    """List the smallest values of each request's window.

    The values that are there form a linked list, in ascending order. Where in it a new one belongs
    is found in the tree.

    Args:
        changes: int64, of :func:`forebay.transforms.windows.multisets.changes.follow`.
        ends: int64 (m,), of the same.
        groups: int64 (g, 4), see :mod:`forebay.transforms.windows.kernels.ordering`.
        bases: int64 (g + 1,), first code of each group.
        offsets: int64 (m + 1,): of request i, ``offsets[i + 1] - offsets[i]`` values are listed;
            as many must be there.

    Returns:
        codes, counts: int64 (offsets[-1],), by request, then ascending.
    """
    codes, counts = np.empty(offsets[-1], np.int64), np.empty(offsets[-1], np.int64)
    widest = _widest(bases)
    held, tree = np.empty(widest, np.int64), np.empty(widest + 1, np.int64)
    after, before = np.empty(widest + 1, np.int64), np.empty(widest + 1, np.int64)
    at = 0
    for g in range(groups.shape[0]):
        size = bases[g + 1] - bases[g]
        step = _power(size)
        held[:size] = 0
        tree[: size + 1] = 0
        after[size] = before[size] = size  # neither before the first nor after the last is a code
        for i in range(groups[g, 2], groups[g, 3]):
            while at < ends[i]:
                by = 1 if changes[at] >= 0 else -1
                code = (changes[at] if by == 1 else ~changes[at]) - bases[g]
                held[code] += by
                if by == 1 and held[code] == 1:
                    rank = _rank(tree, code)
                    _link(after, before, code, _find(tree, size, step, rank - 1) if rank else size)
                elif held[code] == 0:
                    after[before[code]], before[after[code]] = after[code], before[code]
                if held[code] == (by + 1) // 2:
                    _shift(tree, size, code, by)
                at += 1
            code = size
            for place in range(offsets[i], offsets[i + 1]):
                code = after[code]
                codes[place], counts[place] = bases[g] + code, held[code]
    return codes, counts
