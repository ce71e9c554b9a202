"""Distinct counts, quantiles and most frequent values of a list, as their definition words them.

Slow, exact where the definition is, and it knows nothing of the code under test.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

Number = int | float


def distinct(hashes: Sequence[int], limit: int) -> Fraction:
    """How many different hashes (of 64 bits, signed) there are: estimated beyond the limit."""
    different = sorted({value % 2**64 for value in hashes})
    if len(different) <= limit:
        return Fraction(len(different))
    return (limit - 1) / Fraction(different[limit - 1], 2**64)


def is_rough(values: Sequence[Number], limit: int) -> bool:
    """Whether there are too many different values for an exact answer."""
    return len(set(values)) > limit


def order_statistic(values: Sequence[Number], q: float) -> Number:
    """The value of rank floor(q * (n - 1))."""
    return sorted(values)[math.floor(q * (len(values) - 1))]


def quantile(values: Sequence[Number], q: float) -> Fraction:
    """Linear interpolation between the values of the ranks around q * (n - 1)."""
    ordered = [Fraction(value) for value in sorted(values)]
    rank = q * (len(values) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(values) - 1)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (Fraction(rank) - lower)


def most_frequent(values: Sequence[Number], place: int, limit: int) -> Number | None:
    """The value of some place by (most frequent, smallest); None if there is none, or too many."""
    if is_rough(values, limit):
        return None
    ranking = sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0]))
    return ranking[place - 1][0] if place <= len(ranking) else None
