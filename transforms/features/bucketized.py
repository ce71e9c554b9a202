"""Buckets of numbers as features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transforms.columns import Column, Integer, Number
from transforms.errors import Problem
from transforms.features.on_column import Embed, OnColumn, embed_problems


@dataclass(frozen=True)
class Bucketized(OnColumn):
    """A number's bucket: i where boundary i-1 <= x < boundary i; a missing value has the last id.

    Attributes:
        column: a Number or Integer column; or a Difference or Ratio of two.
        quantiles: how many buckets of equal frequency on train.
        boundaries: or the boundaries themselves, ascending.
        embed: dimensions of the embedding on the deep side, or ``"one_hot"``; None: chosen from
            the size.
        name: the output's name; None: ``<column>_bucket``.
    """

    quantiles: int | None = None
    boundaries: tuple[float, ...] = ()
    embed: Embed = None
    name: str | None = None

    suffix = "bucket"
    kinds = (Number, Integer)
    takes_pairs = True
    crossable = True

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self.column_problems(where, columns)
        yield from embed_problems(self.embed, where)
        if (self.quantiles is None) == (not self.boundaries):
            yield Problem(
                where, (self.quantiles, self.boundaries), "needs one way to cut",
                "set quantiles or boundaries, not both",
            )  # fmt: skip
        if self.quantiles is not None and self.quantiles < 2:
            yield Problem(f"{where}.quantiles", self.quantiles, "one bucket", "write 2 or more")
        if any(a >= b for a, b in zip(self.boundaries, self.boundaries[1:], strict=False)):
            yield Problem(f"{where}.boundaries", self.boundaries, "not ascending", "sort them")
