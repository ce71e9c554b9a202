"""The inputs of every table that a definition reads: the dataset's own, and its sources'."""

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from forebay.pipelines.sources.bigquery.address import BigQuery, as_bigquery
from forebay.pipelines.sources.bigquery.input import open_bigquery
from forebay.pipelines.sources.files import SourceFile, new_files
from forebay.pipelines.sources.inputs import FileInput, TableInput
from forebay.pipelines.sources.kinds import open_input
from forebay.pipelines.sources.named_inputs import (
    INPUT,
    Option,
    SplitInput,
    source_option,
    split_option,
)
from forebay.pipelines.sources.spool import (
    Given,
    Inputs,
    RowInputs,
    is_read_once,
    kept,
    several,
    several_by_split,
)
from forebay.storage.run.definition_files import definition_file
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROWS, Source
from forebay.transforms.definition.splits import SPLITS, InputSplit
from forebay.transforms.errors import InputError

# The inputs of each table, by its name.
Tables = Mapping[str, Sequence[TableInput]]


def open_tables(dataset: Dataset, inputs: RowInputs, sources: Mapping[str, Inputs]) -> Tables:
    """Finds the files of every table and checks that they hold it.

    Args:
        dataset: the definition.
        inputs: the dataset's own table: files or globs, ``-`` for standard input, tables and
            queries of BigQuery, or tables in memory; named by their split where the definition
            splits by inputs.
        sources: those of each of its sources.

    Returns:
        The inputs of each table; they are numbered through all tables, in order.

    Raises:
        InputError: a source has no files, or is not in the definition; a pattern matches nothing;
            a file is of no kind that can be read, or lacks a column of its table; inputs are named
            by splits where the definition splits otherwise, or are not where they must be.
    """
    asked = asked_sources(dataset, sources)
    rows: list[TableInput] = []
    by_split = _by_split(dataset, several_by_split(inputs))
    _refuse_shared(by_split)
    for split, given in by_split.items():
        opened = open_inputs(given, dataset, first_number=len(rows), option=split_option(split))
        _refuse_twice(opened, rows, split)
        rows += [one.of_split(split) for one in opened]
    return {ROWS: rows, **open_asked(asked, first_number=len(rows))}


def _by_split(
    dataset: Dataset, inputs: Sequence[Given | SplitInput]
) -> dict[str | None, list[Given]]:
    """Returns a dataset's own inputs by their split; all without one but for an `InputSplit`."""
    if not isinstance(dataset.split, InputSplit):
        return {None: [_unnamed(one, dataset) for one in inputs]}
    for one in inputs:
        if not isinstance(one, SplitInput):
            shown = one if isinstance(one, str) else type(one).__name__
            raise InputError(
                f"--input {shown}: the definition {dataset.name!r} splits by inputs, so that each "
                f"is named by its split; write such as --input train={shown}"
            )
    named = [one for one in inputs if isinstance(one, SplitInput)]
    return {
        split: [one.given for one in named if one.split == split]
        for split in SPLITS
        if any(one.split == split for one in named)
    }


def _unnamed(given: Given | SplitInput, dataset: Dataset) -> Given:
    """Returns an input of a definition that does not split by inputs: its name may have a =."""
    if not isinstance(given, SplitInput):
        return given
    path = f"{given.split}={given.given}"
    if isinstance(given.given, str) and (glob.glob(path) or os.path.exists(path)):
        return path
    raise InputError(
        f"--input {path}: the definition {dataset.name!r} does not split by inputs, but by "
        f"{dataset.split!r}; leave {given.split}= out, or write split=InputSplit()"
    )


def _refuse_shared(by_split: Mapping[str | None, Sequence[Given]]) -> None:
    """Refuses what is no file and is given for two splits: tables and queries, and frames."""
    taken: dict[BigQuery | int, str | None] = {}
    for split, given in by_split.items():
        for one in given:
            bigquery = as_bigquery(one)
            if bigquery is None and isinstance(one, str):
                continue  # files have several names: see `_refuse_twice`
            other = taken.setdefault(id(one) if bigquery is None else bigquery, split)
            if other != split:
                name = f"a {type(one).__name__}" if bigquery is None else bigquery.name
                raise _shared(f"{name} is an input of {other}", split)


def _refuse_twice(
    opened: Sequence[TableInput], others: Sequence[TableInput], split: str | None
) -> None:
    taken = {other.file.identity: other for other in others if isinstance(other, FileInput)}
    for one in opened:
        other = taken.get(one.file.identity) if isinstance(one, FileInput) else None
        if other is not None:
            named = "" if other.path == one.path else f" as {other.path}"
            raise _shared(f"{one.path} is an input of {other.split}{named}", split)


def _shared(input_of_other: str, split: str | None) -> InputError:
    return InputError(
        f"{input_of_other} and of {split}, so that its rows would train and test; name it once"
    )


class Asked(NamedTuple):
    """A table to be opened.

    Attributes:
        table: what its inputs hold.
        given: the inputs.
        option: what they were given by, for errors.
    """

    table: Source
    given: Inputs
    option: Option


def asked_sources(dataset: Dataset, sources: Mapping[str, Inputs]) -> dict[str, Asked]:
    """Returns what was given for each source of a definition, by its name.

    Raises:
        InputError: a source has no files, or is not in the definition.
    """
    _check_names(dataset, sources)
    return {
        name: Asked(table, sources[name], source_option(name))
        for name, table in dataset.sources.items()
    }


def open_asked(asked: Mapping[str, Asked], first_number: int = 0) -> Tables:
    """Opens tables; their inputs are numbered through all of them, in order."""
    tables: dict[str, list[TableInput]] = {}
    count = first_number
    for name, (table, given, option) in asked.items():
        tables[name] = open_inputs(given, table, first_number=count, option=option)
        count += len(tables[name])
    return tables


def open_inputs(
    inputs: Inputs, table: Source, *, first_number: int, option: Option
) -> list[TableInput]:
    """Opens the inputs of one table, in the order in which they are given."""
    found = find_inputs(several(inputs), first_number=first_number, option=option)
    return [
        open_bigquery(one, table, number) if isinstance(one, BigQuery) else open_input(one, table)
        for number, one in enumerate(found, first_number)
    ]


def find_inputs(
    given: Sequence[Given], *, first_number: int = 0, option: Option = INPUT
) -> list[SourceFile | BigQuery]:
    """Finds the files of a table, and keeps as files what is read once only.

    Args:
        given: files or globs, tables in memory, tables and queries of BigQuery.
        first_number: the number of the first input.
        option: what they are given by, for errors.

    Returns:
        What is given, in its order; what a pattern matches in order of name; no file, and no table
        or query of BigQuery, twice.

    Raises:
        InputError: a pattern matches nothing, or something cannot be read or is empty.
    """
    named = [as_bigquery(one) for one in given]
    known: set[str] = set()
    matching: list[list[SourceFile]] = [
        new_files(one, known, option.flag)
        if isinstance(one, str) and not (bigquery or is_read_once(one))
        else []
        for one, bigquery in zip(given, named, strict=True)
    ]
    found: list[SourceFile | BigQuery] = []
    for place, (one, bigquery) in enumerate(zip(given, named, strict=True)):
        number = first_number + len(found)
        if bigquery is not None:
            found += [bigquery] if bigquery not in found else []
        elif is_read_once(one):
            argument = option.argument + (f"[{place}]" if len(given) > 1 else "")
            found.append(kept(one, number, argument))
        else:
            found += [replace(file, number=number + i) for i, file in enumerate(matching[place])]
    return found


def all_inputs(tables: Tables) -> list[TableInput]:
    """Returns the inputs of all tables, in the order of their numbers."""
    return [one for inputs in tables.values() for one in inputs]


def names_read(tables: Tables, definition: str | Dataset | None) -> list[str]:
    """Returns the names of files and tables that a command reads, which it does not write to.

    Args:
        tables: its tables, opened.
        definition: where the definition is, which is loaded; None: it comes from elsewhere.
    """
    file = None if definition is None else definition_file(definition)
    return [*(one.read_from for one in all_inputs(tables)), *filter(None, [file])]


def lacked(inputs: Sequence[TableInput]) -> frozenset[str]:
    """Returns the optional columns that one of a table's inputs does not have."""
    return frozenset(name for one in inputs for name in one.lacks)


def text_bytes(inputs: Sequence[TableInput]) -> int:
    """Returns about how long the rows of inputs are as text, bytes."""
    return sum(one.text_bytes for one in inputs)


def _check_names(dataset: Dataset, sources: Mapping[str, Inputs]) -> None:
    declared = ", ".join(dataset.sources) or "none"
    for name in sources:
        if name not in dataset.sources:
            raise InputError(
                f"--source {name}=...: the definition {dataset.name!r} has no such source; its "
                f"sources: {declared}"
            )
    missing = [name for name in dataset.sources if name not in sources]
    if missing:
        options = " ".join(f"--source {name}=PATH" for name in missing)
        raise InputError(
            f"no files for {', '.join(missing)}, of the sources of the definition "
            f"{dataset.name!r}; add {options}"
        )
