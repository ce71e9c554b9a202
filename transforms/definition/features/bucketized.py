"""Buckets of numbers as features."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import numpy as np

from forebay.transforms.definition.columns import Column, Integer, Number
from forebay.transforms.definition.features.on_column import Embed, OnColumn
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.fields.types import Between, Float32
from forebay.transforms.errors import Problem
from forebay.transforms.limits import MOST_BOUNDARIES

_Count = Annotated[int, Between(2, MOST_BOUNDARIES, "not two")]


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

    quantiles: Annotated[int, Between(2, MOST_BOUNDARIES, "one bucket")] | None = None
    boundaries: Several[Float32] = ()
    linspace: tuple[Float32, Float32, _Count] | None = None
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
            return tuple(self.boundaries)
        start, stop, count = self.linspace
        return tuple(np.linspace(start, stop, count).tolist())

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self.column_problems(where, columns)
        ways = (self.quantiles, self.boundaries or None, self.linspace)
        if sum(way is not None for way in ways) != 1:
            yield Problem(
                where, ways, "needs one way to cut", "set one of quantiles, boundaries and linspace"
            )
        if len(self.boundaries) > MOST_BOUNDARIES:
            cause = f"{len(self.boundaries):,} boundaries"
            yield Problem(
                f"{where}.boundaries", self.boundaries, cause, f"give up to {MOST_BOUNDARIES:,}"
            )
        if any(a >= b for a, b in pairwise(self.boundaries)):
            yield Problem(f"{where}.boundaries", self.boundaries, "not ascending", "sort them")
        elif isinstance(columns.get(str(self.column)), Number):
            yield from _float32_problems(self.boundaries, f"{where}.boundaries")
        if self.linspace is not None and not self.linspace[0] < self.linspace[1]:
            yield Problem(
                f"{where}.linspace", self.linspace, "not (start, stop, count) of an ascending line",
                "write such as (0.0, 100.0, 11)",
            )  # fmt: skip


def _float32_problems(boundaries: Sequence[float], where: str) -> Iterator[Problem]:
    """Yields the boundaries that leave a bucket which no Number can lie in."""
    for pair in pairwise(boundaries):
        if np.float32(pair[0]) == np.float32(pair[1]):
            yield Problem(
                where, pair, "the same number in float32, as which a Number is compared",
                "leave one out, or declare whole numbers as an Integer column",
            )  # fmt: skip
