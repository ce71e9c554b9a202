"""Matching of requests with the events in their windows, before any value is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transforms.aggregation import ordering

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

INT64_MAX = 2**63 - 1


@dataclass(frozen=True, eq=False)
class Match:
    """Events and requests in sorted order, and which of the former each of the latter may see.

    n is the number of events that can be seen at all, m that of requests, w that of windows.

    Attributes:
        events: int64 (n,), index of each event given, in the order of (key, time): by *position*.
        requests: int64 (m,), index of each request given, in the order of (key, time asked for).
        groups: int64 (g, 4), see :mod:`transforms.aggregation.ordering`.
        asked: int64 (m,) µs, in the order of requests.
        starts, stops: int64 (w, m), the positions whose times are in the window.
        own: int64 (m,), the first position that the request must not see, or NEVER.
        following: int64 (n,), the next position of the same row, or NEVER.
        arriving: int64 (n,), positions in the order of (key, availability); empty if every event
            is available to all windows that its time is in.
        arrivals: int64 (n,) µs, availability in the order of ``arriving``.
        instants: int64 (n,), number of the event's distinct (key, time).
        available_at: int64 (n,) µs, by position; empty if none is declared.
    """

    events: Ints
    requests: Ints
    groups: Ints
    asked: Ints
    starts: Ints
    stops: Ints
    own: Ints
    following: Ints
    arriving: Ints
    arrivals: Ints
    instants: Ints
    available_at: Ints


def match(
    seen: Bools,
    event_columns: tuple[Ints, Ints, Ints],
    available_at: Ints | None,
    request_columns: tuple[Ints, Ints, Ints],
    windows: Sequence[tuple[int | None, int]],
) -> Match:
    """Match requests with events.

    Args:
        seen: bool (events,), false for events to leave out.
        event_columns: key, time in µs and row of each event, each int64 (events,).
        available_at: int64 (events,) µs, or None where none is declared.
        request_columns: key, time asked for in µs and row of each request, each int64 (m,).
        windows: width (None: unbounded) and lag of each window, in µs.

    Returns:
        The match.
    """
    events = np.flatnonzero(seen)
    keys, times, rows = (column[events] for column in event_columns)
    order = _order(keys, times)
    events, keys, times, rows = events[order], keys[order], times[order], rows[order]

    requests = _order(*(np.array(column) for column in request_columns[:2]))
    asked_keys, asked, asked_rows = (column[requests] for column in request_columns)

    groups = _groups(keys, asked_keys)
    own, following = ordering.find_own(rows, asked_rows)
    widths = np.array([ordering.NEVER if width is None else width for width, _ in windows])
    lags = np.array([lag for _, lag in windows])
    starts, stops = ordering.find_spans(groups, times, asked, widths, lags)

    known = arriving = arrivals = np.empty(0, np.int64)
    if available_at is not None:
        known = available_at[events]
        least_lag = min(lag for _, lag in windows)
        past = np.where(times > INT64_MAX - least_lag, INT64_MAX, times + np.int64(least_lag))
        if np.any(known > past):
            arriving = _order(keys, known)
            arrivals = known[arriving]
    instants = np.cumsum(_changes(keys) | _changes(times), dtype=np.int64)
    return Match(
        events, requests, groups, asked, starts, stops, own, following, arriving, arrivals,
        instants, known,
    )  # fmt: skip


def _order(major: Ints, minor: Ints) -> Ints:
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
