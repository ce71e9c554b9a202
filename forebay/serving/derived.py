"""Columns that a row of the table itself lacks: computed by the definition's functions."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from forebay.transforms.definition.columns import MISSING, Column, GraphDtype
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.functions import resolve
from forebay.transforms.definition.new_rows import new_rows
from forebay.transforms.definition.sources import Derive
from forebay.transforms.errors import InputError, InstanceError
from forebay.transforms.graph.fed import marked_column
from forebay.transforms.parsing.derived import derived_columns
from forebay.transforms.parsing.json_values import (
    REJECTED,
    GraphValue,
    listed,
    read_value,
    shortened,
)
from forebay.transforms.parsing.typed_cells import held_against, python_values

Row = Mapping[str, Any]


class DerivedColumns:
    """Computes derived columns of one row at a time.

    Args:
        definition: the definition of the model's dataset.
    """

    def __init__(self, definition: Dataset) -> None:
        self._definition = definition
        self._wanted = new_rows(definition).wanted
        self._steps = {
            name: step for step in definition.steps_at_reading for name in step.outputs
        }  # fmt: skip

    def inputs_of(self, names: frozenset[str]) -> frozenset[str]:
        """Returns the columns of the table that some columns are derived of."""
        found = frozenset(one for n in names if n in self._steps for one in self._steps[n].inputs)
        return (found & {*self._definition.columns}) | (self.inputs_of(found) if found else found)

    def made(self, name: str, row: Row) -> pa.Array | None:
        """Returns a column of the row, (1,); None: it is not derived of what the row has.

        Raises:
            InstanceError: a value of the row does not fit, the function fails, or it makes a value
                that its column does not allow.
        """
        inputs = self.inputs_of(frozenset([name]))
        if not inputs & {*row} or not inputs & self._wanted <= {*row}:
            return None
        return self._made(name, row)

    def read(self, name: str, row: Row) -> GraphValue | None:
        """Returns a column as the graph takes it; otherwise as `made`."""
        made = self.made(name, row)
        if made is None:
            return None
        marked = marked_column(made, self._definition.graph_dtypes[name])
        value: GraphValue = marked.to_numpy(zero_copy_only=False)[0]
        return value

    def _made(self, name: str, row: Row) -> pa.Array:
        """Returns a derived column of the row, (1,), with a value that the column allows."""
        step = self._steps[name]
        values = self._derived(step, row)[name]
        held = held_against(values, step.outputs[name])
        if held.absent is not None:
            raise InstanceError(
                f"{name!r} is required, and {step.function!r} finds none in the row; "
                f"correct {listed(step.inputs)}"
            )
        if held.problems:
            raise InstanceError(
                f"{name!r} is {shortened(python_values(values)[0])} by {step.function!r}, "
                f"{held.problems[0].text}; {REJECTED}; correct {listed(step.inputs)}"
            )
        return values

    def _derived(self, step: Derive, row: Row) -> dict[str, pa.Array]:
        inputs = {name: self._input(name, row) for name in step.inputs}
        try:
            function = resolve(str(step.function))
        except InputError as error:
            raise InstanceError(
                f"{listed(step.outputs)} cannot be derived: {error}, or give these columns"
            ) from error
        try:
            return derived_columns(pa.RecordBatch.from_pydict(inputs), step, function)
        except InputError as error:
            raise InstanceError(f"on this row {error}") from error

    def _input(self, name: str, row: Row) -> pa.Array:
        if name in self._steps:
            return self._made(name, row)
        kind = self._definition.columns[name]
        dtype: GraphDtype = "float64" if kind.graph_dtype == "float32" else kind.graph_dtype
        return _as_column(read_value(name, kind, row.get(name), dtype), kind, dtype)


def _as_column(value: GraphValue, kind: Column, dtype: GraphDtype) -> pa.Array:
    """Returns one value of the graph as a column of its kind."""
    is_missing = value != value or value == MISSING[dtype]
    if is_missing:
        return pa.nulls(1, kind.arrow_type)
    if isinstance(value, bytes) and not pa.types.is_binary(kind.arrow_type):
        return pa.array([value.decode()], kind.arrow_type)
    if pa.types.is_date32(kind.arrow_type):
        return pa.array([value], pa.int32()).cast(kind.arrow_type)
    return pa.array([value]).cast(kind.arrow_type)
