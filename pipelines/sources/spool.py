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
from typing import IO, Any

import pyarrow.ipc as pa_ipc

from forebay.pipelines.sources.bigquery.address import BigQuery
from forebay.pipelines.sources.files import SourceFile, found_at
from forebay.pipelines.sources.frames import NOT_A_TABLE, ArrowTable, Frame, no_table, reader_of
from forebay.pipelines.sources.named_inputs import SplitInput
from forebay.transforms.errors import InputError

STANDARD_INPUT = "-"
_BLOCK = 1 << 20


# What names the files of a table, or is one.
Given = str | os.PathLike[str] | Frame | BigQuery
# One of these, or several.
Inputs = Given | Sequence[Given]
# Those of a dataset's own table: where its split is by inputs, by the name of their split.
RowInputs = Inputs | Mapping[str, Inputs] | Sequence[Given | SplitInput]


def several(inputs: Inputs) -> tuple[Given, ...]:
    """Returns what is given for a table one by one; a list of dicts is one table."""
    if isinstance(inputs, os.PathLike):
        return (os.fspath(inputs),)
    if isinstance(inputs, str | BigQuery | ArrowTable) or not isinstance(inputs, Sequence):
        return (inputs,)
    if isinstance(inputs, list) and all(isinstance(one, Mapping) for one in inputs):
        return (inputs,)
    found: Sequence[Any] = inputs
    return tuple(os.fspath(one) if isinstance(one, os.PathLike) else one for one in found)


def several_by_split(inputs: RowInputs) -> tuple[Given | SplitInput, ...]:
    """Returns what is given for a dataset's own table one by one, as `several` does."""
    if isinstance(inputs, Mapping):
        return tuple(
            SplitInput(split, one) for split, given in inputs.items() for one in several(given)
        )
    found: Any = inputs
    return several(found)


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


def kept(given: Given, number: int, argument: str) -> SourceFile:
    """Reads an input that is not a regular file, once, to its end.

    Args:
        given: the input.
        number: its place among all inputs.
        argument: what a table in memory is given as in Python, for errors and its name.

    Raises:
        InputError: it is empty, cannot be read, or is not a table.
    """
    place = os.path.join(_folder().name, f"input-{number:05d}")
    if isinstance(given, str):
        name = "standard input" if given == STANDARD_INPUT else given
        _copy(given, name, place)
    else:
        name = f"the {type(given).__name__} given as {argument}"
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
    reader = reader_of(given, name)
    try:
        with open(place, "wb") as sink, pa_ipc.new_file(sink, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
    except NOT_A_TABLE as error:
        raise no_table(name, error) from error
