"""What callers give that no table has: counts below 0, a least value above the greatest, 1970."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forebay.console.words import counted
from forebay.transforms.definition.columns import Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.windows.operators import Op

Arrays = Mapping[str, npt.NDArray[Any]]
BoolArray = npt.NDArray[np.bool_]

_WHOLE = ("count", "count_nulls")
_NEVER_NEGATIVE = (*_WHOLE, "distinct", "std", "var", "seconds_since_last")
# Milliseconds since 1970 that are taken for microseconds lie in here until the year 2100.
_NEAR_1970_US = 48 * 86_400_000_000


@dataclass(frozen=True)
class _Column:
    """A windowed column: its name, and how it is computed."""

    name: str
    op: Op

    def given(self, arrays: Arrays) -> npt.NDArray[Any]:
        """Returns its values, NaN for the default, which may be any number."""
        values = arrays[self.name]
        return values if self.op.default is None else np.where(
            values == np.float32(self.op.default), np.nan, values
        )  # fmt: skip


class Doubts:
    """Tells values that a model takes, but that were computed otherwise than in training.

    Args:
        definition: the definition of the model's dataset.
    """

    def __init__(self, definition: Dataset) -> None:
        served = definition.served_columns
        self._times = {
            name: kind.unit or "us"
            for name, kind in definition.all_columns.items()
            if name in served and isinstance(kind, Timestamp)
        }
        windows = [
            {name: key for name, key in windowed.outputs.items() if name in served}
            for windowed in definition.windows
        ]
        self._numbers = [
            _Column(name, op)
            for outputs in windows
            for name, (op, _, _) in outputs.items()
            if op.name in _NEVER_NEGATIVE
        ]
        self._pairs = [
            (_Column(least, low), _Column(greatest, high))
            for outputs in windows
            for least, (low, *where) in outputs.items()
            for greatest, (high, *other) in outputs.items()
            if (low.name, high.name) == ("min", "max") and where == other
        ]

    def of(self, arrays: Arrays) -> dict[str, int]:
        """Returns in how many rows there is a doubt, by what it is, those with rows.

        Args:
            arrays: the served columns, (n,) each, as the model takes them.
        """
        counts = {told: int(doubtful.sum()) for told, doubtful in self._found(arrays)}
        return {told: count for told, count in counts.items() if count}

    def _found(self, arrays: Arrays) -> Iterator[tuple[str, BoolArray]]:
        for column in self._numbers:
            values, op = column.given(arrays), column.op.name
            yield f"{column.name} is below 0, which {op} never is", values < 0
            if op in _WHOLE:
                fraction = np.isfinite(values) & (values != np.floor(values))
                yield f"{column.name} is no whole number, as {op} is", fraction
        for low, high in self._pairs:
            yield f"{low.name} is above {high.name}", low.given(arrays) > high.given(arrays)
        for name, unit in self._times.items():
            told = f"{name} is within 48 days of 1970: are its numbers {unit}?"
            yield told, (arrays[name] > -_NEAR_1970_US) & (arrays[name] < _NEAR_1970_US)


def told(doubt: str, rows: int) -> str:
    """Writes a doubt as a warning."""
    return (
        f"in {counted(rows, 'row')} {doubt}; give what the definition says, or expect poor answers"
    )
