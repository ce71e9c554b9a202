"""Sums of windows: read where they are swept, or written down as digits to be merged."""

# ruff: noqa: D102  (State documents the methods)

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.windows.kernels import digits, moments, totals
from forebay.transforms.windows.kernels.matching import Match
from forebay.transforms.windows.kernels.whole_numbers import BITS
from forebay.transforms.windows.multisets import multisets
from forebay.transforms.windows.states.gathering import gather

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Halves = NDArray[np.uint64]


class Running(NamedTuple):
    """Running totals: see :mod:`forebay.transforms.windows.kernels.totals`.

    Attributes:
        sums: of x, in units of 2**exponent.
        squares: of x², in units of the square of that; empty where nobody wants them.
        exponent: of the unit.
    """

    sums: Halves
    squares: Halves
    exponent: int


@dataclass(frozen=True, eq=False)
class Addends:
    """A column's numbers, to be added up in windows of a match.

    Attributes:
        numbers: int64 (n, 3) by position, as `digits.cut` takes them.
        order: the highest power that is summed.
        match: which request sees which events.
    """

    numbers: Ints
    order: int
    match: Match

    @cached_property
    def running(self) -> Running | None:
        """The running totals, if they are exact and tell what digits would."""
        sweep = self.match.sweep
        if self.order > 2 or sweep.arriving.size or sweep.retiring.size:
            return None
        exponent, end = totals.extent(self.numbers)
        kept = (end - 1) // BITS * BITS - (3 if self.order == 1 else 2) * BITS
        most = int(np.max(sweep.groups[:, 1] - sweep.groups[:, 0], initial=0))
        bits = (end - exponent) * self.order + most.bit_length()
        if exponent < kept or bits > 127:
            return None
        squared = self.numbers if self.order == 2 else self.numbers[:0]
        squares = totals.add_up_squares(squared, exponent)
        return Running(totals.add_up(self.numbers, exponent), squares, exponent)

    def written(self, window: int) -> Ints:
        """The states of one window, int64 (m, s), in the order of the requests given."""
        changes = multisets.follow(self._positions, self.match, window)
        return digits.sweep_digits(
            *changes, self.match.sweep.groups, *self._coded, self._cut[1], self.match.requests
        )

    @cached_property
    def _positions(self) -> Ints:
        return np.arange(self.numbers.shape[0])

    @cached_property
    def _cut(self) -> tuple[Ints, digits.Leaves]:
        return digits.cut(self.numbers, self.order)

    @cached_property
    def _coded(self) -> multisets.Coded:
        tops, _ = self._cut
        return multisets.encode_items(tops, tops != digits.NO_TOP, self.match.sweep.groups)


class SweptSums(NamedTuple):
    """Sums that were not written down: those of one window of a match."""

    addends: Addends
    window: int

    @property
    def places(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Where a request's window starts and stops, and its own events: see `matching.Sweep`."""
        sweep = self.addends.match.sweep
        return sweep.starts[self.window], sweep.stops[self.window], sweep.own, sweep.following


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums of values, of their squares and cubes, however they are held.

    Attributes:
        values: int64 (m, s), see :mod:`forebay.transforms.windows.kernels.digits`; or what they can
            be made of.
    """

    values: SweptSums | Ints

    def merge(self, other: Sums) -> Sums:
        return Sums(digits.merge(self.rows, other.rows))

    def take(self, rows: Ints) -> Sums:
        taken = gather(self.rows, rows, 0)
        taken[rows < 0, 0] = digits.NO_TOP
        return Sums(taken)

    def written(self) -> Sums:
        return Sums(self.rows)

    @cached_property
    def rows(self) -> Ints:
        """The sums as digits."""
        if isinstance(self.values, SweptSums):
            return self.values.addends.written(self.values.window)
        return self.values

    def sums(self, counts: Ints) -> Floats:
        """Σ x, (m,), given how many x there are; 0 where there is none."""
        return self._totals(counts, dividing=False)

    def means(self, counts: Ints) -> Floats:
        """Σ x / n, (m,), given n; 0 where that is 0."""
        return self._totals(counts, dividing=True)

    def _totals(self, counts: Ints, *, dividing: bool) -> Floats:
        if isinstance(self.values, SweptSums) and (running := self.values.addends.running):
            places = self.values.addends.match.requests
            return totals.read_totals(
                running.sums, running.exponent, *self.values.places, counts, places, dividing
            )
        return moments.read_means(self.rows, counts) if dividing else moments.read_sums(self.rows)

    def deviations(self, counts: Ints) -> tuple[Floats, Floats]:
        """Variances and their roots, (m,) each: see `moments.read_deviations`."""
        if isinstance(self.values, SweptSums) and (running := self.values.addends.running):
            places, spans = self.values.addends.match.requests, self.values.places
            return totals.read_deviations(
                running.sums, running.squares, running.exponent, *spans, counts, places
            )
        return moments.read_deviations(self.rows, counts)
