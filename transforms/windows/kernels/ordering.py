"""Compiled sorting and matching of events and requests, for `forebay.transforms.windows.compute`.

Events are sorted by (key, time), requests by (key, time asked for). A *position* is a place in the
events' order. One key's events and requests form a *group*: a row ``(first event, end of events,
first request, end of requests)`` of an int64 array (g, 4).

Everything is sequential and releases the interpreter lock.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.hashing import LAST_SHIFT, ROUNDS

Ints = NDArray[np.int64]

INT64_MIN = -(2**63)
_ROUNDS = np.array(ROUNDS, np.uint64)
NEVER = -1  # ends a chain of own events; as a width: unbounded
_DIGIT_BITS = 11  # 2,048 counters fit in the first-level cache


@compiled
def _count_out(order: Ints, keys: Ints, low: np.int64, spread: np.int64) -> Ints:
    """Sort stably by keys from ``low`` to ``low + spread``, in one pass."""
    places = np.zeros(spread + 2, np.int64)
    for i in range(order.size):
        places[keys[order[i]] - low + 1] += 1
    for i in range(spread + 1):
        places[i + 1] += places[i]
    target = np.empty(order.size, np.int64)
    for i in range(order.size):
        bucket = keys[order[i]] - low
        place = places[bucket]
        places[bucket] = place + 1
        target[place] = order[i]
    return target


@compiled
def sort_by(order: Ints, keys: Ints) -> Ints:
    """Sort stably by one key (least significant digit first radix sort).

    Args:
        order: int64 (n,), indices into ``keys`` in the order to be refined.
        keys: int64 (n,).

    Returns:
        int64 (n,): ``order`` rearranged so that ``keys[order]`` ascends; ties keep their places.
    """
    n = order.size
    ascending = True
    low = keys[order[0]] if n else np.int64(0)
    high = low
    previous = low
    for i in range(n):
        k = keys[order[i]]
        low, high = min(low, k), max(high, k)
        ascending &= previous <= k
        previous = k
    if ascending:
        return order.copy()
    spread = np.uint64(high) - np.uint64(low)
    if spread >> np.uint64(_DIGIT_BITS) == 0:
        return _count_out(order, keys, low, np.int64(spread))
    key = np.empty(n, np.uint64)
    for i in range(n):
        key[i] = np.uint64(keys[order[i]]) - np.uint64(low)  # wraps, and so never overflows
    bits = 0
    while spread:
        bits += 1
        spread >>= np.uint64(1)
    passes = (bits + _DIGIT_BITS - 1) // _DIGIT_BITS
    digit = (bits + passes - 1) // passes
    mask = np.uint64((1 << digit) - 1)
    source, target = order.copy(), np.empty(n, np.int64)
    other = np.empty(n, np.uint64)
    for step in range(passes):
        shift = np.uint64(step * digit)
        places = np.zeros((1 << digit) + 1, np.int64)
        for i in range(n):
            places[np.int64((key[i] >> shift) & mask) + 1] += 1
        for i in range(1 << digit):
            places[i + 1] += places[i]
        for i in range(n):
            bucket = np.int64((key[i] >> shift) & mask)
            place = places[bucket]
            places[bucket] = place + 1
            target[place], other[place] = source[i], key[i]
        source, target = target, source
        key, other = other, key
    return source


@compiled
def places_in(whole: Ints, part: Ints) -> Ints:
    """Find numbers in some of them.

    Args:
        whole: int64 (n,).
        part: int64 (m,), some of ``whole``, in the same order; no number is in it twice.

    Returns:
        int64 (n,): where in ``part`` each number of ``whole`` is; `NEVER` for those it lacks.
    """
    places = np.full(whole.size, NEVER)
    place = 0
    for i in range(whole.size):
        if place < part.size and whole[i] == part[place]:
            places[i] = place
            place += 1
    return places


@compiled
def put(rows: NDArray[Any], order: Ints) -> NDArray[Any]:
    """Put the rows of each window back into another order.

    Args:
        rows: (w, m, s).
        order: int64 (m,), where each row belongs.

    Returns:
        (w, m, s).
    """
    out = np.empty_like(rows)
    for w in range(rows.shape[0]):
        for i in range(rows.shape[1]):
            for k in range(rows.shape[2]):
                out[w, order[i], k] = rows[w, i, k]
    return out


@compiled
def _slot(row: int, mask: int) -> np.int64:
    """First place to look for a row in a hash table of ``mask + 1`` slots."""
    h = np.uint64(row)
    for i in range(_ROUNDS.shape[0]):
        h = (h ^ (h >> _ROUNDS[i, 0])) * _ROUNDS[i, 1]
    return np.int64((h ^ (h >> LAST_SHIFT)) & np.uint64(mask))


@compiled
def _slots(events: int) -> int:
    """How many places a hash table of so many events has."""
    slots = 8
    while slots < 2 * events:
        slots *= 2
    return slots


@compiled
def find_own(groups: Ints, event_rows: Ints, request_rows: Ints) -> tuple[Ints, Ints]:
    """Find each request's own events: those of its key and of the same row identity.

    Each key has a table of its own, which is mostly small enough for a cache of the processor.

    Args:
        groups: int64 (g, 4), see the module.
        event_rows: int64 (n,), by position. Several events may share a row.
        request_rows: int64 (m,).

    Returns:
        first: int64 (m,), position of the request's first own event, or NEVER.
        following: int64 (n,), position of the group's next event of the same row, or NEVER.
    """
    first = np.full(request_rows.size, NEVER, np.int64)
    following = np.full(event_rows.size, NEVER, np.int64)
    widest = 0
    for g in range(groups.shape[0]):
        widest = max(widest, groups[g, 1] - groups[g, 0])
    space = np.empty(_slots(widest), np.int64)
    for g in range(groups.shape[0]):
        slots = _slots(groups[g, 1] - groups[g, 0])
        table = space[:slots]
        table[:] = NEVER
        for p in range(groups[g, 1] - 1, groups[g, 0] - 1, -1):  # so that chains ascend
            slot = _slot(event_rows[p], slots - 1)
            while table[slot] != NEVER and event_rows[table[slot]] != event_rows[p]:
                slot = (slot + 1) & (slots - 1)
            following[p] = table[slot]
            table[slot] = p
        for i in range(groups[g, 2], groups[g, 3]):
            slot = _slot(request_rows[i], slots - 1)
            while table[slot] != NEVER and event_rows[table[slot]] != request_rows[i]:
                slot = (slot + 1) & (slots - 1)
            first[i] = table[slot]
    return first, following


@compiled
def _earlier(time_us: int, by_us: int) -> int:
    """``time_us - by_us`` for ``by_us >= 0``, stopping at the least int64 instead of wrapping."""
    return time_us - by_us if time_us >= INT64_MIN + by_us else INT64_MIN


@compiled
def find_spans(
    groups: Ints, times: Ints, asked: Ints, widths: Ints, lags: Ints
) -> tuple[Ints, Ints]:
    """Find the positions whose time lies in ``[q - lag - width, q - lag)``, per window and request.

    Args:
        groups: int64 (g, 4), see the module.
        times: int64 (n,) µs, by position.
        asked: int64 (m,) µs, q by request.
        widths: int64 (w,) µs, or NEVER for unbounded.
        lags: int64 (w,) µs, not negative.

    Returns:
        starts, stops: int64 (w, m); both 0 for requests in no group.
    """
    starts = np.zeros((widths.size, asked.size), np.int64)
    stops = np.zeros((widths.size, asked.size), np.int64)
    for w in range(widths.size):
        for g in range(groups.shape[0]):
            start = stop = groups[g, 0]
            end = groups[g, 1]
            for i in range(groups[g, 2], groups[g, 3]):
                until = _earlier(asked[i], lags[w])
                if w > 0 and lags[w] == lags[w - 1]:
                    stop = stops[w - 1, i]
                while stop < end and times[stop] < until:
                    stop += 1
                if widths[w] != NEVER:
                    since = _earlier(until, widths[w])
                    while start < stop and times[start] < since:
                        start += 1
                starts[w, i], stops[w, i] = start, stop
    return starts, stops
