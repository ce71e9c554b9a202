"""From what is known of each window to the values of aggregates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.windows.kernels import moments
from forebay.transforms.windows.kernels.encoding import from_ranks
from forebay.transforms.windows.kernels.matching import INT64_MAX
from forebay.transforms.windows.kernels.values import Requests, Values
from forebay.transforms.windows.operations import Aggregate
from forebay.transforms.windows.states.from_events import States, read_from
from forebay.transforms.windows.states.states import Bags, Counts, Decayed, Greatest, Picks
from forebay.transforms.windows.states.sums import Sums
from forebay.transforms.windows.states.sweeps import Need

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_Result = tuple[NDArray[Any], Bools]


def finish(states: States, requests: Requests, aggregates: list[Aggregate]) -> list[Values]:
    """Read the aggregates that states were made for.

    Args:
        states: the states of m requests.
        requests: the m requests.
        aggregates: those that were given to
            :func:`forebay.transforms.windows.states.from_events.partial`.

    Returns:
        One column of shape (m,) per aggregate, in the order given: see
        :func:`forebay.transforms.windows.compute.aggregate`.
    """
    return [_Reading(states, requests, wanted, aggregates).output() for wanted in aggregates]


class _Reading:
    """One aggregate read from the states."""

    def __init__(
        self, states: States, requests: Requests, wanted: Aggregate, aggregates: list[Aggregate]
    ) -> None:
        self.wanted = wanted
        self.asked = requests.time
        self.dtype = states.dtypes.get(str(wanted.column), np.dtype(np.float64))
        self.known = [
            states.known.get((need, wanted.window)) for need in read_from(wanted, aggregates)
        ]
        count = states.known.get((Need("count", wanted.column), wanted.window))
        zeros = np.zeros(states.size, np.int64)
        self.count = count.rows if isinstance(count, Counts) else zeros

    def output(self) -> Values:
        """The column: results, defaults for empty windows, 0 or NaN where missing."""
        wanted, empty = self.wanted, self.count == 0
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is missing
            data, valid = self.result()
        valid = valid & np.isfinite(data) & ~empty & (self.count >= wanted.min_count)
        default = 0 if wanted.counts else wanted.default
        if default is not None:
            if data.dtype == np.int64 and not _is_int64(default):
                data = data.astype(np.float64)
            data, valid = np.where(empty, data.dtype.type(default), data), valid | empty
        nothing = data.dtype.type(0 if data.dtype == np.int64 else np.nan)
        return Values(np.where(valid, data, nothing), valid)

    def result(self) -> _Result:
        """The values and which of them are right, leaving empty windows open."""
        if None in self.known:  # no events at all
            whole = self.wanted.op in ("min", "max", "first", "last", "most_frequent")
            dtype = self.dtype if whole else np.dtype(np.float64)
            return np.zeros(self.count.size, dtype), np.zeros(self.count.size, np.bool_)
        return _RESULTS[self.wanted.op](self, *self.known)


def _count(reading: _Reading) -> _Result:
    return reading.count, _always(reading)


def _always(reading: _Reading) -> Bools:
    return np.ones(reading.count.size, np.bool_)


def _sum(reading: _Reading, sums: Sums) -> _Result:
    return sums.sums(reading.count), _always(reading)


def _mean(reading: _Reading, sums: Sums) -> _Result:
    return sums.means(reading.count), _always(reading)


def _var(reading: _Reading, sums: Sums) -> _Result:
    return sums.deviations(reading.count)[0], reading.count > 1


def _std(reading: _Reading, sums: Sums) -> _Result:
    return sums.deviations(reading.count)[1], reading.count > 1


def _skew(reading: _Reading, sums: Sums) -> _Result:
    skew = moments.read_skewness(sums.rows, reading.count)
    return skew, np.isfinite(skew)


def _greatest(reading: _Reading, greatest: Greatest) -> _Result:
    ranks = np.where(reading.count > 0, greatest.rows, 0)
    return from_ranks(ranks, reading.dtype), _always(reading)


def _least(reading: _Reading, least: Greatest) -> _Result:
    ranks = np.where(reading.count > 0, ~least.rows, 0)
    return from_ranks(ranks, reading.dtype), _always(reading)


def _pick(reading: _Reading, picks: Picks) -> _Result:
    place = reading.wanted.place - 1
    ranks = np.ascontiguousarray(picks.rows[:, place, 2])
    return from_ranks(ranks, reading.dtype), picks.size > place


def _rate(reading: _Reading, first: Picks, last: Picks) -> _Result:
    begin, end = (_pick(reading, picks)[0] for picks in (first, last))
    gone_us = _between(first.rows[:, 0, 0], last.rows[:, 0, 0])
    change, exponents = _difference(begin, end)
    per_us = change * (reading.wanted.per_us / np.maximum(gone_us, 1.0))
    return np.ldexp(per_us, exponents), gone_us > 0


def _difference(begin: NDArray[Any], end: NDArray[Any]) -> tuple[Floats, Ints]:
    """``end - begin``, rounded once, as a float of middling size and the exponent of its scale."""
    if begin.dtype == np.int64:
        size = _between(np.minimum(begin, end), np.maximum(begin, end))
        return np.where(end < begin, -size, size), np.zeros_like(begin)
    exponents = np.frexp(np.maximum(np.abs(begin), np.abs(end)))[1].astype(np.int64)
    return np.ldexp(end, -exponents) - np.ldexp(begin, -exponents), exponents


def _seconds_since_last(reading: _Reading, last: Picks) -> _Result:
    return _between(last.rows[:, 0, 0], reading.asked) / 1e6, _always(reading)


def _decayed_mean(reading: _Reading, decayed: Decayed) -> _Result:
    return moments.read_ratios(decayed.weighted.rows, decayed.weights.rows), _always(reading)


def _bags(reading: _Reading, bags: Bags) -> _Result:
    wanted = reading.wanted
    data, valid = bags.read([wanted.q if wanted.op == "quantile" else wanted.place])
    if wanted.op == "most_frequent":
        return from_ranks(np.where(valid[0], data[0], 0), reading.dtype), valid[0]
    return data[0], valid[0]


_RESULTS: dict[str, Callable[..., _Result]] = {
    "count": _count,
    "sum": _sum,
    "mean": _mean,
    "min": _least,
    "max": _greatest,
    "var": _var,
    "std": _std,
    "skew": _skew,
    "first": _pick,
    "last": _pick,
    "rate": _rate,
    "seconds_since_last": _seconds_since_last,
    "decayed_mean": _decayed_mean,
    "distinct": _bags,
    "quantile": _bags,
    "most_frequent": _bags,
}


def _between(earlier: Ints, later: Ints) -> Floats:
    """Microseconds from one time to another that is not before it, whatever their distance."""
    gone: Floats = (later - earlier).view(np.uint64).astype(np.float64)
    return gone


def _is_int64(number: float) -> bool:
    return float(number).is_integer() and -(2**63) <= int(number) <= INT64_MAX
