"""What windows aggregate: columns of the events, or the events themselves, seen through filters."""

import functools
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.comparisons import compare, has_value
from forebay.transforms.definition.windows.windowed import Where
from forebay.transforms.hashing import hash_values


@dataclass(frozen=True)
class ValueColumn:
    """What is aggregated: a column of the events, or the events themselves, seen through a filter.

    Attributes:
        source: the column; None: 1 for each event.
        nulls: whether to take 1 for each event without a value in the column, instead of the value.
        where: the conditions that an event must pass; the values of others are missing.
        hashed: whether to take 64-bit hashes of the text in the column, instead of the text.
        text: whether what is taken is text.
    """

    source: str | None
    nulls: bool = False
    where: tuple[Where, ...] = ()
    hashed: bool = False
    text: bool = False

    @property
    def label(self) -> str:
        """The name of this column among a group's."""
        name = self.source or "events"
        name = f"nulls of {name}" if self.nulls else f"hashes of {name}" if self.hashed else name
        return " and ".join([name, *(condition.label for condition in self.where)])

    def take(self, batch: pa.RecordBatch) -> pa.Array:
        """Returns the values of a batch of rows, missing where there is none."""
        ones = pa.array(np.ones(len(batch), np.int64))
        values = ones if self.source is None else batch[self.source]
        if self.nulls:
            values = pc.if_else(has_value(values), None, ones)
        if self.hashed:
            hashes = hash_values(values).view(np.int64)
            values = pc.if_else(pc.is_valid(values), pa.array(hashes), None)
        return pc.if_else(passes(self.where, batch), values, None) if self.where else values


def passes(where: tuple[Where, ...], batch: pa.RecordBatch) -> pa.Array:
    """Tells which rows meet all of some conditions, at least one, bool (n,).

    A missing, NaN or infinite value meets none.
    """
    met = [
        pc.and_(has_value(batch[condition.column]), _compared(condition, batch))
        for condition in where
    ]
    return functools.reduce(pc.and_, met)


def _compared(condition: Where, batch: pa.RecordBatch) -> pa.Array:
    met = compare(batch[condition.column], condition.comparison, condition.value)
    return pc.fill_null(met, False)
