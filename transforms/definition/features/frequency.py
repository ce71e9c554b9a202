"""How frequent a category is, as a feature."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from forebay.transforms.definition.columns import Boolean, Column, Integer, String
from forebay.transforms.definition.features.on_column import OnColumn
from forebay.transforms.errors import Problem


@dataclass(frozen=True)
class Frequency(OnColumn):
    """How frequent a category is: the share of the training rows that have it, in [0, 1].

    A value that train doesn't have gives 0; a missing one the share of rows where it is missing.

    Attributes:
        column: a String, Integer or Boolean column.
        name: the output's name; None: ``<column>_frequency``.
    """

    name: str | None = None

    suffix = "frequency"
    kinds = (String, Integer, Boolean)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self.column_problems(where, columns)
