"""A column of text, read as the kind that it seems to be."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.init.texts import Texts
from forebay.transforms.definition.columns import Column
from forebay.transforms.parsing.casts import to_mask

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class GuessedColumn:
    """A column read as the kind it seems to be.

    Attributes:
        name: the column.
        column: how it is read.
        texts: the column as text.
        values: the distinct texts as values of that kind; null where missing or unreadable.
        reasons: what led to the guess, where that is not obvious.
    """

    name: str
    column: Column
    texts: Texts
    values: pa.Array
    reasons: tuple[str, ...] = ()

    @cached_property
    def failing(self) -> BoolArray:
        """The distinct texts that neither mean missing nor can be read, bool (d,)."""
        missing = pc.is_in(self.texts.distinct, pa.array(self.column.nulls, pa.string()))
        return ~to_mask(missing) & ~to_mask(self.values.is_valid())

    def of_rows(self) -> pa.Array:
        """Returns the value of each row of the sample."""
        return self.values.take(pa.array(self.texts.codes))


def read_as(reading: GuessedColumn, column: Column, *reasons: str) -> GuessedColumn:
    """Reads a column as a given kind instead; its texts for missing stay."""
    column = replace(column, nulls=reading.column.nulls)
    values = reading.texts.read_as(column)
    return replace(reading, column=column, values=values, reasons=reasons)
