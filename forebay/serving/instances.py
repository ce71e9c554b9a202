"""Rows as JSON objects, read into the columns that a served model takes.

A value is what the column's kind says: a Number or Integer is a JSON number, a Boolean true or
false, a String text or ``{"b64": ...}``, Bytes ``{"b64": ...}`` and Numbers a JSON array. A
Timestamp or a Date is what a table's cell of it says, or RFC 3339; a number counts the Timestamp's
own unit, microseconds if it has none. null is a missing value, and so is a number that the column
lists among its nulls.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from forebay.storage.run.exported import NUMPY_DTYPES
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.errors import InstanceError
from forebay.transforms.json_text import parse_json
from forebay.transforms.parsing.json_values import GraphValue, listed, read_value, shortened

Row = Mapping[str, Any]


class InstanceReader:
    """Reads JSON rows for a model.

    Args:
        definition: the definition of the model's dataset.
    """

    def __init__(self, definition: Dataset) -> None:
        self._label = definition.label.column
        kinds = definition.all_columns
        self.columns = {name: kinds[name] for name in definition.served_columns}
        self._dtypes = {name: definition.graph_dtypes[name] for name in self.columns}

    def parse(self, line: bytes) -> dict[str, Any]:
        """Reads one line of JSON as an object.

        Raises:
            InstanceError: it is not one.
        """
        try:
            value = parse_json(line, parse_constant=_refuse_constant, object_pairs_hook=_unique)
        except ValueError as error:
            raise InstanceError(
                f"not JSON ({error}); write one object per line, such as "
                '{"column": 1.5, "other": null}'
            ) from error
        if not isinstance(value, dict):
            raise InstanceError(
                f"{shortened(value)} is not an object; write the row's columns as {{...}}"
            )
        return value

    def read(self, row: Row) -> dict[str, GraphValue]:
        """Turns a row into the graph's values, by column.

        Raises:
            InstanceError: a column is absent or unknown, or a value does not fit; it names the
                value, what is expected and what to write.
        """
        self._check_keys(row)
        return {
            name: read_value(name, column, row[name], self._dtypes[name])
            for name, column in self.columns.items()
        }

    def arrays(self, rows: Sequence[Mapping[str, GraphValue]]) -> dict[str, npt.NDArray[Any]]:
        """Gathers what `read` returned into arrays (rows,), by column."""
        return {
            name: np.array([row[name] for row in rows], NUMPY_DTYPES[dtype])
            for name, dtype in self._dtypes.items()
        }

    def _check_keys(self, row: Row) -> None:
        if self._label in row and self._label not in self.columns:
            raise InstanceError(
                f"{self._label!r} is the label, which the model is to predict; leave it out"
            )
        unknown = sorted(set(row) - set(self.columns))
        if unknown:
            raise InstanceError(
                f"the model takes no {listed(unknown)}; leave out what is not one of "
                f"{listed(self.columns)}"
            )
        absent = [name for name in self.columns if name not in row]
        if absent:
            raise InstanceError(
                f"{listed(absent)} absent; give every column, null where it is missing"
            )


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number in JSON; write null where a number is missing")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return row
