"""What kind of sink a name means."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pyarrow as pa

from forebay.pipelines.sinks.csv import Csv
from forebay.pipelines.sinks.files import STANDARD_OUTPUT, FileOutput
from forebay.pipelines.sinks.json_lines import JsonLines
from forebay.pipelines.sinks.outputs import TableOutput
from forebay.pipelines.sinks.parquet_file import Parquet
from forebay.pipelines.sources.bigquery.address import BigQuery, as_bigquery, table_address
from forebay.storage.entries import identity
from forebay.storage.names import is_remote
from forebay.transforms.errors import InputError

_FILES: dict[str, type[FileOutput]] = {".csv": Csv, ".parquet": Parquet}
# What names of other kinds of files end with, none of which is written.
_OTHERS = {
    "compressed files": (".gz", ".bz2", ".xz", ".zst", ".zip"),
    "tables separated by tabs": (".tsv", ".tab"),
    "Arrow files": (".arrow", ".feather", ".ipc"),
    "Excel workbooks": (".xls", ".xlsx"),
    "Avro files": (".avro",),
    "ORC files": (".orc",),
    "TFRecord files": (".tfrecord", ".tfrecords"),
    "Python modules": (".py",),
}


def open_output(
    given: str | BigQuery, option: str, inputs: Sequence[str] = (), *, sparse: bool = False
) -> TableOutput:
    """Opens a sink by its name: a table of BigQuery, CSV or Parquet by its ending, or JSON lines.

    Args:
        given: the name.
        option: what it was given by, for errors.
        inputs: what is read, by whatever names: it is not written to.
        sparse: whether what is missing is left out, where a row names its values.

    Raises:
        InputError: the name is none.
    """
    bigquery = as_bigquery(given)
    if bigquery is not None:
        from forebay.pipelines.sinks.bigquery.output import open_table

        return open_table(bigquery, option, inputs)
    path = str(given)
    return _kind_of(path, option)(path, option, tuple(inputs), sparse)


def check_lines_output(path: str, option: str) -> None:
    """Checks that a name may be one of JSON lines.

    Raises:
        InputError: it is that of another kind of file.
    """
    if _kind_of(path, option) is not JsonLines:
        raise InputError(
            f"{option} {path!r}: JSON lines are answered by JSON lines; name it .jsonl, or "
            "give the rows as a table to --input"
        )


def _kind_of(path: str, option: str) -> type[FileOutput]:
    """Returns the kind of file that a name means by its ending, whatever its capitals."""
    lower = path.lower()
    for what, endings in _OTHERS.items():
        if lower.endswith(endings):
            raise InputError(
                f"{option} {path!r}: {what} are not written; name it .jsonl, .csv or .parquet"
            )
    return next((kind for suffix, kind in _FILES.items() if lower.endswith(suffix)), JsonLines)


def check_apart(given: Sequence[tuple[str, str | BigQuery]]) -> None:
    """Checks that no two outputs of a command are one, and that none lies within another.

    Args:
        given: each one's option and name.

    Raises:
        InputError: two are, or one does.
    """
    for (option, name), (other, first) in permutations(reversed(given), 2):
        place, against = _place(name), _place(first)
        mine, others = f"{option} {_name(name)!r}", f"{other} {_name(first)!r}"
        if place == against != os.devnull:
            raise InputError(f"{mine} is what {others} is; choose another")
        if _is_within(place, against):
            raise InputError(f"{mine} lies within {others}; choose another")


def _name(given: str | BigQuery) -> str:
    return given.name if isinstance(given, BigQuery) else given


def _place(given: str | BigQuery) -> str:
    """Returns what tells an output from others, however it is named."""
    bigquery = as_bigquery(given)
    if bigquery is not None:
        return table_address(bigquery.name).resource
    path = str(given)
    if is_remote(path):
        return path.rstrip("/")
    return path if path == STANDARD_OUTPUT else os.path.realpath(path)


def _is_within(place: str, folder: str) -> bool:
    """Tells whether a place lies below another, however the folders on the way are written."""
    if place.startswith(f"{folder}/"):
        return True
    found = identity(folder) if os.path.isabs(place) else None
    return found is not None and found in (identity(str(path)) for path in Path(place).parents)


def check_all(outputs: Sequence[tuple[TableOutput, pa.Schema]]) -> None:
    """Checks that rows can be written to several outputs; see `TableOutput.check`.

    Raises:
        InputError: they cannot; what is wrong with each is told.
    """
    problems = []
    for output, schema in outputs:
        try:
            output.check(schema)
        except InputError as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise InputError("; and ".join(map(str, problems)))
