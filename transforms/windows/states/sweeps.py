"""The kernels at work on one match of events and requests: from values to states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.hashing import scramble
from forebay.transforms.windows.kernels import decay, digits, ordering, trees
from forebay.transforms.windows.kernels.encoding import split, to_numbers, to_ranks
from forebay.transforms.windows.kernels.matching import Match
from forebay.transforms.windows.kernels.values import Events, Values
from forebay.transforms.windows.multisets import multisets
from forebay.transforms.windows.states.gathering import gather
from forebay.transforms.windows.states.states import (
    Bags,
    Counts,
    Decayed,
    Greatest,
    Picks,
    State,
    Swept,
)
from forebay.transforms.windows.states.sums import Addends, Sums, SweptSums

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Need(NamedTuple):
    """A kind of state, of one column; several aggregates may be read from it.

    Attributes:
        kind: count, moments, least, greatest, first, last, decayed or bags.
        column: the value column; None: the events themselves.
        parameter: for moments the order, for first and last how many, for decayed the half-life in
            µs, of bags the operation, the limit and the accuracy.
    """

    kind: str
    column: str | None
    parameter: Any = None

    @property
    def nbytes(self) -> int:
        """Bytes that the state of one window takes, at most."""
        if self.kind in ("first", "last"):
            return 24 * int(self.parameter) + 8
        if self.kind == "bags":
            return 16 * int(self.parameter[1]) + 9
        if self.kind == "moments":
            return 8 * digits.WIDTHS[self.parameter]
        return 16 * digits.WIDTHS[1] if self.kind == "decayed" else 8


class Sweeps:
    """The kernels at work on one match; what they give is in the order of the requests given."""

    def __init__(self, events: Events, matched: Match) -> None:
        self.match = matched
        seen = matched.events
        self.columns: dict[str | None, Values] = {
            name: _gather(values, seen) for name, values in events.values.items()
        }
        # The events themselves: a column that every one of them has a value in.
        self.columns[None] = Values(np.zeros(seen.size, np.int64), np.ones(seen.size, np.bool_))
        self.counts: dict[tuple[int, ...], NDArray[Any]] = {}

    def of(self, need: Need, windows: Sequence[int]) -> Sequence[State]:
        """A state for each of some windows of the match."""
        column = self.columns[need.column]
        if need.kind == "count":
            return [Counts(rows) for rows in self._count(column.valid, windows)]
        if need.kind == "moments":
            return self._sums(to_numbers(column.data, column.valid), need.parameter, windows)
        if need.kind in ("least", "greatest"):
            ranks = to_ranks(column.data)
            ranks = ~ranks if need.kind == "least" else ranks  # ~ reverses the order
            ranks = np.where(column.valid, ranks, ordering.INT64_MIN)
            rows = self._given(trees.sweep_ints(ranks, False, self.match.over(windows)))
            return [Greatest(of_window) for of_window in rows]
        if need.kind in ("first", "last"):
            return self._picks(column, need.kind == "last", need.parameter, windows)
        if need.kind == "decayed":
            return self._decayed(column, need.parameter, windows)
        return self._bags(column, need.parameter, windows)

    def _given(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Answers (w, m, ..) in the order of the requests given."""
        columns = rows if rows.ndim == 3 else rows[:, :, None]
        return ordering.put(columns, self.match.requests).reshape(rows.shape)

    def _count(self, valid: Bools, windows: Sequence[int]) -> NDArray[Any]:
        """Count values: from running totals, or in a tree where events come and go."""
        key = (*windows,) if valid.all() else None
        if key is not None and key in self.counts:
            return self.counts[key]
        sweep = self.match.over(windows)
        if sweep.arriving.size or sweep.retiring.size:
            rows = self._given(trees.sweep_ints(valid.astype(np.int64), True, sweep))
        else:
            before = np.zeros(valid.size + 1, np.int64)
            np.cumsum(valid, out=before[1:])
            rows = trees.count_static(
                before, sweep.starts, sweep.stops, sweep.own, sweep.following, self.match.requests
            )
        if key is not None:
            self.counts[key] = rows
        return rows

    def _picks(self, column: Values, latest: bool, k: int, windows: Sequence[int]) -> list[State]:
        ranks = to_ranks(column.data)
        order = self._precedence(ranks)
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        there = column.valid.astype(np.int64)
        found = trees.sweep_places(there, place, latest, k, self.match.over(windows))
        found = self._given(found)
        known = self.match.available_at
        by_place = np.stack(
            [self.match.times, known if known.size else np.zeros_like(order), ranks], 1
        )[order]
        size = np.count_nonzero(found != ordering.NEVER, axis=2)
        picked = gather(by_place, found.ravel(), 0).reshape(*found.shape, 3)
        return [Picks(picked[w], size[w], latest) for w in range(len(windows))]

    def _precedence(self, ranks: Ints) -> Ints:
        """Positions in the order of (key, time, availability, value)."""
        order = np.arange(ranks.size)
        if not ranks.size or self.match.instants[-1] == ranks.size:  # no ties
            return order
        order = ordering.sort_by(order, ranks)
        if self.match.available_at.size:
            order = ordering.sort_by(order, self.match.available_at)
        return ordering.sort_by(order, self.match.instants)

    def _sums(self, numbers: Ints, order: int, windows: Sequence[int]) -> list[Sums]:
        addends = Addends(numbers, order, self.match)
        return [Sums(SweptSums(addends, window)) for window in windows]

    def _decayed(self, column: Values, half_life_us: int, windows: Sequence[int]) -> list[State]:
        values = *split(column.data, column.valid), column.valid
        sums = [
            self._sums(numbers, 1, windows)
            for numbers in decay.weigh(*values, self.match.times, half_life_us)
        ]
        return [Decayed(weighted, weights) for weighted, weights in zip(*sums, strict=True)]

    def _bags(
        self, column: Values, parameter: tuple[Any, int, float], windows: Sequence[int]
    ) -> list[State]:
        op, limit, accuracy = parameter
        question = multisets.Question(op, limit, accuracy, column.data.dtype)
        items = to_ranks(column.data)
        if op == "distinct":
            items = scramble(items).view(np.int64)
        coded = multisets.encode(question, items, column.valid, self.match.sweep.groups)
        return [Bags(Swept(question, coded, self.match, window)) for window in windows]


def _gather(values: Values, places: Ints) -> Values:
    """The values at some places, without the non-finite ones and with one zero."""
    data, valid = values.data[places], values.valid[places]
    if data.dtype == np.int64:
        return Values(data, valid)
    return Values(data.astype(np.float64) + 0.0, valid & np.isfinite(data))  # -0.0 + 0.0 is 0.0
