"""Texts as features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.features.terms import OfTerms
from forebay.transforms.definition.fields.types import Between
from forebay.transforms.errors import Problem
from forebay.transforms.limits import MOST_ITEMS

# It begins with what is not a part of a word. Marks belong to the letter before them, and so do the
# joiners of scripts that write with them; those of other characters, as of emoji, do not.
BETWEEN_WORDS = r"[^\pL\pM\pN_\x{200C}\x{200D}][^\pL\pN_]*"


@dataclass(frozen=True)
class Text(OfTerms):
    """The terms of a text: its tokens, or runs of them, as a list of ids.

    Without ``weigh`` the list holds the terms in the order of the text, those of fewer tokens
    first; with it each distinct term once, in the order of the vocabulary, and
    ``<name>_weight`` says what it weighs: a bag of words.

    Attributes:
        column: a String column.
        lower: whether letters become small ones first.
        split_on: what lies between tokens, a regular expression in RE2's syntax, by default all
            but letters of any script with their marks, digits and ``_``; white space parts tokens
            too.
        ngrams: least and greatest number of neighbouring tokens that make a term, joined by a
            blank.
        max_tokens: how many tokens of a text are read, from its start.
        weigh: ``"presence"`` (1), ``"count"`` (how often the term occurs in the text) or
            ``"tf_idf"``: count · (1 + ln((1 + texts) / (1 + texts with the term))), over the
            texts of train that are not missing.
        norm: for ``"tf_idf"``: ``"l2"`` divides a text's weights by the root of the sum of their
            squares, ``"length"`` by the number of its terms, None not at all.
        top_k: how many of the most frequent terms enter the vocabulary; None: all.
        min_count: how often a term must occur in train to enter it.
        oov_buckets: ids for terms outside the vocabulary; 0: they are left out.
        pooling: how the terms' embeddings become one: ``"sum"``, ``"mean"``, ``"sqrtn"`` or, for
            sequences, ``"concat"``.
        embed: dimensions of the embedding on the deep side, or ``"one_hot"``; None: chosen from
            the size.
        indicator: whether to add ``<name>_is_missing``, 1.0 where the text is missing.
        name: the output's name; None: ``<column>_terms``.
    """

    lower: bool = True
    split_on: str = BETWEEN_WORDS
    ngrams: tuple[int, int] = (1, 1)
    max_tokens: Annotated[int, Between(1, MOST_ITEMS, "reads nothing")] = 64
    weigh: Literal["presence", "count", "tf_idf"] | None = None
    norm: Literal["l2", "length"] | None = "l2"

    suffix = "terms"

    @property
    def width(self) -> int:
        """How many ids a row has: those of a text of ``max_tokens`` tokens."""
        least, most = self.ngrams
        return sum(max(self.max_tokens - n + 1, 0) for n in range(least, most + 1))

    @property
    def weight_output(self) -> str:
        """The name of the terms' weights."""
        return f"{self.output}_weight"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all transformed columns."""
        return (*super().outputs, self.weight_output) if self.weigh else super().outputs

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self.term_problems(where, columns)
        if not 1 <= self.ngrams[0] <= self.ngrams[1] <= self.max_tokens:
            yield Problem(
                f"{where}.ngrams", self.ngrams, "not a least and a greatest number of tokens",
                "write such as (1, 2), within max_tokens",
            )  # fmt: skip
        elif self.width > MOST_ITEMS:
            yield Problem(
                f"{where}.ngrams", self.ngrams, f"a list of {self.width:,} terms",
                f"write fewer, or fewer max_tokens, for up to {MOST_ITEMS:,}",
            )  # fmt: skip
        try:
            pc.match_substring_regex(pa.array(["text"]), self.split_on)
        except pa.ArrowInvalid as error:
            yield Problem(
                f"{where}.split_on", self.split_on, f"not a regular expression ({error})",
                r"write one in RE2's syntax, such as '[^\pL\pM\pN]+'",
            )  # fmt: skip
