"""What is known of windows from a part of their events, and how two parts are put together.

Each state holds something for m requests, which their own events alone decide. ``merge`` is
associative and commutative to the bit, so events may be divided in any way; ``take`` gathers
requests, -1 standing for one that has seen nothing.
"""

# ruff: noqa: D102  (State documents the methods)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.windows.kernels.matching import Match
from forebay.transforms.windows.kernels.ordering import INT64_MIN
from forebay.transforms.windows.multisets import parts
from forebay.transforms.windows.multisets.multisets import Coded, Question, answer_window
from forebay.transforms.windows.multisets.parts import Multisets
from forebay.transforms.windows.states import first_last
from forebay.transforms.windows.states.gathering import gather
from forebay.transforms.windows.states.sums import Sums

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class State(Protocol):
    """What is known of m windows."""

    def merge(self, other: Self) -> Self:
        """What is known from the events of both, which are disjoint."""

    def take(self, rows: Ints) -> Self:
        """The state of some requests, each from 0 to m - 1, or -1 for one that has seen nothing."""

    def written(self) -> Self:
        """The same, keeping nothing of the events in memory."""


@dataclass(frozen=True, eq=False)
class Counts:
    """How many values there are: int64 (m,)."""

    rows: Ints

    def merge(self, other: Counts) -> Counts:
        return Counts(self.rows + other.rows)

    def take(self, rows: Ints) -> Counts:
        return Counts(gather(self.rows, rows, 0))

    def written(self) -> Counts:
        return self


@dataclass(frozen=True, eq=False)
class Greatest:
    """The greatest int64 of each window, (m,); INT64_MIN where there is none."""

    rows: Ints

    def merge(self, other: Greatest) -> Greatest:
        return Greatest(np.maximum(self.rows, other.rows))

    def take(self, rows: Ints) -> Greatest:
        return Greatest(gather(self.rows, rows, INT64_MIN))

    def written(self) -> Greatest:
        return self


@dataclass(frozen=True, eq=False)
class Picks:
    """The first or last few values.

    Attributes:
        rows: int64 (m, k, 3), (time, availability, rank of the value), the outermost first.
        size: int64 (m,), how many of the k there are.
        latest: whether they are the last ones; otherwise the first.
    """

    rows: Ints
    size: Ints
    latest: bool

    def merge(self, other: Picks) -> Picks:
        merged = first_last.merge(self.rows, self.size, other.rows, other.size, self.latest)
        return Picks(*merged, self.latest)

    def take(self, rows: Ints) -> Picks:
        return Picks(gather(self.rows, rows, 0), gather(self.size, rows, 0), self.latest)

    def written(self) -> Picks:
        return self


@dataclass(frozen=True, eq=False)
class Decayed:
    """Sums of weighted values and of weights: :mod:`forebay.transforms.windows.kernels.decay`."""

    weighted: Sums
    weights: Sums

    def merge(self, other: Decayed) -> Decayed:
        return Decayed(self.weighted.merge(other.weighted), self.weights.merge(other.weights))

    def take(self, rows: Ints) -> Decayed:
        return Decayed(self.weighted.take(rows), self.weights.take(rows))

    def written(self) -> Decayed:
        return Decayed(self.weighted.written(), self.weights.written())


@dataclass(frozen=True, eq=False)
class Swept:
    """Multisets that were not written down, for they can be swept when it is known what for.

    Attributes:
        question: what is asked.
        coded: the values by position.
        match: which request sees which events.
        window: which window of the match.
    """

    question: Question
    coded: Coded
    match: Match
    window: int

    def read(self, which: Sequence[float]) -> tuple[NDArray[Any], Bools]:
        data, valid = answer_window(self.question, self.coded, self.match, self.window, which)
        back = self._places()
        return data[:, back], valid[:, back]

    def collect(self) -> Multisets:
        found = parts.collect_window(self.question, self.coded, self.match, self.window)
        return found.take(self._places())

    def _places(self) -> Ints:
        """Where the match has each request given."""
        places = np.empty_like(self.match.requests)
        places[self.match.requests] = np.arange(places.size)
        return places


@dataclass(frozen=True, eq=False)
class Bags:
    """Multisets of values, however they are held."""

    values: Swept | Multisets

    def read(self, which: Sequence[float]) -> tuple[NDArray[Any], Bools]:
        """Answers, data and validity (len(which), m): see `multisets.parts.read`."""
        if isinstance(self.values, Swept):
            return self.values.read(which)
        return parts.read(self.values, which)

    def merge(self, other: Bags) -> Bags:
        return Bags(parts.merge(self._collected(), other._collected()))

    def take(self, rows: Ints) -> Bags:
        return Bags(self._collected().take(rows))

    def written(self) -> Bags:
        return Bags(self._collected())

    def _collected(self) -> Multisets:
        return self.values.collect() if isinstance(self.values, Swept) else self.values
