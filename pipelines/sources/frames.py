"""Tables in memory: what other libraries' frames are as Arrow, and what is given back."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import pyarrow as pa

from forebay.transforms import html
from forebay.transforms.definition.fields.words import named
from forebay.transforms.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_ROWS_SHOWN = 10


@runtime_checkable
class ArrowTable(Protocol):
    """A table in memory that other libraries can take: of pandas, Polars, pyarrow or DuckDB."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Returns the table as an Arrow stream (the PyCapsule interface)."""


# A table in memory; dicts are its rows.
Frame = ArrowTable | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Table:
    """A table that Forebay gives back; pandas, Polars, pyarrow and DuckDB take it as it is.

    Attributes:
        arrow: the table as Arrow holds it.
    """

    arrow: pa.Table

    def __len__(self) -> int:
        return len(self.arrow)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Returns the table as an Arrow stream (the PyCapsule interface)."""
        return self.arrow.__arrow_c_stream__(requested_schema)

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return list(self.arrow.column_names)

    def to_pandas(self) -> pd.DataFrame:
        """Returns the table as a data frame of pandas.

        Raises:
            InputError: pandas is not installed.
        """
        _import("pandas")
        fields = [field.with_type(_without_views(field.type)) for field in self.arrow.schema]
        known = pa.schema(fields, self.arrow.schema.metadata)
        return self.arrow.cast(known).to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """Returns the table as a data frame of Polars.

        Raises:
            InputError: Polars is not installed.
        """
        _import("polars")
        import polars

        return polars.DataFrame(self.arrow)

    def __repr__(self) -> str:
        return f"Table of {len(self):,} rows: {', '.join(self.columns)}"

    def _repr_html_(self) -> str:
        first = self.arrow.slice(0, _ROWS_SHOWN)
        columns = [column.to_pylist() for column in first.columns]
        more = f"the first {_ROWS_SHOWN} of them" if len(self) > _ROWS_SHOWN else ""
        return html.heading(f"{len(self):,} rows", more) + html.table(
            self.columns, zip(*columns, strict=True)
        )


def reader_of(frame: Any, name: str) -> pa.RecordBatchReader:
    """Returns what reads a table in memory.

    Args:
        frame: a data frame of pandas or Polars, an Arrow table, a relation of DuckDB, or dicts.
        name: what it is called in errors.

    Raises:
        InputError: it is no table.
    """
    try:
        if isinstance(frame, ArrowTable):
            return pa.RecordBatchReader.from_stream(frame)
        return _of_records(frame).to_reader()
    except NOT_A_TABLE as error:
        raise no_table(name, error) from error


# What is raised by what turns out to be no table, while it is read.
NOT_A_TABLE = (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError)


def no_table(name: str, error: Exception) -> InputError:
    """Returns the error that says that something is no table."""
    return InputError(
        f"{name} cannot be read as a table ({error}); give a data frame of pandas or Polars, "
        "an Arrow table, a relation of DuckDB or a list of dicts"
    )


def as_arrow(frame: Any, name: str) -> pa.Table:
    """Returns a table in memory as an Arrow table; arguments as for `reader_of`.

    Raises:
        InputError: it is no table.
    """
    if isinstance(frame, pa.Table):
        return frame
    reader = reader_of(frame, name)
    try:
        return reader.read_all()
    except NOT_A_TABLE as error:
        raise no_table(name, error) from error


def _of_records(records: Any) -> pa.Table:
    """Returns dicts as a table that has the columns of all of them.

    Raises:
        TypeError: something is no dict, or one is given alone.
    """
    if not isinstance(records, Iterable) or isinstance(records, str | bytes | Mapping):
        raise TypeError(f"it is {_told(records)}")
    rows = list(records)
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TypeError(f"its row {number} is {_told(row)}, not a dict")
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def _told(value: Any) -> str:
    kind = named(value, ())
    return (
        f"{reprlib.repr(value)}, {kind}" if isinstance(value, str | bytes | int | float) else kind
    )


def _without_views(given: pa.DataType) -> pa.DataType:
    """Returns a type without the text of Polars, which pyarrow cannot give to pandas in lists."""
    if pa.types.is_string_view(given):
        return pa.large_string()
    if pa.types.is_binary_view(given):
        return pa.large_binary()
    if pa.types.is_list(given):
        return pa.list_(_without_views(given.value_type))
    if pa.types.is_large_list(given):
        return pa.large_list(_without_views(given.value_type))
    return given


def _import(name: str) -> None:
    import importlib

    try:
        importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"{name} is not installed ({error}); `pip install {name}`, or take the Arrow table, "
            ".arrow"
        ) from error
