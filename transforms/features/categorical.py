"""Categories as features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transforms.columns import Boolean, Column, Integer, String
from transforms.errors import Problem
from transforms.features.on_column import OnColumn, embed_problems


@dataclass(frozen=True)
class Categorical(OnColumn):
    """A category: its index in a vocabulary of train ordered by frequency.

    Ids are 0 to V-1 for the vocabulary, V to V+oov_buckets-1 for values outside it (by hash),
    and V+oov_buckets for a missing value.

    Attributes:
        column: a String, Integer or Boolean column.
        top_k: how many of the most frequent values enter the vocabulary; None: all.
        min_count: how often a value must occur in train to enter it.
        oov_buckets: ids for values outside the vocabulary.
        embed: dimensions of the embedding on the deep side; None: chosen from the size.
        name: the output's name; None: ``<column>_id``.
    """

    top_k: int | None = None
    min_count: int = 1
    oov_buckets: int = 1
    embed: int | None = None
    name: str | None = None

    suffix = "id"
    kinds = (String, Integer, Boolean)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self.column_problems(where, columns)
        yield from embed_problems(self.embed, where)
        if self.top_k is not None and self.top_k < 1:
            yield Problem(f"{where}.top_k", self.top_k, "keeps nothing", "write 1 or more")
        if self.oov_buckets < 1:
            yield Problem(
                f"{where}.oov_buckets",
                self.oov_buckets,
                "leaves no id for values not seen in training",
                "write 1 or more",
            )
