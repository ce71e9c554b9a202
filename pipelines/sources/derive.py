"""Columns derived of others by the definition's functions."""

from typing import Any

import pyarrow as pa

from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.row_identity import ROW_OFFSET
from forebay.pipelines.sources.rows import row_faults, without_rows
from forebay.transforms.definition.sources import Derive
from forebay.transforms.parsing.derived import derived_columns
from forebay.transforms.parsing.typed_cells import held_against


def derive(
    batch: pa.RecordBatch, step: Derive, function: Any, place: str = ROW_OFFSET
) -> tuple[pa.RecordBatch, list[Reject]]:
    """Adds derived columns to a batch; rows with a value that these do not allow are rejected.

    Args:
        batch: the rows.
        step: what to derive.
        function: the step's.
        place: the column with what the rejects have for an offset.

    Raises:
        InputError: the function failed, or returned something other than it declared.
    """
    made = derived_columns(batch, step, function)
    held = {name: held_against(array, step.outputs[name]) for name, array in made.items()}
    for name, cells in held.items():
        batch = batch.append_column(name, cells.values)
    faults = row_faults(held, made, batch[place].to_numpy())
    rejects = [Reject(fault.offset, fault.reason, None, fault.category) for fault in faults]
    return without_rows(batch, faults)[0], rejects
