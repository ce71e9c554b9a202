"""From events and requests to what is known of each window: see :mod:`.states`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.windows.kernels.matching import INT64_MAX, match
from forebay.transforms.windows.kernels.values import Events, Requests
from forebay.transforms.windows.operations import Aggregate, Window
from forebay.transforms.windows.states.states import State
from forebay.transforms.windows.states.sweeps import Need, Sweeps

Ints = NDArray[np.int64]

EVERYTHING: Window = (None, 0)
# The highest power of the values that is summed.
_ORDERS = {"sum": 1, "mean": 1, "var": 2, "std": 2, "skew": 3}


@dataclass(frozen=True, eq=False)
class States:
    """What is known of m requests' windows from some of the events.

    Attributes:
        size: m.
        dtypes: the type of each value column, int64 or float64.
        known: the state of each need and window; those that are absent have seen nothing.
    """

    size: int
    dtypes: Mapping[str, np.dtype[Any]]
    known: Mapping[tuple[Need, Window], State]

    def merge(self, other: States) -> States:
        """What is known from the events of both, which are disjoint."""
        known = dict(self.known)
        for key, state in other.known.items():
            known[key] = known[key].merge(state) if key in known else state
        return States(self.size, {**self.dtypes, **other.dtypes}, known)

    def take(self, rows: Ints) -> States:
        """The states of some requests, (r,), each from 0 to m - 1, or -1 for one without events."""
        known = {key: state.take(rows) for key, state in self.known.items()}
        return States(rows.size, self.dtypes, known)

    def written(self) -> States:
        """The same, keeping nothing of the events in memory."""
        known = {key: state.written() for key, state in self.known.items()}
        return States(self.size, self.dtypes, known)

    def seen_through(self, windows: Iterable[Window]) -> States:
        """What is known of everything as what is known of each of the windows."""
        wanted = list(windows)
        known = {
            (need, window): state for (need, _), state in self.known.items() for window in wanted
        }
        return States(self.size, self.dtypes, known)


def needs(aggregates: Sequence[Aggregate]) -> dict[Need, list[Window]]:
    """The states that aggregates are read from, and the windows of each."""
    found: dict[Need, list[Window]] = {}
    for wanted in aggregates:
        for need in (Need("count", wanted.column), *read_from(wanted, aggregates)):
            windows = found.setdefault(need, [])
            if wanted.window not in windows:
                windows.append(wanted.window)
    return found


def read_from(wanted: Aggregate, aggregates: Sequence[Aggregate]) -> tuple[Need, ...]:
    """The states that one of some aggregates is read from, beside its count."""
    column = wanted.column
    same = [other for other in aggregates if other.column == column]
    if wanted.op in _ORDERS:
        order = max(_ORDERS.get(other.op, 1) for other in same)
        return (Need("moments", column, order),)
    if wanted.op in ("first", "last", "rate", "seconds_since_last"):
        places = max(other.place for other in same if other.op in ("first", "last", wanted.op))
        last = Need("last", column, places)
        first = Need("first", column, places)
        return {"first": (first,), "rate": (first, last)}.get(wanted.op, (last,))
    if wanted.op == "decayed_mean":
        return (Need("decayed", column, wanted.half_life_us),)
    if wanted.op in ("distinct", "quantile", "most_frequent"):
        return (Need("bags", column, (wanted.op, wanted.limit, wanted.accuracy)),)
    return {"min": (Need("least", column),), "max": (Need("greatest", column),)}.get(wanted.op, ())


def partial(
    events: Events,
    requests: Requests,
    aggregates: Sequence[Aggregate],
    windows: Sequence[Window] | None = None,
) -> States:
    """What the requests' windows hold of these events.

    Args:
        events: n events, all or some.
        requests: m requests.
        aggregates: what will be read.
        windows: only these of the aggregates' windows, at least one; None: all.

    Returns:
        The states that the aggregates are read from.

    Raises:
        KeyError: an aggregate names a column that the events lack.
    """
    for wanted in aggregates:
        if wanted.column is not None and wanted.column not in events.values:
            raise KeyError(f"no value column {wanted.column!r}: there are {sorted(events.values)}")
    if windows is None:
        windows = list(dict.fromkeys(wanted.window for wanted in aggregates))
    sweeps = Sweeps(events, match(events, requests, windows))
    known: dict[tuple[Need, Window], State] = {}
    for need, all_windows in needs(aggregates).items():
        over = [window for window in all_windows if window in windows]
        if not over:
            continue
        found = sweeps.of(need, [windows.index(window) for window in over])
        known |= {(need, window): state for window, state in zip(over, found, strict=True)}
    dtypes = {name: values.data.dtype for name, values in events.values.items()}
    return States(requests.key.size, dtypes, known)


def summarise(events: Events, keys: int, aggregates: Sequence[Aggregate]) -> States:
    """What there is of each key: the states of a request that sees all of its key's events.

    Args:
        events: n events whose keys are less than ``keys``.
        keys: how many keys there are, m.
        aggregates: what will be read.

    Returns:
        States of m requests, one for each key, of the window that holds everything.
    """
    everything = Requests(np.arange(keys), np.full(keys, INT64_MAX), None)
    sweeps = Sweeps(events, match(events, everything, [EVERYTHING]))
    known = {(need, EVERYTHING): sweeps.of(need, [0])[0] for need in needs(aggregates)}
    dtypes = {name: values.data.dtype for name, values in events.values.items()}
    return States(keys, dtypes, known).written()
