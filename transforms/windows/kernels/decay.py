"""Compiled window trees of means that forget: each value weighs half as much per half-life.

A state is (Σ w x, Σ w) with w = 2**((t - T) / half-life), and T, the latest time in it, so that no
weight exceeds 1 and nothing overflows; the mean is their quotient, whatever T is. After Cormode,
Shkapenyuk, Srivastava & Xu 2009, "Forward Decay". The trees are those of :mod:`.trees`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.windows.kernels.matching import Sweep
from forebay.transforms.windows.kernels.ordering import NEVER

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@compiled
def _weight(earlier: int, later: int, half_life_us: float) -> float:
    """How much what was weighed at one time weighs later."""
    gone = np.uint64(later) - np.uint64(earlier)  # wraps to the distance, however far
    return 2.0 ** (-np.float64(gone) / half_life_us)


@compiled
def _merge(
    out: Floats, latest: Ints, into: int, a: Floats, a_time: Ints, i: int, b: Floats,
    b_time: Ints, j: int, half_life_us: float,
) -> None:  # fmt: skip
    """Merge the states in rows ``i`` of ``a`` and ``j`` of ``b`` into a row of ``out``."""
    if a[i, 1] == 0.0:
        out[into], latest[into] = b[j], b_time[j]
    elif b[j, 1] == 0.0:
        out[into], latest[into] = a[i], a_time[i]
    else:
        time = max(a_time[i], b_time[j])
        u = _weight(a_time[i], time, half_life_us)
        v = _weight(b_time[j], time, half_life_us)
        out[into, 0] = u * a[i, 0] + v * b[j, 0]
        out[into, 1] = u * a[i, 1] + v * b[j, 1]
        latest[into] = time


@compiled
def merge(
    a: Floats, a_time: Ints, b: Floats, b_time: Ints, half_life_us: float
) -> tuple[Floats, Ints]:
    """Merge states row by row: float64 (m, 2) and int64 (m,) µs each, and so is the result."""
    out, latest = np.empty_like(a), np.empty_like(a_time)
    for i in range(a.shape[0]):
        _merge(out, latest, i, a, a_time, i, b, b_time, i, half_life_us)
    return out, latest


@compiled
def _join(tree: Floats, times: Ints, into: int, i: int, j: int, half_life_us: float) -> None:
    _merge(tree, times, into, tree, times, i, tree, times, j, half_life_us)


@compiled
def _fold(tree: Floats, times: Ints, left: int, right: int, half_life_us: float) -> None:
    """Merge tree nodes ``left .. right - 1`` into node 0, which is no part of the tree."""
    while left < right:
        if left & 1:
            _join(tree, times, 0, 0, left, half_life_us)
            left += 1
        if right & 1:
            right -= 1
            _join(tree, times, 0, 0, right, half_life_us)
        left >>= 1
        right >>= 1


@compiled
def _set(tree: Floats, times: Ints, j: int, leaf: Floats, time: int, half_life_us: float) -> None:
    """Replace a leaf."""
    tree[j], times[j] = leaf, time
    while j > 1:
        j >>= 1
        _join(tree, times, j, 2 * j, 2 * j + 1, half_life_us)


@compiled
def _widest(groups: Ints) -> int:
    widest = 1
    for g in range(groups.shape[0]):
        widest = max(widest, groups[g, 1] - groups[g, 0])
    return widest


@compiled
def sweep_decayed(
    leaves: Floats, event_times: Ints, half_life_us: float, sweep: Sweep
) -> tuple[Floats, Ints]:
    """Merge the states of the values per window.

    Args:
        leaves: float64 (n, 2), by position: (value, 1), or zeros where there is none.
        event_times: int64 (n,) µs, by position.
        half_life_us: in µs, positive.
        sweep: n positions, m requests and w windows.

    Returns:
        float64 (w, m, 2) and int64 (w, m) µs.
    """
    groups, starts, stops = sweep.groups, sweep.starts, sweep.stops
    out = np.zeros((starts.shape[0], starts.shape[1], 2))
    latest = np.zeros(starts.shape, np.int64)
    nothing = np.zeros(2)
    space, space_times = np.empty((2 * _widest(groups), 2)), np.empty(2 * _widest(groups), np.int64)
    for g in range(groups.shape[0]):
        base, end = groups[g, 0], groups[g, 1]
        size, shift = end - base, end - 2 * base
        tree, times = space[: 2 * size], space_times[: 2 * size]
        late = sweep.arriving.size > 0
        tree[:], times[:] = 0.0, 0
        if not late:
            tree[size:], times[size:] = leaves[base:end], event_times[base:end]
            for j in range(size - 1, 0, -1):
                _join(tree, times, j, 2 * j, 2 * j + 1, half_life_us)
        come = gone = base
        for i in range(groups[g, 2], groups[g, 3]):
            while late and come < end and sweep.arrivals[come] < sweep.asked[i]:
                p = sweep.arriving[come]
                _set(tree, times, p + shift, leaves[p], event_times[p], half_life_us)
                come += 1
            while sweep.retiring.size and gone < end and sweep.retirements[gone] < sweep.asked[i]:
                _set(tree, times, sweep.retiring[gone] + shift, nothing, 0, half_life_us)
                gone += 1
            for w in range(starts.shape[0]):
                left, stop, p = starts[w, i], stops[w, i], sweep.own[i]
                tree[0], times[0] = 0.0, 0
                while left < stop:
                    while p != NEVER and p < left:
                        p = sweep.following[p]
                    right = p if p != NEVER and p < stop else stop
                    _fold(tree, times, left + shift, right + shift, half_life_us)
                    left = right + 1
                out[w, i], latest[w, i] = tree[0], times[0]
    return out, latest
