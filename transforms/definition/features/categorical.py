"""Categories as features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from forebay.transforms.definition.columns import Boolean, Column, Integer, String
from forebay.transforms.definition.features.category_ids import (
    CategoryIds,
    Frequent,
    Identity,
    Listed,
    value_problems,
)
from forebay.transforms.definition.features.on_column import Embed, OnColumn
from forebay.transforms.errors import Problem

MOST_FREQUENT = "most_frequent"


@dataclass(frozen=True)
class Categorical(OnColumn):
    """A category: one id for each value.

    Ids are 0 to V-1 for the V known values, then those that all other values share, then one for a
    missing value, unless another stands for it.

    Attributes:
        column: a String, Integer or Boolean column.
        ids: how values become ids: ``Frequent`` or ``Informative`` (a vocabulary of train),
            ``Listed``, ``Hashed`` or ``Identity``; each says what its ids mean.
        impute: what stands for a missing value: a value of the column, or ``"most_frequent"``, the
            known value (of ``Hashed``, the bucket) that most rows of train have; None: a missing
            value has an id of its own, the last.
        embed: dimensions of the embedding on the deep side, or ``"one_hot"``; None: chosen from
            the size.
        name: the output's name; None: ``<column>_id``.
    """

    ids: CategoryIds = field(default_factory=Frequent)
    impute: Literal["most_frequent"] | str | int | bool | None = None
    embed: Embed = None
    name: str | None = None

    suffix = "id"
    kinds = (String, Integer, Boolean)
    crossable = True

    @property
    def oov_ids(self) -> int:
        """How many ids values outside the known ones share."""
        return self.ids.oov_ids

    @property
    def missing_ids(self) -> int:
        """How many ids missing values have to themselves."""
        return int(self.impute is None)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self.column_problems(where, columns)
        column = columns.get(str(self.column))
        yield from self.ids.problems(f"{where}.ids", column)
        if self.impute not in (None, MOST_FREQUENT):
            yield from self._impute_problems(f"{where}.impute", column)

    def _impute_problems(self, where: str, column: Column | None) -> Iterator[Problem]:
        yield from value_problems(self.impute, where, column)
        match self.ids:
            case Listed(values):
                is_known = self.impute in values
            case Identity(size):
                is_known = self.impute in range(size)
            case _:
                is_known = True  # as far as the definition can tell
        if not is_known:
            cure = "write a value that it knows, or 'most_frequent'"
            yield Problem(where, self.impute, f"unknown to {self.ids}", cure)
