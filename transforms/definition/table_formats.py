"""How tables of text are written: the dialect of CSV files."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.fields.types import Between
from forebay.transforms.errors import Problem

# The fields that hold one character, and what to write there.
_CHARACTERS = {
    "delimiter": "write one, such as ';'",
    "quote": "write one, such as '\"', or None where quotes are ordinary text",
    "comment": "write one, such as '#', or None where no line is a comment",
}


@dataclass(frozen=True, kw_only=True)
class CsvFormat:
    """The dialect of the dataset's CSV files.

    Attributes:
        delimiter: one character.
        quote: one character, or None where quotes are ordinary text.
        names: the columns' names in order, for files without a header line; empty: the first
            line is the header.
        decimal: what stands before the fraction of a number, ``.`` or ``,``.
        thousands: what stands between groups of three digits, if anything does.
        comment: the character that begins a line to be skipped; None: no line is.
        skip_lines: how many lines stand above the header, or above the rows where there is none.
        encoding: how the text is written, by a name that Python knows; files in another encoding
            than UTF-8 are read by one reader each, from their start.
    """

    delimiter: str = ","
    quote: str | None = '"'
    names: Several[str] = ()
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", "_", "\u00a0", "\u202f"] | None = None
    comment: str | None = None
    skip_lines: Annotated[int, Between(0, 1000)] = 0
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        freeze_sequences(self)

    @property
    def python_encoding(self) -> str:
        """The one name of the encoding among those that Python knows it by."""
        return python_name(self.encoding)

    def problems(self, where: str) -> Iterator[Problem]:
        """Yields the mistakes of this dialect; ``where`` is its path in the definition."""
        for field, cure in _CHARACTERS.items():
            text = getattr(self, field)
            if text is None:
                continue
            if len(text) != 1 or not text.isascii():
                yield Problem(f"{where}.{field}", text, "not a single ASCII character", cure)
            elif text in "\r\n\0":
                yield Problem(f"{where}.{field}", text, "a line end or NUL, which cannot stand "
                              "within a line", cure)  # fmt: skip
        for one, other in (("delimiter", "quote"), ("delimiter", "comment"), ("quote", "comment")):
            if getattr(self, one) is not None and getattr(self, one) == getattr(self, other):
                yield Problem(where, getattr(self, one), f"{one} and {other} are the same",
                              "change one")  # fmt: skip
        if self.thousands == self.decimal:
            yield Problem(f"{where}.thousands", self.thousands, "decimal and thousands are the "
                          "same", "change one")  # fmt: skip
        if not _is_text_encoding(self.encoding):
            yield Problem(f"{where}.encoding", self.encoding, "not a known encoding of text",
                          "write such as 'latin-1', 'cp1252' or 'utf-16'")  # fmt: skip
        for name in sorted({name for name in self.names if self.names.count(name) > 1}):
            yield Problem(f"{where}.names", name, "names two columns", "rename one")


def python_name(encoding: str) -> str:
    """Returns the one name of an encoding among those that Python knows it by."""
    return codecs.lookup(encoding).name


def _is_text_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        return False
