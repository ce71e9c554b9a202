"""Columns derived of others by the definition's functions."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.row_identity import ROW_OFFSET
from forebay.transforms.definition.sources import Derive
from forebay.transforms.errors import InputError


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
    try:
        result: Mapping[str, Any] = function(batch.select(list(step.inputs)))
        arrays = {
            name: _as_array(result[name]).cast(column.arrow_type)
            for name, column in step.outputs.items()
        }
    except Exception as error:
        raise InputError(
            f"the function {step.function!r} failed ({type(error).__name__}: {error}); "
            f"it must return Arrow arrays for {', '.join(step.outputs)}"
        ) from error
    for name, array in arrays.items():
        if len(array) != len(batch):
            raise InputError(
                f"the function {step.function!r} returned {len(array)} values of {name!r} for "
                f"{len(batch)} rows; return one for each row"
            )
        batch = batch.append_column(name, array)
    required = [name for name, column in step.outputs.items() if column.required]
    return _without_missing(batch, required, place)


def _as_array(values: Any) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else pa.array(values)


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
