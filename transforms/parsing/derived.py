"""What a definition's functions derive of a batch of rows."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from forebay.transforms.definition.sources import Derive
from forebay.transforms.errors import InputError


def derived_columns(
    batch: pa.RecordBatch, step: Derive, function: Callable[..., Any]
) -> dict[str, pa.Array]:
    """Returns the outputs of a step for each row of a batch, in the types of their kinds.

    Args:
        batch: rows with the step's inputs.
        step: what to derive.
        function: the step's.

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
                f"the function {step.function!r} returned an array of {len(array)} for {name!r}, "
                f"given a batch of {len(batch)}; return one value for each row"
            )
    return arrays


def _as_array(values: Any) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else pa.array(values)
