"""After the windows: which split each row goes to, and what leaves without an example."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.labels import Classification
from forebay.transforms.definition.sources import ROW
from forebay.transforms.definition.splits import NO_SPLIT, SPLITS

NO_ROW_TIME, NO_LABEL, NO_CLASS = "no row time", "no label", "label is no class"


@dataclass(frozen=True)
class SplitRows:
    """The rows of one shard, sorted out.

    Attributes:
        splits: the graph's columns of each split's rows, by split; splits without rows are absent.
        dropped: how many rows left, by cause.
        rejected: int64 (n,), identities of the rows that the split or the weight refuses, by
            reason; reasons without rows are absent.
    """

    splits: dict[str, pa.RecordBatch]
    dropped: dict[str, int]
    rejected: dict[str, pa.Array]


def split_rows(batch: pa.RecordBatch, dataset: Dataset) -> SplitRows:
    """Sorts rows into splits.

    A row without a row time leaves first, then one without a label (missing or not finite), then
    one whose label is not one of the classes. Then come the rejects: rows without a value to split
    on, and rows whose weight is no weight.
    """
    dropped = {}
    remaining = np.ones(len(batch), bool)
    if dataset.row_time is not None:
        remaining = pc.is_valid(batch[dataset.row_time]).to_numpy(zero_copy_only=False)
        dropped[NO_ROW_TIME] = int(len(batch) - remaining.sum())
    labelled = _has_value(batch[dataset.label.column])
    dropped[NO_LABEL] = int((remaining & ~labelled).sum())
    remaining &= labelled
    if isinstance(dataset.label, Classification):
        known = _is_class(batch[dataset.label.column], dataset.label)
        dropped[NO_CLASS] = int((remaining & ~known).sum())
        remaining &= known
    split = dataset.split.assign(batch[dataset.split_column])
    rejected = {}
    for reason, refused in _refusals(batch, dataset, split):
        rejected[reason] = batch[ROW].filter(pa.array(remaining & refused))
        remaining &= ~refused
    rows = batch.select(list(dataset.graph_columns))
    splits = {
        name: rows.filter(pa.array(remaining & (split == i))) for i, name in enumerate(SPLITS)
    }
    return SplitRows(
        {name: found for name, found in splits.items() if len(found)},
        {cause: count for cause, count in dropped.items() if count},
        {reason: found for reason, found in rejected.items() if len(found)},
    )


def _refusals(
    batch: pa.RecordBatch, dataset: Dataset, split: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields reasons to reject a row, and bool (n,) which rows they are true of."""
    yield f"{dataset.split_column}: missing, so the row has no split", split == NO_SPLIT
    if dataset.weight is not None:
        weight = batch[dataset.weight]
        there = _has_value(weight)
        yield f"{dataset.weight}: missing or not finite, so the row has no weight", ~there
        negative = pc.fill_null(pc.less(weight, 0), False).to_numpy(zero_copy_only=False)
        yield f"{dataset.weight}: negative, and no weight can be", there & negative


def _is_class(column: pa.Array, label: Classification) -> np.ndarray:
    classes = pa.array(label.classes, column.type)
    return pc.is_in(column, classes).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _has_value(column: pa.Array) -> np.ndarray:
    present = pc.is_valid(column)
    if pa.types.is_floating(column.type):
        present = pc.and_(present, pc.fill_null(pc.is_finite(column), False))
    return present.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
