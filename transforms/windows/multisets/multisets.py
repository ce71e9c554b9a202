"""Distinct counts, quantiles and most frequent values of windows.

Each is a function of the multiset of values in a window and of nothing else: whoever computes it
from parts, merged in any order, gets the same to the bit. Up to ``limit`` distinct values it is
exact. Beyond, so that no state grows without bound, it is by definition

- distinct: with L = limit and U the L-th smallest of the values' hashes, as a fraction of 2**64,
  (L - 1) / U: its relative standard error is at most 1 / sqrt(L - 2). Bar-Yossef et al. 2002,
  "Counting distinct elements in a data stream"; Beyer et al. 2007, "On synopses for distinct-value
  estimation under multiset operations".
- quantile: of the value of rank floor(q * (n - 1)) the representative in
:mod:`forebay.transforms.windows.kernels.log_buckets`.
- most_frequent: missing.

:func:`answer` sweeps the events of a match and keeps nothing. :func:`collect` and the functions on
:class:`Multisets` answer the same from parts of the events: see :mod:`.parts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.limits import ACCURACY, LEAST_ACCURACY, LEAST_LIMIT, LIMIT
from forebay.transforms.windows.kernels import ordering
from forebay.transforms.windows.kernels.encoding import from_ranks
from forebay.transforms.windows.kernels.log_buckets import from_buckets, to_buckets
from forebay.transforms.windows.kernels.matching import Match
from forebay.transforms.windows.multisets import changes, counts, orders

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_INT64 = np.dtype(np.int64)
_HALF = np.int64(ordering.INT64_MIN)  # added to an int64, it orders them as their bits are unsigned


@dataclass(frozen=True)
class Question:
    """What is asked of multisets, and how large they may grow.

    Attributes:
        op: the operation.
        limit: the greatest number of distinct values for which the answer is exact.
        accuracy: greatest relative error of a quantile beyond that.
        dtype: the type of the values whose ranks the items are, int64 or float64; read for
            quantiles only.
    """

    op: Literal["distinct", "quantile", "most_frequent"]
    limit: int = LIMIT
    accuracy: float = ACCURACY
    dtype: np.dtype[Any] = field(default=_INT64)

    def __post_init__(self) -> None:
        if self.limit < LEAST_LIMIT:
            raise ValueError(f"limit {self.limit}: give {LEAST_LIMIT} or more")
        if not LEAST_ACCURACY <= self.accuracy < 1:
            raise ValueError(
                f"accuracy {self.accuracy}: give {LEAST_ACCURACY} or more, and less than 1"
            )


class Coded(NamedTuple):
    """Values by position as codes: see :mod:`.changes`."""

    codes: Ints
    bases: Ints
    distinct: Ints  # the item of each code


def encode(question: Question, items: Ints, valid: Bools, groups: Ints) -> Coded:
    """Give the values of each group codes in the order of the items.

    Args:
        question: what is asked: of distinct, items are ordered as unsigned.
        items: int64 (n,), by position.
        valid: bool (n,), by position: whether there is an item.
        groups: int64 (g, 4), of the match.

    Returns:
        The codes; the distinct items are in the order of int64 even if unsigned ones were given.
    """
    return encode_items(items ^ _HALF if question.op == "distinct" else items, valid, groups)


def encode_items(items: Ints, valid: Bools, groups: Ints) -> Coded:
    """Give the items of each group, where valid, codes in the order of int64."""
    labels = changes.label(groups, items.size)
    order = np.flatnonzero(valid & (labels != ordering.NEVER))
    order = ordering.sort_by(ordering.sort_by(order, items), labels)
    return Coded(*changes.encode(order, items, labels, groups.shape[0]))


def follow(codes: Ints, match: Match, window: int) -> tuple[Ints, Ints]:
    """What enters and leaves one window of a match: see :func:`.changes.follow`."""
    sweep = match.sweep
    return changes.follow(
        codes, sweep.groups, sweep.starts[window], sweep.stops[window], sweep.own,
        sweep.following, sweep.asked, sweep.arriving, sweep.arrivals, sweep.retiring,
        sweep.retirements,
    )  # fmt: skip


def answer(
    question: Question,
    items: Ints,
    valid: Bools,
    match: Match,
    windows: Sequence[int],
    which: Sequence[float] = (1,),
) -> tuple[NDArray[Any], Bools]:
    """Answer a question for windows of a match.

    Args:
        question: what is asked.
        items: int64 (n,), by position: 64-bit hashes for distinct, ranks of values
            (:func:`forebay.transforms.windows.kernels.encoding.to_ranks`) for quantile, anything
            whose order breaks ties for most_frequent. What it holds where ``valid`` is false is
            never read.
        valid: bool (n,), by position.
        match: n events matched with m requests.
        windows: rows of the match's windows, w of them.
        which: for quantile the q, each from 0 to 1; for most_frequent the places, from 1. They
            share the work. Not read for distinct.

    Returns:
        data: (len(which), w, m), or (1, w, m) for distinct. float64 for distinct and quantile;
            most_frequent gives int64 items. 0 or NaN where missing.
        valid: bool of that shape, false for missing. No value at all makes 0 for distinct, and
            missing for the others.
    """
    coded = encode(question, items, valid, match.sweep.groups)
    found = [answer_window(question, coded, match, window, which) for window in windows]
    data: NDArray[Any] = np.stack([data for data, _ in found], 1)
    return data, np.stack([there for _, there in found], 1)


def answer_window(
    question: Question, coded: Coded, match: Match, window: int, which: Sequence[float]
) -> tuple[NDArray[Any], Bools]:
    """The answer for one window: (len(which), m), in the order of the match's requests."""
    sweep = *follow(coded.codes, match, window), match.sweep.groups, coded.bases
    looked_up = np.append(coded.distinct, 0)  # NEVER looks up the last
    if question.op == "distinct":
        present, nth = orders.sweep_distinct(*sweep, question.limit)
        data = estimate(present, nth != ordering.NEVER, looked_up[nth], question.limit)
        return data[None], np.ones((1, data.size), np.bool_)
    if question.op == "quantile":
        qs = np.array(which, np.float64)
        total, present, lower, upper = orders.sweep_quantiles(*sweep, qs)
        low = numbers(question, looked_up[lower])
        data = interpolate(low, numbers(question, looked_up[upper]), ranks(qs[:, None], total))
        if np.any(present > question.limit):
            bucket = to_buckets(low, question.accuracy)
            rough = from_buckets(bucket, question.accuracy)
            data = np.where(present > question.limit, rough, data)
        there = np.broadcast_to(total > 0, data.shape)
        return np.where(there, data, np.nan), there
    places = np.array(which, np.int64) - 1
    deepest = int(places.max(initial=0)) + 1
    _, best = counts.sweep_most_frequent(*sweep, question.limit, deepest)
    best = best[places]
    return looked_up[best], best != ordering.NEVER


def estimate(present: Ints, more: Bools, nth: Ints, limit: int) -> Floats:
    """Number of distinct values, or its bottom-k estimate.

    Args:
        present: int64 (m,), number of distinct values.
        more: bool (m,), whether that is more than the limit.
        nth: int64 (m,), the ``limit``-th smallest item where it is, in int64 order.
        limit: the limit of the question.

    Returns:
        float64 (m,).
    """
    share = (nth ^ _HALF).view(np.uint64).astype(np.float64) / 2.0**64
    return np.where(more, (limit - 1) / np.where(more, share, 1.0), present)


def numbers(question: Question, items: Ints) -> Floats:
    """The numbers whose ranks the items are, as float64."""
    return from_ranks(items, question.dtype).astype(np.float64)


def ranks(qs: Floats | float, total: Ints) -> Floats:
    """Rank of the quantile among ``total`` values, from 0, with its fraction."""
    return qs * np.maximum(total - 1, 0).astype(np.float64)


def interpolate(lower: Floats, upper: Floats, rank: Floats) -> Floats:
    """Interpolate between order statistics, by the fraction of the rank.

    Args:
        lower: float64, the value of rank floor(rank).
        upper: float64, the value of the next rank, not less.
        rank: float64.

    Returns:
        float64, from lower to upper, never falling as the rank rises; also where the
        difference of the two is beyond the range of float64.
    """
    share = rank - np.floor(rank)
    with np.errstate(over="ignore", invalid="ignore"):
        near = lower + (upper - lower) * share
        far = 2.0 * np.minimum(lower / 2 + (upper / 2 - lower / 2) * share, upper / 2)
    return np.clip(np.where(np.isfinite(near), near, far), lower, upper)
