"""Buckets of numbers as features."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from forebay.transforms.definition.columns import Column, Integer, Number
from forebay.transforms.definition.features.on_column import Embed, OnColumn, embed_problems
from forebay.transforms.errors import Problem


@dataclass(frozen=True)
class Bucketized(OnColumn):
    """A number's bucket: i where boundary i-1 <= x < boundary i; a missing value has the last id.

    Attributes:
        column: a Number or Integer column; or a number made of several, such as a Ratio.
        quantiles: how many buckets of equal frequency on train.
        boundaries: or the boundaries themselves, ascending.
        linspace: or (start, stop, count): count boundaries evenly spaced from start to stop, both
            included, as numpy.linspace has them; these make count + 1 buckets.
        embed: dimensions of the embedding on the deep side, or ``"one_hot"``; None: chosen from
            the size.
        name: the output's name; None: ``<column>_bucket``.
    """

    quantiles: int | None = None
    boundaries: tuple[float, ...] = ()
    linspace: tuple[float, float, int] | None = None
    embed: Embed = None
    name: str | None = None

    suffix = "bucket"
    kinds = (Number, Integer)
    takes_derived_numbers = True
    crossable = True

    @property
    def given_boundaries(self) -> tuple[float, ...]:
        """The boundaries that the definition gives; empty: quantiles of train."""
        if self.linspace is None:
            return self.boundaries
        start, stop, count = self.linspace
        return tuple(np.linspace(start, stop, count).tolist())

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self.column_problems(where, columns)
        yield from embed_problems(self.embed, where)
        ways = (self.quantiles, self.boundaries or None, self.linspace)
        if sum(way is not None for way in ways) != 1:
            yield Problem(
                where, ways, "needs one way to cut", "set one of quantiles, boundaries and linspace"
            )
        if self.quantiles is not None and self.quantiles < 2:
            yield Problem(f"{where}.quantiles", self.quantiles, "one bucket", "write 2 or more")
        if any(a >= b for a, b in pairwise(self.boundaries)):
            yield Problem(f"{where}.boundaries", self.boundaries, "not ascending", "sort them")
        elif isinstance(columns.get(str(self.column)), Number):
            yield from _float32_problems(self.boundaries, f"{where}.boundaries")
        if self.linspace is not None and not _is_linspace(self.linspace):
            yield Problem(
                f"{where}.linspace", self.linspace, "not (start, stop, count) of an ascending line",
                "write such as (0.0, 100.0, 11), with a count of 2 or more",
            )  # fmt: skip


def _float32_problems(boundaries: tuple[float, ...], where: str) -> Iterator[Problem]:
    """Yields the boundaries that leave a bucket which no Number can lie in."""
    for pair in pairwise(boundaries):
        if np.float32(pair[0]) == np.float32(pair[1]):
            yield Problem(
                where, pair, "the same number in float32, as which a Number is compared",
                "leave one out, or declare whole numbers as an Integer column",
            )  # fmt: skip


def _is_linspace(value: tuple[float, float, int]) -> bool:
    if len(value) != 3:
        return False
    start, stop, count = value
    finite = math.isfinite(start) and math.isfinite(stop)
    return finite and start < stop and isinstance(count, int) and count >= 2
