"""What can be read once only, kept as a file: standard input, named pipes, and tables in memory.

A table is read twice at least: to be cut into stretches, and then those. What is kept lies in a
folder of this process's own and is gone with it.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from typing import IO, Any, Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.ipc as pa_ipc

from forebay.pipelines.sources.bigquery.address import BigQuery
from forebay.pipelines.sources.files import SourceFile, found_at
from forebay.transforms.errors import InputError

STANDARD_INPUT = "-"
_BLOCK = 1 << 20


@runtime_checkable
class ArrowTable(Protocol):
    """A table in memory that other libraries can take: of pandas, Polars, pyarrow or DuckDB."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Returns the table as an Arrow stream (the PyCapsule interface)."""


# What names the files of a table, or is one.
Given = str | ArrowTable | Sequence[Mapping[str, Any]] | BigQuery


def is_read_once(given: Given) -> bool:
    """Tells whether an input has to be kept to be read, because it is not a regular file."""
    if not isinstance(given, str):
        return True
    if given == STANDARD_INPUT:
        return True
    try:
        mode = os.stat(given).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def kept(given: Given, number: int) -> SourceFile:
    """Reads an input that is not a regular file, once, to its end.

    Raises:
        InputError: it is empty, cannot be read, or is not a table.
    """
    place = os.path.join(_folder().name, f"input-{number:05d}")
    if isinstance(given, str):
        name = "standard input" if given == STANDARD_INPUT else given
        _copy(given, name, place)
    else:
        name = f"the {type(given).__name__}"
        _write(given, name, place)
    found = found_at(place)
    if not found.size:
        raise InputError(f"{name} is empty; nothing was written to it")
    return SourceFile(name, found.size, number, found.version, place=place)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Returns the folder, which is removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="forebay-inputs-")


def _copy(given: str, name: str, place: str) -> None:
    try:
        with _opened(given) as source, open(place, "wb") as sink:
            while block := source.read(_BLOCK):
                sink.write(block)
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error}); write it to a file first") from error


def _opened(given: str) -> IO[bytes]:
    if given == STANDARD_INPUT:
        if sys.stdin is None or sys.stdin.isatty():
            raise InputError(
                "--input -: standard input is a terminal; write such as "
                "`zcat rows.csv.gz | forebay ...`, or name a file"
            )
        return open(sys.stdin.fileno(), "rb", closefd=False)
    return open(given, "rb")


def _write(given: Any, name: str, place: str) -> None:
    try:
        if isinstance(given, ArrowTable):
            reader = pa.RecordBatchReader.from_stream(given)
        else:
            reader = _of_records(given).to_reader()
        with open(place, "wb") as sink, pa_ipc.new_file(sink, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
    except (pa.ArrowException, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{name} cannot be read as a table ({error}); give a data frame of pandas or Polars, "
            "an Arrow table, a list of dicts, or the path of a file"
        ) from error


def _of_records(records: Any) -> pa.Table:
    """Returns dicts as a table that has the columns of all of them."""
    rows = list(records)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: [row.get(name) for row in rows] for name in names})
