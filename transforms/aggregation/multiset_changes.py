"""What enters and leaves windows as time passes, compiled, for :mod:`.multisets`.

Each event is given a *code*: the place of its value among the distinct values, sorted by (group,
value); ``bases[g]`` is the first code of group g (see :mod:`.ordering` for groups and positions).
:func:`follow` writes down, for one window, what a sweep through the requests in time order has to
do: the code of each value that enters the window, and the complement ``~code`` of each that leaves.
A request's own events leave just before it and enter again just after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transforms.aggregation.ordering import NEVER, compiled

Ints = NDArray[np.int64]

_COMING, _SEEN, _GONE = 0, 1, 2  # what is known of an event, wherever the window is


@compiled
def label(groups: Ints, n: int) -> Ints:
    """The group of each of n positions, int64 (n,), or NEVER."""
    labels = np.full(n, NEVER, np.int64)
    for g in range(groups.shape[0]):
        labels[groups[g, 0] : groups[g, 1]] = g
    return labels


@compiled
def encode(order: Ints, items: Ints, labels: Ints, groups: int) -> tuple[Ints, Ints, Ints]:
    """Number the distinct items of each group.

    Args:
        order: int64 (v,), the positions that have a value, by (group, item).
        items: int64 (n,), by position.
        labels: int64 (n,), group by position.
        groups: number of groups.

    Returns:
        codes: int64 (n,), by position; NEVER without a value.
        bases: int64 (groups + 1,), the first code of each group, and the end of all.
        distinct: int64 (c,), the item of each code.
    """
    codes = np.full(items.size, NEVER, np.int64)
    bases = np.zeros(groups + 1, np.int64)
    distinct = np.empty(order.size, np.int64)
    code = -1
    for i in range(order.size):
        p = order[i]
        fresh = i == 0 or labels[p] != labels[order[i - 1]]
        if fresh or items[p] != items[order[i - 1]]:
            code += 1
            distinct[code] = items[p]
        codes[p] = code
        bases[labels[p] + 1] = code + 1
    for g in range(groups):
        bases[g + 1] = max(bases[g], bases[g + 1])
    return codes, bases, distinct[: code + 1].copy()


@compiled
def _write(changes: Ints, size: int, change: int) -> tuple[Ints, int]:
    """Write one change, into an array of twice the size if there is no room; count it."""
    if size == changes.size:
        larger = np.empty(2 * size, np.int64)
        larger[:size] = changes
        changes = larger
    changes[size] = change
    return changes, size + 1


@compiled
def follow(
    codes: Ints,
    groups: Ints,
    starts: Ints,
    stops: Ints,
    own: Ints,
    following: Ints,
    asked: Ints,
    arriving: Ints,
    arrivals: Ints,
) -> tuple[Ints, Ints]:
    """Write down which values enter and leave one window between one request and the next.

    Args:
        codes: int64 (n,), by position; NEVER without a value.
        groups: int64 (g, 4), see :mod:`transforms.aggregation.ordering`.
        starts: int64 (m,), first position of the window; ascends within a group.
        stops: int64 (m,), end of the window's positions; ascends within a group.
        own: int64 (m,), each request's first own event, or NEVER.
        following: int64 (n,), the next event of the same row, or NEVER.
        asked: int64 (m,) µs, q by request.
        arriving: int64 (n,), each group's positions by availability; empty: all are available.
        arrivals: int64 (n,) µs, availability in the order of ``arriving``.

    Returns:
        changes: int64, code of what enters and ~code of what leaves, in order.
        ends: int64 (m,), end of the changes before each request is answered.
    """
    changes, size = np.empty(2 * codes.size + 2, np.int64), 0
    ends = np.zeros(asked.size, np.int64)
    state = np.full(codes.size, _COMING if arriving.size else _SEEN, np.uint8)
    state[codes == NEVER] = _GONE
    for g in range(groups.shape[0]):
        start = stop = coming = groups[g, 0]
        end = groups[g, 1]
        for i in range(groups[g, 2], groups[g, 3]):
            p = own[i - 1] if i > groups[g, 2] else NEVER
            while p != NEVER:  # the own events of the request before are back
                if start <= p < stop and state[p] == _SEEN:
                    changes, size = _write(changes, size, codes[p])
                p = following[p]
            for p in range(start, min(starts[i], stop)):
                if state[p] == _SEEN:
                    changes, size = _write(changes, size, ~codes[p])
            for p in range(max(starts[i], stop), stops[i]):
                if state[p] == _SEEN:
                    changes, size = _write(changes, size, codes[p])
            start, stop = starts[i], stops[i]
            while arriving.size and coming < end and arrivals[coming] < asked[i]:
                p = arriving[coming]
                if state[p] == _COMING:
                    state[p] = _SEEN
                    if start <= p < stop:
                        changes, size = _write(changes, size, codes[p])
                coming += 1
            p = own[i]
            while p != NEVER:
                if start <= p < stop and state[p] == _SEEN:
                    changes, size = _write(changes, size, ~codes[p])
                p = following[p]
            ends[i] = size
    return changes[:size].copy(), ends
