"""Matching of requests with the events in their windows, before any value is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.windows.kernels import ordering
from forebay.transforms.windows.kernels.values import Events, Requests

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

INT64_MAX = 2**63 - 1


class Sweep(NamedTuple):
    """What the kernels go by: n positions, m requests and w windows of them.

    Attributes:
        groups: int64 (g, 4), see :mod:`forebay.transforms.windows.kernels.ordering`.
        starts, stops: int64 (w, m), the positions whose times are in the window.
        own: int64 (m,), each request's first own event, or NEVER.
        following: int64 (n,), the next event of the same row, or NEVER.
        asked: int64 (m,) µs, q by request.
        arriving: int64 (n,), each group's positions by availability; empty: all are available.
        arrivals: int64 (n,) µs, availability in the order of ``arriving``.
        retiring: int64 (n,), each group's positions by retirement; empty: none is ever retired.
        retirements: int64 (n,) µs, retirement in the order of ``retiring``.
    """

    groups: Ints
    starts: Ints
    stops: Ints
    own: Ints
    following: Ints
    asked: Ints
    arriving: Ints
    arrivals: Ints
    retiring: Ints
    retirements: Ints


@dataclass(frozen=True, eq=False)
class Match:
    """Events and requests in sorted order, and which of the former each of the latter may see.

    n is the number of events that can be seen at all, m that of requests, w that of windows.

    Attributes:
        events: int64 (n,), index of each event given, in the order of (key, time): by *position*.
        requests: int64 (m,), index of each request given, in the order of (key, time asked for).
        sweep: which request sees which events.
        times: int64 (n,) µs, by position.
        keys: int64 (n,), by position.
        available_at: int64 (n,) µs, by position; empty if none is declared.
    """

    events: Ints
    requests: Ints
    sweep: Sweep
    times: Ints
    keys: Ints
    available_at: Ints

    @cached_property
    def instants(self) -> Ints:
        """The number of the event's distinct (key, time), int64 (n,), by position."""
        return np.cumsum(_changes(self.keys) | _changes(self.times), dtype=np.int64)

    def over(self, windows: Sequence[int]) -> Sweep:
        """What the kernels go by for some of the windows."""
        rows = list(windows)
        if rows == list(range(len(self.sweep.starts))):
            return self.sweep
        return self.sweep._replace(starts=self.sweep.starts[rows], stops=self.sweep.stops[rows])


def match(events: Events, requests: Requests, windows: Sequence[tuple[int | None, int]]) -> Match:
    """Match requests with events.

    Args:
        events: the events; those without key, time or declared availability are seen by nobody.
        requests: m requests.
        windows: width (None: unbounded) and lag of each window, in µs.

    Returns:
        The match.
    """
    seen = np.flatnonzero(_can_be_seen(events))
    keys, times = events.key[seen], events.time[seen]
    order = order_by(keys, times)
    if np.array_equal(keys, requests.key) and np.array_equal(times, requests.time):
        # As where rows ask when their own events happen.
        seen, keys, times = seen[order], keys[order], times[order]
        asking, asked_keys, asked = order, keys, times
    else:
        seen, keys, times = seen[order], keys[order], times[order]
        asking = order_by(np.array(requests.key), np.array(requests.time))
        asked_keys, asked = requests.key[asking], requests.time[asking]
    rows = events.row[seen]

    groups = _groups(keys, asked_keys)
    own, following = _own(groups, rows, requests, asking)
    widths = np.array([ordering.NEVER if width is None else width for width, _ in windows])
    lags = np.array([lag for _, lag in windows])
    starts, stops = ordering.find_spans(groups, times, asked, widths, lags)

    known = arriving = arrivals = retiring = retirements = np.empty(0, np.int64)
    if events.available_at is not None:
        known = events.available_at.data[seen].astype(np.int64)
        least_lag = min(lag for _, lag in windows)
        past = np.where(times > INT64_MAX - least_lag, INT64_MAX, times + np.int64(least_lag))
        if np.any(known > past):
            arriving = order_by(keys, known)
            arrivals = known[arriving]
    if events.retired_at is not None and np.any(events.retired_at.valid[seen]):
        retired = np.where(events.retired_at.valid, events.retired_at.data, INT64_MAX)[seen]
        retiring = order_by(keys, retired)
        retirements = retired[retiring]
    sweep = Sweep(
        groups, starts, stops, own, following, asked, arriving, arrivals, retiring, retirements
    )
    return Match(seen, asking, sweep, times, keys, known)


def _own(groups: Ints, rows: Ints, requests: Requests, asking: Ints) -> tuple[Ints, Ints]:
    """Each request's first own event (m,), and the next of the same row (n,); NEVER for none."""
    if requests.row is None:
        return np.full(asking.size, ordering.NEVER), np.full(rows.size, ordering.NEVER)
    return ordering.find_own(groups, rows, requests.row[asking])


def _can_be_seen(events: Events) -> Bools:
    seen = events.time_valid & (events.key >= 0)
    available_at, retired_at = events.available_at, events.retired_at
    if available_at is not None:
        seen = seen & available_at.valid
        if retired_at is not None:
            seen = seen & (~retired_at.valid | (available_at.data < retired_at.data))
    return seen


def order_by(major: Ints, minor: Ints) -> Ints:
    """Where the least is, the next and so on, of pairs of integers: int64 (n,)."""
    order = ordering.sort_by(np.arange(major.size), minor)
    return ordering.sort_by(order, major)


def _changes(values: Ints) -> Bools:
    """Whether each value differs from the one before; the first one does."""
    changes = np.ones(values.size, np.bool_)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes


def _groups(event_keys: Ints, request_keys: Ints) -> Ints:
    """Events and requests of the keys that have both, from sorted keys: int64 (g, 4)."""
    bounds = []
    for keys in (event_keys, request_keys):
        start = np.flatnonzero(_changes(keys))
        bounds.append((keys[start], start, np.append(start[1:], keys.size)))
    (event_key, *event_bounds), (request_key, *request_bounds) = bounds
    _, i, j = np.intersect1d(event_key, request_key, assume_unique=True, return_indices=True)
    columns = [bound[i] for bound in event_bounds] + [bound[j] for bound in request_bounds]
    return np.ascontiguousarray(np.stack(columns, axis=1), np.int64)
