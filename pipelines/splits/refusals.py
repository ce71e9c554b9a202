"""Rows that can be no examples though every cell was read: by their split, label or weight."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.comparisons import has_value
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.labels import BinaryClassification, Label
from forebay.transforms.definition.splits import NO_SPLIT

Bools = npt.NDArray[np.bool_]

NO_SUCH_SPLIT = "no value of train, eval or test"
_FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Refusal:
    """Rows that are refused for one reason.

    Attributes:
        column: the column at fault.
        text: what its values are, to follow one and "is".
        rows: bool (n,).
    """

    column: str
    text: str
    rows: Bools

    @property
    def category(self) -> str:
        """The reason without anything particular to a row, for counting."""
        return f"{self.column}: {self.text}"

    def reasons(self, values: pa.Array) -> list[str]:
        """Returns the reason of each refused row, given their values of the column."""
        return [
            self.category if value is None else f"{self.column}: {value!r} is {self.text}"
            for value in values.to_pylist()
        ]


def refusals(batch: pa.RecordBatch, dataset: Dataset, split: np.ndarray) -> Iterator[Refusal]:
    """Yields what is refused of rows that have a label.

    Args:
        batch: the rows.
        dataset: the definition.
        split: the number of each row's split, or NO_SPLIT.
    """
    apart, given = split == NO_SPLIT, _mask(pc.is_valid(batch[dataset.split_column]))
    yield Refusal(dataset.split_column, "missing, so the row has no split", apart & ~given)
    yield Refusal(dataset.split_column, NO_SUCH_SPLIT, apart & given)
    yield from label_refusals(batch[dataset.label.column], dataset.label)
    if dataset.weight is not None:
        yield from _weight_refusals(batch[dataset.weight], dataset.weight)


def label_refusals(column: pa.Array, label: Label) -> Iterator[Refusal]:
    """Yields the values that a label's column may not have."""
    if isinstance(label, BinaryClassification) and not pa.types.is_boolean(column.type):
        known = pc.or_(pc.equal(column, 0), pc.equal(column, 1))
        text = "neither 0 nor 1, and a label of two classes must be"
        yield Refusal(label.column, text, _mask(has_value(column)) & ~_mask(known))
    elif label.task == "regression":
        yield _beyond_float32(column, label.column)


def _weight_refusals(column: pa.Array, name: str) -> Iterator[Refusal]:
    missing = ~_mask(pc.is_valid(column))
    yield Refusal(name, "missing, so the row has no weight", missing)
    yield Refusal(name, "not finite, and a weight must be", ~missing & ~_mask(has_value(column)))
    yield Refusal(name, "negative, and no weight can be", _mask(pc.less(column, 0)))
    yield _beyond_float32(column, name)


def _beyond_float32(column: pa.Array, name: str) -> Refusal:
    beyond = np.zeros(len(column), np.bool_)
    if pa.types.is_floating(column.type):  # no whole number of 64 bits is so large
        beyond = _mask(pc.and_(has_value(column), pc.greater(pc.abs(column), _FLOAT32_MAX)))
    return Refusal(name, f"beyond {_FLOAT32_MAX:.3g}, the greatest number of a model", beyond)


def _mask(flags: pa.BooleanArray) -> Bools:
    return pc.fill_null(flags, False).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
