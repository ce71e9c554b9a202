"""Columns of text, which guesses are made from."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.parsing.cells import read_cells


@dataclass(frozen=True)
class Texts:
    """A column of the sample as text, d distinct texts in n rows.

    Attributes:
        distinct: string (d,), in order of first appearance.
        codes: int (n,), which text each row has.
        format: how numbers are written in it.
        type: the type of its values, where they are no texts.
    """

    distinct: pa.StringArray
    codes: npt.NDArray[np.int32]
    format: CsvFormat = field(default_factory=CsvFormat)
    type: pa.DataType | None = None

    @property
    def blank(self) -> npt.NDArray[np.bool_]:
        """The rows without a text, or with one of blanks only, bool (n,)."""
        blanks = [not text.strip() for text in self.distinct.to_pylist()]
        return np.array(blanks, np.bool_)[self.codes]

    def take(self, rows: npt.NDArray[np.bool_]) -> "Texts":
        """Returns the column of some of the rows."""
        codes, places = np.unique(self.codes[rows], return_inverse=True)
        return replace(self, distinct=self.distinct.take(pa.array(codes)),
                       codes=places.astype(np.int32))  # fmt: skip

    def read_as(self, column: Column) -> pa.Array:
        """Returns the distinct texts as values of a kind; null where missing or unreadable."""
        return read_cells(self.distinct.cast(pa.binary()), column, self.format).values

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """How many rows have each text, int64 (d,)."""
        return np.bincount(self.codes, minlength=len(self.distinct))


def as_texts(column: pa.Array | pa.ChunkedArray) -> Texts:
    """Returns a column of text, string (n,) without nulls, as its distinct texts."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = whole.dictionary_encode()
    return Texts(encoded.dictionary, encoded.indices.to_numpy())
