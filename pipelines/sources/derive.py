"""Columns derived of others by the definition's functions."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.row_identity import ROW_OFFSET
from forebay.transforms.definition.sources import Derive
from forebay.transforms.parsing.derived import derived_columns


def derive(
    batch: pa.RecordBatch, step: Derive, function: Any, place: str = ROW_OFFSET
) -> tuple[pa.RecordBatch, list[Reject]]:
    """Adds derived columns to a batch; rows that lack a required one are rejected.

    Args:
        batch: the rows.
        step: what to derive.
        function: the step's.
        place: the column with what the rejects have for an offset.

    Raises:
        InputError: the function failed, or returned something other than it declared.
    """
    for name, array in derived_columns(batch, step, function).items():
        batch = batch.append_column(name, array)
    required = [name for name, column in step.outputs.items() if column.required]
    return _without_missing(batch, required, place)


def _without_missing(
    batch: pa.RecordBatch, required: Sequence[str], place: str
) -> tuple[pa.RecordBatch, list[Reject]]:
    rejects: list[Reject] = []
    for name in required:
        present = pc.is_valid(batch[name])
        missing = batch[place].filter(pc.invert(present)).to_pylist()
        category = f"{name}: missing required value"
        rejects += [Reject(offset, category, None, category) for offset in missing]
        batch = batch.filter(present)
    return batch, rejects
