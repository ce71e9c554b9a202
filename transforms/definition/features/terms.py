"""What features of several categories in one text share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from forebay.transforms.definition.columns import Column, String
from forebay.transforms.definition.features.on_column import Embed, OnColumn
from forebay.transforms.definition.features.pooling import Pooling
from forebay.transforms.definition.fields.types import Between
from forebay.transforms.errors import Problem
from forebay.transforms.limits import MOST_IDS, MOST_ROWS


@dataclass(frozen=True)
class OfTerms(OnColumn):
    """A list of ids in a vocabulary of train ordered by frequency, of fixed width.

    Ids are 0 to V-1 for the vocabulary, V to V+oov_buckets-1 for terms outside it (by hash), and
    V+oov_buckets for padding: a missing or empty text is padding throughout.
    """

    top_k: Annotated[int, Between(1, MOST_IDS, "keeps nothing")] | None = None
    min_count: Annotated[int, Between(0, MOST_ROWS)] = 1
    oov_buckets: Annotated[int, Between(0, MOST_IDS)] = 1
    pooling: Pooling = "sum"
    embed: Embed = None
    indicator: bool = False
    name: str | None = None

    kinds = (String,)

    @property
    def width(self) -> int:
        """How many ids a row has, padding included."""
        raise NotImplementedError

    @property
    def oov_ids(self) -> int:
        """How many ids terms outside the vocabulary share."""
        return self.oov_buckets

    @property
    def missing_ids(self) -> int:
        """How many ids are padding."""
        return 1

    @property
    def indicator_output(self) -> str:
        """The name of the indicator of missing texts."""
        return f"{self.output}_is_missing"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all transformed columns."""
        return (self.output, self.indicator_output) if self.indicator else (self.output,)

    def term_problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes that any feature of terms can have."""
        yield from self.column_problems(where, columns)
