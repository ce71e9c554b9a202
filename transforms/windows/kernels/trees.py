"""Compiled window trees: counts, extremes, and the first and last few events.

A window is a half-open range of positions (see :mod:`.ordering`), less the request's own
events. Its aggregate is read from a bottom-up segment tree over its key's events: node ``size + i``
is event ``i``, node ``j`` merges ``2j`` and ``2j + 1``. A range of length L costs O(log L) merges;
an event that becomes available later, or is retired, is one update of O(log size); nothing is ever
subtracted. A tree per key also makes results independent of other keys to the bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.windows.kernels.matching import Sweep
from forebay.transforms.windows.kernels.ordering import INT64_MIN, NEVER

Ints = NDArray[np.int64]


@compiled
def count_static(
    before: Ints, starts: Ints, stops: Ints, own: Ints, following: Ints, places: Ints
) -> Ints:
    """Count values per window where every event is available from the start, and for good.

    Args:
        before: int64 (n + 1,), number of values at earlier positions.
        starts: int64 (w, m), first position of each window.
        stops: int64 (w, m), end of each window's positions.
        own: int64 (m,), each request's first own event, or NEVER.
        following: int64 (n,), the next event of the same row, or NEVER.
        places: int64 (m,), where the count of each request goes.

    Returns:
        int64 (w, m).
    """
    out = np.empty(starts.shape, np.int64)
    for w in range(starts.shape[0]):
        for i in range(starts.shape[1]):
            count = before[stops[w, i]] - before[starts[w, i]]
            p = own[i]
            while p != NEVER:
                if starts[w, i] <= p < stops[w, i]:
                    count -= before[p + 1] - before[p]
                p = following[p]
            out[w, places[i]] = count
    return out


@compiled
def _merge(a: int, b: int, adding: bool) -> int:
    return a + b if adding else max(a, b)


@compiled
def _fold(tree: Ints, left: int, right: int, total: int, adding: bool) -> int:
    """Merge tree nodes ``left .. right - 1`` (leaf indices of the tree) into ``total``."""
    while left < right:
        if left & 1:
            total = _merge(total, tree[left], adding)
            left += 1
        if right & 1:
            right -= 1
            total = _merge(total, tree[right], adding)
        left >>= 1
        right >>= 1
    return total


@compiled
def _grow(tree: Ints, size: int, leaves: Ints, nothing: int, adding: bool, empty: bool) -> None:
    """Fill a tree with the leaves, or with nothing."""
    if empty:
        tree[:] = nothing
        return
    tree[size:] = leaves
    for j in range(size - 1, 0, -1):
        tree[j] = _merge(tree[2 * j], tree[2 * j + 1], adding)


@compiled
def _set(tree: Ints, j: int, value: int, adding: bool) -> None:
    """Replace a leaf."""
    tree[j] = value
    while j > 1:
        j >>= 1
        tree[j] = _merge(tree[2 * j], tree[2 * j + 1], adding)


@compiled
def _widest(groups: Ints) -> int:
    widest = 1
    for g in range(groups.shape[0]):
        widest = max(widest, groups[g, 1] - groups[g, 0])
    return widest


@compiled
def sweep_ints(leaves: Ints, adding: bool, sweep: Sweep) -> Ints:
    """Add up, or take the greatest of, integers per window.

    Args:
        leaves: int64 (n,), by position; absent values are 0 when adding, else INT64_MIN.
        adding: whether to add; otherwise the greatest is taken.
        sweep: n positions, m requests and w windows.

    Returns:
        int64 (w, m); 0 or INT64_MIN for empty windows.
    """
    groups, starts, stops = sweep.groups, sweep.starts, sweep.stops
    nothing = 0 if adding else INT64_MIN
    out = np.full(starts.shape, nothing, np.int64)
    space = np.empty(2 * _widest(groups), np.int64)
    for g in range(groups.shape[0]):
        base, end = groups[g, 0], groups[g, 1]
        shift = end - 2 * base  # from positions to leaves of the tree
        tree = space[: 2 * (end - base)]
        late = sweep.arriving.size > 0
        _grow(tree, end - base, leaves[base:end], nothing, adding, late)
        come = gone = base
        for i in range(groups[g, 2], groups[g, 3]):
            while late and come < end and sweep.arrivals[come] < sweep.asked[i]:
                p = sweep.arriving[come]
                _set(tree, p + shift, leaves[p], adding)
                come += 1
            while sweep.retiring.size and gone < end and sweep.retirements[gone] < sweep.asked[i]:
                _set(tree, sweep.retiring[gone] + shift, nothing, adding)
                gone += 1
            for w in range(starts.shape[0]):
                left, stop, p = starts[w, i], stops[w, i], sweep.own[i]
                total = nothing
                while left < stop:
                    while p != NEVER and p < left:
                        p = sweep.following[p]
                    right = p if p != NEVER and p < stop else stop
                    total = _fold(tree, left + shift, right + shift, total, adding)
                    left = right + 1
                out[w, i] = total
    return out


@compiled
def _is_own(place: Ints, own: int, following: Ints, found: int) -> bool:
    while own != NEVER:
        if place[own] == found:
            return True
        own = following[own]
    return False


@compiled
def _outermost(tree: Ints, shift: int, left: int, right: int, latest: bool) -> int:
    """The rank of the first or last value from ``left`` to ``right - 1``, or NEVER."""
    if left >= right:
        return NEVER
    found = np.int64(tree[(right - 1 if latest else left) + shift])  # mostly there is one
    if found == INT64_MIN:
        found = np.int64(_fold(tree, left + shift, right + shift, INT64_MIN, False))
    if found == INT64_MIN:
        return NEVER
    return int(found if latest else ~found)


@compiled
def sweep_places(valid: Ints, place: Ints, latest: bool, k: int, sweep: Sweep) -> Ints:
    """Find the first or last few values per window, in an order that refines that of positions.

    Args:
        valid: int64 (n,), by position: 1 where there is a value, else 0.
        place: int64 (n,), the rank of each position by (key, time, what breaks ties); a window's
            positions and their ranks are the same range.
        latest: whether to find the last ones; otherwise the first.
        k: how many, at least 1.
        sweep: n positions, m requests and w windows.

    Returns:
        int64 (w, m, k), ranks, the outermost first; NEVER where there are fewer values.
    """
    groups, starts, stops = sweep.groups, sweep.starts, sweep.stops
    out = np.full((starts.shape[0], starts.shape[1], k), NEVER, np.int64)
    leaves = np.full(valid.size, INT64_MIN, np.int64)  # ranks, or ~ranks: the greatest is wanted
    for p in range(valid.size):
        if valid[p]:
            leaves[place[p]] = place[p] if latest else ~place[p]
    space = np.empty(2 * _widest(groups), np.int64)
    for g in range(groups.shape[0]):
        base, end = groups[g, 0], groups[g, 1]
        shift = end - 2 * base
        tree = space[: 2 * (end - base)]
        late = sweep.arriving.size > 0
        _grow(tree, end - base, leaves[base:end], INT64_MIN, False, late)
        come = gone = base
        for i in range(groups[g, 2], groups[g, 3]):
            while late and come < end and sweep.arrivals[come] < sweep.asked[i]:
                at = place[sweep.arriving[come]]
                _set(tree, at + shift, leaves[at], False)
                come += 1
            while sweep.retiring.size and gone < end and sweep.retirements[gone] < sweep.asked[i]:
                _set(tree, place[sweep.retiring[gone]] + shift, INT64_MIN, False)
                gone += 1
            for w in range(starts.shape[0]):
                left, right, number = starts[w, i], stops[w, i], 0
                while number < k:
                    found = _outermost(tree, shift, left, right, latest)
                    if found == NEVER:
                        break
                    left, right = (left, found) if latest else (found + 1, right)
                    if not _is_own(place, sweep.own[i], sweep.following, found):
                        out[w, i, number] = found
                        number += 1
    return out
