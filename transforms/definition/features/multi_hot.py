"""Sets of categories as features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.features.terms import OfTerms
from forebay.transforms.definition.fields.types import Between
from forebay.transforms.errors import Problem
from forebay.transforms.limits import MOST_ITEMS


@dataclass(frozen=True)
class MultiHot(OfTerms):
    """A set of categories in one text, such as ``jazz|live``: a list of distinct ids, ascending.

    Blanks around a category are not seen, and an empty one is none.

    Attributes:
        column: a String column.
        separator: what stands between categories.
        max_values: how many categories of a text are read, from its start.
        top_k: how many of the most frequent categories enter the vocabulary; None: all.
        min_count: how often a category must occur in train to enter it.
        oov_buckets: ids for categories outside the vocabulary; 0: they are left out.
        pooling: how the categories' embeddings become one: ``"sum"``, ``"mean"``, ``"sqrtn"`` or
            ``"concat"``.
        embed: dimensions of the embedding on the deep side, or ``"one_hot"``; None: chosen from
            the size.
        indicator: whether to add ``<name>_is_missing``, 1.0 where the text is missing; of a text
            without categories it is 0.0.
        name: the output's name; None: ``<column>_values``.
    """

    separator: str = "|"
    max_values: Annotated[int, Between(1, MOST_ITEMS, "reads nothing")] = 16

    suffix = "values"

    @property
    def width(self) -> int:
        """How many ids a row has."""
        return self.max_values

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self.term_problems(where, columns)
        if not self.separator:
            yield Problem(
                f"{where}.separator", self.separator, "separates nothing", "write such as '|'"
            )
