"""Rows as JSON objects, read into the columns that a served model takes.

A value is what the column's kind says: a Number or Integer is a JSON number, a Boolean true or
false, a String text or ``{"b64": ...}``, Bytes ``{"b64": ...}`` and Numbers a JSON array. A
Timestamp or a Date is what a table's cell of it says, or RFC 3339; a number counts the Timestamp's
own unit, microseconds if it has none. null is a missing value, and so is a number that the column
lists among its nulls.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from forebay.serving.derived import DerivedColumns
from forebay.storage.run.exported import NUMPY_DTYPES
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.errors import InstanceError
from forebay.transforms.json_text import parse_json
from forebay.transforms.parsing.json_values import GraphValue, listed, read_value, shortened
from forebay.transforms.plain_values import plain_values

Row = Mapping[str, Any]


class InstanceReader:
    """Reads JSON rows for a model.

    A row may be one of the table itself: its label is allowed, and a derived column that is absent
    is computed where its function can be imported.

    Args:
        definition: the definition of the model's dataset.
        ignore_extra: whether columns that the model does not take are passed over.
    """

    def __init__(self, definition: Dataset, *, ignore_extra: bool = False) -> None:
        self._ignore_extra = ignore_extra
        self._derived = DerivedColumns(definition)
        self._label = definition.label.column
        kinds = definition.all_columns
        self.columns = {name: kinds[name] for name in definition.served_columns}
        used = {*self.columns, *self._derived.inputs_of(frozenset(self.columns)), self._label}
        self._known = frozenset(used)
        self._dtypes = {name: definition.graph_dtypes[name] for name in self.columns}

    def parse(self, line: bytes) -> dict[str, Any]:
        """Reads one line of JSON as an object.

        Raises:
            InstanceError: it is not one.
        """
        try:
            value = parse_json(
                line,
                parse_constant=_refuse_constant,
                parse_float=_finite,
                object_pairs_hook=_unique,
            )
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
        if not self._ignore_extra:
            self._check_known(row)
        values: dict[str, GraphValue] = {}
        absent = []
        for name, column in self.columns.items():
            if name in row:
                values[name] = read_value(name, column, row[name], self._dtypes[name])
            elif (found := self._derived.read(name, row)) is not None:
                values[name] = found
            else:
                absent.append(name)
        if absent:
            raise InstanceError(
                f"{listed(absent)} absent; give every column, null where it is missing"
            )
        return values

    def carried(self, row: Row, names: Sequence[str]) -> dict[str, Any]:
        """Returns columns of a row that was read, as an answer has them.

        They are as they were given, or as JSON says what was derived; those that are neither are
        left out.
        """
        found = {name: row[name] for name in names if name in row}
        for name in {*names} & {*self.columns} - {*row}:
            found[name] = plain_values(self._derived.made(name, row))[0]
        return {name: found[name] for name in names if name in found}

    def arrays(self, rows: Sequence[Mapping[str, GraphValue]]) -> dict[str, npt.NDArray[Any]]:
        """Gathers what `read` returned into arrays (rows,), by column."""
        return {
            name: np.array([row[name] for row in rows], NUMPY_DTYPES[dtype])
            for name, dtype in self._dtypes.items()
        }

    def _check_known(self, row: Row) -> None:
        unknown = sorted(set(row) - self._known)
        if unknown:
            raise InstanceError(
                f"the model takes no {listed(unknown)}; leave out what is not one of "
                f"{listed(self.columns)}, or pass over it with --ignore-extra"
            )


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number in JSON; write null where a number is missing")


def _finite(text: str) -> float:
    """Reads a number, which comes back in the answer: JSON can write none that is not finite."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is beyond any float64; write null where a number is missing")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return row
