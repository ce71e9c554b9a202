"""After the windows: which split each row goes to, and what leaves without an example."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.sources.row_identity import row_place
from forebay.pipelines.splits.refusals import NO_SUCH_SPLIT, refusals
from forebay.transforms.comparisons import has_value
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Classification
from forebay.transforms.definition.splits import NO_SPLIT, PREDICT, SPLITS, InputSplit
from forebay.transforms.windows.value_columns import passes

NO_ROW_TIME, NO_LABEL, NO_CLASS = "no row time", "no label", "label is no class"
# Values of a shard at fault that are told of.
VALUES_KEPT = 5

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rejected:
    """Rows that are refused for one reason.

    Attributes:
        identities: int64 (n,).
        reasons: why, one for each, with the values at fault.
    """

    identities: pa.Array
    reasons: list[str]


@dataclass(frozen=True)
class SplitRows:
    """The rows of one shard, sorted out.

    Attributes:
        splits: the graph's columns and `ROW` of each split's rows, by split; splits without rows
            are absent.
        dropped: how many rows left, by cause.
        rejected: the rows that the split, the label or the weight refuses, by the reason without
            values; reasons without rows are absent.
        labels: values that the label may not have, the most frequent ones, and of how many rows.
        undeclared: values of the split's column that stand for no split, likewise.
    """

    splits: dict[str, pa.RecordBatch]
    dropped: dict[str, int]
    rejected: dict[str, Rejected]
    labels: dict[str, int]
    undeclared: dict[str, int]


def split_rows(
    batch: pa.RecordBatch,
    dataset: Dataset,
    *,
    keep_unlabelled: bool = False,
    of_inputs: Mapping[int, str] | None = None,
) -> SplitRows:
    """Sorts rows into splits.

    A row without a row time leaves first, then one that fails the definition's ``where``, then one
    without a label (missing or not finite), then one whose label is not one of the classes. Then
    come the rejects: rows without a value to split on, and rows whose label or weight is none.

    Args:
        batch: the rows of a shard.
        dataset: the definition.
        keep_unlabelled: whether rows without a label make the split ``predict`` instead.
        of_inputs: the split of each input, by its number, where the definition splits by inputs.
    """
    remaining = np.ones(len(batch), bool)
    left: dict[str, Bools] = {}
    for cause, leaving in _drops(batch, dataset):
        left[cause] = remaining & leaving
        remaining &= ~leaving
    unlabelled = left.pop(NO_LABEL) if keep_unlabelled else np.zeros(len(batch), bool)
    labels: Counter[str] = Counter()
    undeclared: Counter[str] = Counter()
    if NO_CLASS in left:
        labels.update(_shown(batch[dataset.label.column].filter(pa.array(left[NO_CLASS]))))
    split = _assigned(batch, dataset, of_inputs or {})
    rejected = {}
    for refusal in refusals(batch, dataset, split):
        mine = pa.array(remaining & refusal.rows)
        values = batch[refusal.column].filter(mine)
        if len(values):
            rejected[refusal.category] = Rejected(batch[ROW].filter(mine), refusal.reasons(values))
        if refusal.column == dataset.label.column:
            labels.update(_shown(values))
        if refusal.text == NO_SUCH_SPLIT:
            undeclared.update(_shown(values))
        remaining &= ~refusal.rows
    rows = batch.select([*dataset.graph_columns, ROW])
    splits = {
        name: rows.filter(pa.array(remaining & (split == i))) for i, name in enumerate(SPLITS)
    }
    splits[PREDICT] = rows.filter(pa.array(unlabelled))
    return SplitRows(
        {name: found for name, found in splits.items() if len(found)},
        {cause: int(gone.sum()) for cause, gone in left.items() if gone.any()},
        rejected,
        _commonest(labels),
        _commonest(undeclared),
    )


def _drops(batch: pa.RecordBatch, dataset: Dataset) -> Iterator[tuple[str, Bools]]:
    """Yields why rows leave without an example, cause by cause in their order, and which rows."""
    label = batch[dataset.label.column]
    if dataset.row_time is not None:
        yield NO_ROW_TIME, _rows(pc.is_null(batch[dataset.row_time]))
    if dataset.conditions:
        yield fails(dataset), ~_rows(passes(dataset.conditions, batch))
    yield NO_LABEL, ~_rows(has_value(label))
    if isinstance(dataset.label, Classification):
        yield NO_CLASS, ~_rows(pc.is_in(label, pa.array(dataset.label.classes, label.type)))


def fails(dataset: Dataset) -> str:
    """Returns why a row is no example that the definition's ``where`` leaves out."""
    return f"fails {' and '.join(map(str, dataset.conditions))}"


def _assigned(batch: pa.RecordBatch, dataset: Dataset, of_inputs: Mapping[int, str]) -> np.ndarray:
    """Returns the index in `SPLITS` of each row, int8 (n,); `NO_SPLIT` for one without."""
    if isinstance(dataset.split, InputSplit):
        numbers = row_place(batch[ROW].to_numpy())[0]
        split = np.full(len(batch), NO_SPLIT, np.int8)
        for number, name in of_inputs.items():
            split[numbers == number] = SPLITS.index(name)
        return split
    return dataset.split.assign(batch[dataset.split_column])


def _commonest(values: Counter[str]) -> dict[str, int]:
    return dict(sorted(values.items(), key=lambda item: (-item[1], item[0]))[:VALUES_KEPT])


def _rows(chosen: pa.Array) -> Bools:
    return chosen.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _shown(values: pa.Array) -> Counter[str]:
    counts = values.value_counts()
    return Counter({repr(one["values"]): one["counts"] for one in counts.to_pylist()})
