"""Crosses of categorical features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from transforms.columns import Column
from transforms.errors import Problem
from transforms.features.on_column import embed_problems
from transforms.freeze import freeze_sequences


@dataclass(frozen=True)
class Crossed:
    """The cross of categorical features: one id per combination, hashed where there are too many.

    Combinations are numbered exactly while all of them fit in ``buckets``; otherwise their
    numbers are hashed into the buckets.

    Attributes:
        name: the output's name.
        of: the names of two or more Categorical, Bucketized or Calendar features.
        buckets: how many ids.
        embed: dimensions of the embedding on the deep side; None: wide side only.
    """

    name: str
    of: tuple[str, ...]
    buckets: int
    embed: int | None = None

    inputs: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        freeze_sequences(self)

    @property
    def output(self) -> str:
        """The name of the transformed column."""
        return self.name

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all transformed columns."""
        return (self.name,)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from embed_problems(self.embed, where)
        if len(self.of) < 2:
            yield Problem(f"{where}.of", self.of, "nothing to cross", "name two features or more")
        if self.buckets < 2:
            yield Problem(f"{where}.buckets", self.buckets, "too few", "write 2 or more")
