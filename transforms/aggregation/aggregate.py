"""Exact windowed aggregates of keyed events, as one pure function on arrays.

For a request with key ``k``, asked for at ``q`` and of row identity ``r``, a window of width ``w``
and lag ``l`` holds every event ``e`` with

    e.key = k,   q - l - w <= e.time < q - l,   e.available_at < q (if declared),   e.row != r

so that no row sees its own event, its future, or what was not yet known when it was asked for.
An event without key, time or (where declared) availability is in no window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from transforms.aggregation import ordering, trees
from transforms.aggregation.encoding import float_leaves, from_ranks, to_ranks, whole_sums
from transforms.aggregation.matching import INT64_MAX, match

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

Op = Literal[
    "count", "sum", "mean", "min", "max", "var", "std", "first", "last", "rate",
    "seconds_since_last",
]  # fmt: skip
_WITHOUT_COLUMN = ("count", "seconds_since_last")

_Window = tuple[int | None, int]  # width and lag, µs


@dataclass(frozen=True, eq=False)
class Values:
    """A column of numbers, some of which may be missing.

    Attributes:
        data: float64 or int64, shape (n,). What it holds where ``valid`` is false is never read.
        valid: bool, shape (n,). Non-finite floats count as missing whatever it says.
    """

    data: Ints | Floats
    valid: Bools

    def __post_init__(self) -> None:
        if self.data.dtype not in (np.int64, np.float64):
            raise TypeError(f"values of type {self.data.dtype}: cast them to float64 or int64")
        if self.valid.dtype != np.bool_ or self.valid.shape != self.data.shape:
            raise TypeError(
                f"validity of type {self.valid.dtype} and shape {self.valid.shape} "
                f"for values of shape {self.data.shape}: give one bool per value"
            )


@dataclass(frozen=True, eq=False)
class Events:
    """What happened: n events, in any order.

    Attributes:
        key: int64 codes, shape (n,); negative for a null key.
        time: when each happened, int64 µs since the epoch, UTC, shape (n,).
        time_valid: bool, shape (n,), false for a null time.
        row: int64 row identities, shape (n,); several events may share one.
        values: the value columns by name, each of shape (n,).
        available_at: when each became known, int64 µs; None if no such time is declared.
    """

    key: Ints
    time: Ints
    time_valid: Bools
    row: Ints
    values: Mapping[str, Values] = field(default_factory=dict)
    available_at: Values | None = None

    def __post_init__(self) -> None:
        columns: dict[str, NDArray[Any]] = {"key": self.key, "time": self.time, "row": self.row}
        columns |= {f"values[{name!r}]": values.data for name, values in self.values.items()}
        if self.available_at is not None:
            columns["available_at"] = self.available_at.data
        _check(columns, self.key.shape)
        Values(self.time, self.time_valid)


@dataclass(frozen=True, eq=False)
class Requests:
    """What is asked for: m rows, in any order.

    Attributes:
        key: int64 codes, shape (m,), of the same coding as the events'; negative for a null key,
            whose windows are empty.
        time: the instant q for which each row is asked, int64 µs since the epoch, shape (m,).
        row: int64 row identities, shape (m,); events of the same identity are not seen.
    """

    key: Ints
    time: Ints
    row: Ints

    def __post_init__(self) -> None:
        _check({"key": self.key, "time": self.time, "row": self.row}, self.key.shape)


@dataclass(frozen=True)
class Aggregate:
    """One output column: an operation on the values in a window.

    Only values that are there count: nulls and non-finite floats are no values. With n values in
    the window, n = 0 gives 0 for ``count`` and ``default`` for the others (missing if None);
    0 < n < ``min_count`` gives missing. ``var`` and ``std`` have n - 1 degrees of freedom and are
    missing for n = 1. Ties of ``first`` and ``last`` break by (time, availability, value).
    ``rate`` is (last value - first value) / (last time - first time) per ``per_us``, missing where
    the times are equal; ``seconds_since_last`` is the time from the last value's event to q.

    Attributes:
        op: the operation.
        column: name of the value column; None stands for the events themselves and goes with
            ``count`` and ``seconds_since_last`` only.
        window_us: width in µs, at least 1; None is unbounded: everything before ``q - lag_us``.
        lag_us: how far before q the window ends, in µs.
        default: finite; what an empty window gives.
        min_count: fewer values than this, but at least one, give missing.
        per_us: the time to which a ``rate`` refers, in µs.
    """

    op: Op
    column: str | None
    window_us: int | None
    lag_us: int = 0
    default: float | None = None
    min_count: int = 0
    per_us: int = 1

    def __post_init__(self) -> None:
        if self.op not in get_args(Op):
            raise ValueError(f"op {self.op!r}: choose one of {', '.join(get_args(Op))}")
        if self.column is None and self.op not in _WITHOUT_COLUMN:
            raise ValueError(
                f"{self.op} of no column: name one (only {', '.join(_WITHOUT_COLUMN)} go without)"
            )
        if self.window_us is not None and not 1 <= self.window_us <= INT64_MAX:
            raise ValueError(f"window_us {self.window_us}: give 1 to 2**63 - 1, None for unbounded")
        if not 0 <= self.lag_us <= INT64_MAX:
            raise ValueError(f"lag_us {self.lag_us}: give 0 to 2**63 - 1 (less would be a leak)")
        if self.default is not None and not math.isfinite(self.default):
            raise ValueError(f"default {self.default}: give a finite number, or None for missing")
        if self.op == "count" and self.default not in (None, 0):
            raise ValueError(f"default {self.default}: an empty window's count is 0; leave it out")
        if self.min_count < 0:
            raise ValueError(f"min_count {self.min_count}: give 0 or more")


def aggregate(events: Events, requests: Requests, aggregates: Sequence[Aggregate]) -> list[Values]:
    """Aggregate, for every request, the events in each window.

    Counts, minima, maxima, first and last values and sums of integers are exact. Sums and means
    of floats are rounded from 106-bit sums; var and std are good to about 1e-14, whatever the
    offset of the data, unless one column holds magnitudes both above 1e144 and below 1e-144.
    Results do not depend on the order of events and requests (var and std: beyond rounding).

    Args:
        events: n events.
        requests: m requests.
        aggregates: the columns wanted; those that share columns and windows share the work.

    Returns:
        One column of shape (m,) per aggregate, in the order given. Counts, and sum, min, max,
        first and last of int64 columns, are int64 (float64 if their default is no int64);
        all else is float64. A result beyond the range of its type is missing. Missing places
        hold 0 or NaN.

    Raises:
        KeyError: an aggregate names a column that the events lack.
    """
    for wanted in aggregates:
        if wanted.column is not None and wanted.column not in events.values:
            raise KeyError(f"no value column {wanted.column!r}: there are {sorted(events.values)}")
    if not aggregates:
        return []
    states = _States(events, requests, aggregates)
    return [states.output(wanted) for wanted in aggregates]


class _State(NamedTuple):
    """What a sweep computes: counts, sums, moments, or the op itself for min, max, first, last."""

    kind: str
    column: str | None


class _Swept(NamedTuple):
    """A sweep's answer, one row per window, and what it takes to read it."""

    rows: NDArray[Any]
    exponent: int = 0
    order: Ints | None = None  # position by rank, for first and last


class _States:
    """What has been found out about one slice; aggregates that need the same share it."""

    def __init__(self, events: Events, requests: Requests, aggregates: Sequence[Aggregate]) -> None:
        seen = events.time_valid & (events.key >= 0)
        if events.available_at is not None:
            seen &= events.available_at.valid
        windows = list(dict.fromkeys(map(_window, aggregates)))
        self.match = match(
            seen,
            (events.key, events.time, events.row),
            None if events.available_at is None else events.available_at.data.astype(np.int64),
            (requests.key, requests.time, requests.row),
            windows,
        )
        self.columns: dict[str | None, Values] = {
            name: _gather(events.values[name], self.match.events)
            for name in {wanted.column for wanted in aggregates}
            if name is not None
        }
        # The events themselves: a column that every one of them has a value in.
        events_seen = self.match.events.size
        self.columns[None] = Values(np.zeros(events_seen, np.int64), np.ones(events_seen, np.bool_))
        self.times = events.time[self.match.events]
        self.squared = {wanted.column for wanted in aggregates if wanted.op in ("var", "std")}
        self.windows: dict[_State, list[_Window]] = {}
        for wanted in aggregates:
            for state in {self.counts(wanted.column), *self.needed(wanted)}:
                rows = self.windows.setdefault(state, [])
                if _window(wanted) not in rows:
                    rows.append(_window(wanted))
        self.rows = {
            state: [windows.index(window) for window in needed]
            for state, needed in self.windows.items()
        }
        self.swept: dict[_State, _Swept] = {}

    def counts(self, column: str | None) -> _State:
        """The state that counts a column: that of the events themselves, where it has no gaps."""
        gaps = column is not None and not self.columns[column].valid.all()
        return _State("count", column if gaps else None)

    def needed(self, wanted: Aggregate) -> tuple[_State, ...]:
        """The states that an aggregate is read from."""
        if wanted.op == "count":
            return (self.counts(wanted.column),)
        if wanted.op in ("sum", "mean", "var", "std"):
            kind = "moments" if wanted.column in self.squared else "sums"
            return (_State(kind, wanted.column),)
        if wanted.op == "rate":
            return _State("last", wanted.column), _State("first", wanted.column)
        if wanted.op == "seconds_since_last":
            return (_State("last", wanted.column),)
        return (_State(wanted.op, wanted.column),)

    def look_up(self, state: _State, window: _Window) -> _Swept:
        """One window's row of a state, which is swept for all its windows at first use."""
        if state not in self.swept:
            self.swept[state] = self.sweep(state)
        swept = self.swept[state]
        return swept._replace(rows=swept.rows[self.windows[state].index(window)])

    def sweep(self, state: _State) -> _Swept:
        """Run the kernel that computes a state."""
        m = self.match
        spans = m.starts[self.rows[state]], m.stops[self.rows[state]], m.own, m.following
        arrival = m.asked, m.arriving, m.arrivals
        data, valid = self.columns[state.column].data, self.columns[state.column].valid
        if state.kind == "count":
            return _Swept(_count(valid, m.groups, spans, arrival))
        if state.kind in ("sums", "moments"):
            numbers, exponent = float_leaves(data, valid, state.kind == "moments")
            return _Swept(trees.sweep_floats(numbers, m.groups, *spans, *arrival), exponent)
        order = None
        ranks = to_ranks(data)
        if state.kind in ("first", "last"):
            order = self.precedence(ranks)
            ranks = np.empty_like(order)
            ranks[order] = np.arange(order.size)
        if state.kind in ("first", "min"):
            ranks = ~ranks  # reverses the order
        leaves = np.where(valid, ranks, ordering.INT64_MIN)
        return _Swept(trees.sweep_ints(leaves, False, m.groups, *spans, *arrival), order=order)

    def precedence(self, ranks: Ints) -> Ints:
        """Positions in the order of (key, time, availability, value)."""
        order = np.arange(ranks.size)
        if not ranks.size or self.match.instants[-1] == ranks.size:  # no ties
            return order
        order = ordering.sort_by(order, ranks)
        if self.match.available_at.size:
            order = ordering.sort_by(order, self.match.available_at)
        return ordering.sort_by(order, self.match.instants)

    def output(self, wanted: Aggregate) -> Values:
        """An aggregate's column, in the order of the requests given."""
        count = self.look_up(self.counts(wanted.column), _window(wanted)).rows
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is missing
            data, valid = self.result(wanted, count)
        empty = count == 0
        default = 0 if wanted.op == "count" else wanted.default
        valid &= np.isfinite(data) & ~empty & (count >= wanted.min_count)
        if default is not None:
            if data.dtype == np.int64 and not _is_int64(default):
                data = data.astype(np.float64)
            data, valid = np.where(empty, data.dtype.type(default), data), valid | empty
        nothing = data.dtype.type(0 if data.dtype == np.int64 else np.nan)
        out = Values(np.empty_like(data), np.empty_like(valid))
        out.data[self.match.requests] = np.where(valid, data, nothing)
        out.valid[self.match.requests] = valid
        return out

    def result(self, wanted: Aggregate, count: Ints) -> tuple[NDArray[Any], Bools]:
        """An aggregate's values and which of them are right, leaving empty windows open."""
        swept, *earlier = [self.look_up(state, _window(wanted)) for state in self.needed(wanted)]
        rows, always = swept.rows, np.ones(count.size, np.bool_)
        if wanted.op == "count":
            return rows, always
        data = self.columns[wanted.column].data
        if wanted.op == "seconds_since_last":
            last = self.picked(swept, count)
            return _between(self.at(self.times, last), self.match.asked) / 1e6, always
        if wanted.op == "rate":
            first, last = self.picked(earlier[0], count, first=True), self.picked(swept, count)
            gone_us = _between(self.at(self.times, first), self.at(self.times, last))
            change = self.at(data, last).astype(np.float64) - self.at(data, first)
            return change / np.maximum(gone_us, 1.0) * wanted.per_us, gone_us > 0
        if wanted.op == "sum":
            if data.dtype == np.int64:
                return whole_sums(rows)
            return np.ldexp(rows[:, 0], swept.exponent), always
        if wanted.op == "mean":
            return np.ldexp(trees.divide(rows, count), swept.exponent), always
        if wanted.op in ("var", "std"):
            variance = rows[:, 3] / np.maximum(count - 1, 1)
            if wanted.op == "std":
                return np.ldexp(np.sqrt(variance), swept.exponent), count > 1
            return np.ldexp(variance, 2 * swept.exponent), count > 1
        if wanted.op in ("first", "last"):
            return self.at(data, self.picked(swept, count, wanted.op == "first")), always
        return from_ranks(
            np.where(count > 0, ~rows if wanted.op == "min" else rows, 0), data.dtype
        ), always

    def picked(self, swept: _Swept, count: Ints, first: bool = False) -> Ints:
        """The position of each window's first or last value; any where there is none."""
        ranks = np.where(count > 0, ~swept.rows if first else swept.rows, 0)
        return ranks if swept.order is None or not swept.order.size else swept.order[ranks]

    def at(self, data: NDArray[Any], positions: Ints) -> NDArray[Any]:
        """The data at some positions; zero where there is no data at all."""
        return data[positions] if data.size else np.zeros(positions.size, data.dtype)


def _window(wanted: Aggregate) -> _Window:
    return wanted.window_us, wanted.lag_us


def _between(earlier: Ints, later: Ints) -> Floats:
    """Microseconds from one time to another that is not before it, whatever their distance."""
    return (later.view(np.uint64) - earlier.view(np.uint64)).astype(np.float64)


def _gather(values: Values, places: Ints) -> Values:
    """The values at some places, without the non-finite ones and with one zero."""
    data, valid = values.data[places], values.valid[places]
    if data.dtype == np.int64:
        return Values(data, valid)
    return Values(data.astype(np.float64) + 0.0, valid & np.isfinite(data))  # -0.0 + 0.0 is 0.0


def _count(
    valid: Bools,
    groups: Ints,
    spans: tuple[Ints, Ints, Ints, Ints],
    arrival: tuple[Ints, Ints, Ints],
) -> Ints:
    """Count valid values per window: from running totals, or in a tree if they arrive late."""
    if arrival[1].size:
        return trees.sweep_ints(valid.astype(np.int64), True, groups, *spans, *arrival)
    before = np.zeros(valid.size + 1, np.int64)
    np.cumsum(valid, out=before[1:])
    return trees.count_static(before, *spans)


def _is_int64(number: float) -> bool:
    return float(number).is_integer() and -(2**63) <= int(number) <= INT64_MAX


def _check(columns: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> None:
    """Refuse columns that are not one-dimensional of one length, or key, time, row not int64."""
    for name, column in columns.items():
        if column.ndim != 1 or column.shape != shape:
            raise TypeError(f"{name} of shape {column.shape}: the key's is {shape}, (n,) expected")
        if column.dtype != np.int64 and not name.startswith("values["):
            raise TypeError(f"{name} of type {column.dtype}: cast it to int64")
