"""What enters and leaves windows as time passes, compiled, for :mod:`.multisets` and sums.

Each event may be given a *code*: the place of its item among the distinct items, sorted by (group,
item); ``bases[g]`` is the first code of group g (see
:mod:`forebay.transforms.windows.kernels.ordering` for groups and positions).
:func:`follow` writes down, for one window, what a sweep through the requests in time order has to
do: the code of each event that enters the window, and the complement ``~code`` of each that leaves.
A request's own events leave just before it and enter again just after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.windows.kernels.ordering import NEVER

Ints = NDArray[np.int64]
States = NDArray[np.int8]

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
def _room(n: int, starts: Ints, stops: Ints, own: Ints, following: Ints) -> int:
    """The most changes there can be: events come and go once, own ones once per request too."""
    room = 2 * n
    for i in range(own.size):
        p = own[i]
        while p != NEVER:
            if starts[i] <= p < stops[i]:
                room += 2
            p = following[p]
    return room


@compiled
def _pass(
    changes: Ints, size: int, codes: Ints, state: States, first: int, end: int, entering: bool
) -> int:
    """The seen events of some positions enter, or leave, as the window moves over them."""
    for p in range(first, end):
        if state[p] == _SEEN:
            changes[size] = codes[p] if entering else ~codes[p]
            size += 1
    return size


@compiled
def _turn(
    changes: Ints,
    size: int,
    codes: Ints,
    state: States,
    turning: Ints,
    first: int,
    end: int,
    to: int,
    start: int,
    stop: int,
) -> int:
    """Events become seen, or gone, where they are; what is gone does not come back."""
    for i in range(first, end):
        p = turning[i]
        if state[p] < to:
            was = state[p] == _SEEN
            state[p] = to
            if start <= p < stop and was != (to == _SEEN):
                changes[size] = ~codes[p] if was else codes[p]
                size += 1
    return size


@compiled
def _set_aside(
    changes: Ints,
    size: int,
    codes: Ints,
    state: States,
    own: int,
    following: Ints,
    start: int,
    stop: int,
    back: bool,
) -> int:
    """A request's own events in the window leave, or come back."""
    p = own
    while p != NEVER:
        if start <= p < stop and state[p] == _SEEN:
            changes[size] = codes[p] if back else ~codes[p]
            size += 1
        p = following[p]
    return size


@compiled
def _until(instants: Ints, at: int, end: int, asked: int) -> int:
    """The first place, from ``at``, of an instant that is not before ``asked``."""
    while at < end and instants[at] < asked:
        at += 1
    return at


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
    retiring: Ints,
    retirements: Ints,
) -> tuple[Ints, Ints]:
    """Write down which values enter and leave one window between one request and the next.

    Args:
        codes: int64 (n,), by position; NEVER without a value.
        groups: int64 (g, 4), see :mod:`forebay.transforms.windows.kernels.ordering`.
        starts: int64 (m,), first position of the window; ascends within a group.
        stops: int64 (m,), end of the window's positions; ascends within a group.
        own: int64 (m,), each request's first own event, or NEVER.
        following: int64 (n,), the next event of the same row, or NEVER.
        asked: int64 (m,) µs, q by request.
        arriving: int64 (n,), each group's positions by availability; empty: all are available.
        arrivals: int64 (n,) µs, availability in the order of ``arriving``.
        retiring: int64 (n,), each group's positions by retirement; empty: none is retired.
        retirements: int64 (n,) µs, retirement in the order of ``retiring``.

    Returns:
        changes: int64, code of what enters and ~code of what leaves, in order.
        ends: int64 (m,), end of the changes before each request is answered.
    """
    changes = np.empty(_room(codes.size, starts, stops, own, following), np.int64)
    size = 0
    ends = np.zeros(asked.size, np.int64)
    state = np.full(codes.size, _COMING if arriving.size else _SEEN, np.int8)
    state[codes == NEVER] = _GONE
    for g in range(groups.shape[0]):
        start = stop = come = gone = groups[g, 0]
        end = groups[g, 1]
        aside = NEVER
        for i in range(groups[g, 2], groups[g, 3]):
            size = _set_aside(changes, size, codes, state, aside, following, start, stop, True)
            aside = own[i]
            left, right = min(starts[i], stop), max(starts[i], stop)
            size = _pass(changes, size, codes, state, start, left, False)
            size = _pass(changes, size, codes, state, right, stops[i], True)
            start, stop = starts[i], stops[i]
            if arriving.size:
                at, come = come, _until(arrivals, come, end, asked[i])
                size = _turn(changes, size, codes, state, arriving, at, come, _SEEN, start, stop)
            if retiring.size:
                at, gone = gone, _until(retirements, gone, end, asked[i])
                size = _turn(changes, size, codes, state, retiring, at, gone, _GONE, start, stop)
            size = _set_aside(changes, size, codes, state, aside, following, start, stop, False)
            ends[i] = size
    return changes[:size], ends
