"""Rows to guess from: whole stretches of the input, spread evenly over it, as text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.init.csv_stretches import (
    FEWEST_STRETCHES,
    Plan,
    plan_stretches,
    read_stretches,
)
from forebay.commands.init.dialect import (
    encoding_of,
    guess_format,
    refuse_rows_as_header,
    refuse_title,
    with_numbers,
)
from forebay.commands.init.joined_times import join_times
from forebay.commands.init.records_as_text import read_excerpt
from forebay.commands.init.texts import Texts, as_texts
from forebay.console.words import counted
from forebay.pipelines.sources.csv.header import HEAD_BYTES, read_header
from forebay.pipelines.sources.csv.table import CsvFile
from forebay.pipelines.sources.files import SourceFile
from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.sources.kinds import open_told, unpacked
from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.text.ranges import GuardedReader
from forebay.transforms.definition.columns import String
from forebay.transforms.definition.sources import RESERVED_PREFIX
from forebay.transforms.definition.table_formats import CsvFormat, python_name
from forebay.transforms.errors import InputError


@dataclass(frozen=True)
class TextSample:
    """Rows of the input.

    Attributes:
        path: the first file's name, for errors.
        format: the dialect of the files.
        columns: their texts, by name; columns that a definition cannot name are left out.
        unusable: the names of those.
        joined: the columns that a time is made of, by its name.
        rows: how many rows were read, those without any text not counted.
        blank: how many had none, as spreadsheets leave them below a table.
        share: about which share of all rows these are; 1 where it is all of them.
        rejects: records of the sample that are not rows.
    """

    path: str
    format: CsvFormat
    columns: dict[str, Texts]
    unusable: tuple[str, ...]
    joined: dict[str, tuple[str, str]]
    rows: int
    blank: int
    share: float
    rejects: list[Reject]


def read_sample(
    files: Sequence[SourceFile],
    delimiter: str | None,
    names: Sequence[str],
    rows: int,
    max_record_bytes: int,
    tables: Sequence[TableInput] = (),
) -> TextSample:
    """Reads about so many rows, in stretches spread evenly over the files.

    Args:
        files: the files, of one kind.
        delimiter: what the user says of it; None: guessed.
        names: the columns of files without a header line; empty: they have one.
        rows: how many rows to read.
        max_record_bytes: longer records are rejects.
        tables: tables that are not files, instead of files.

    Raises:
        InputError: a file cannot be read, has other columns than the first, or there are no rows.
    """
    unpacked_files = [unpacked(file) for file in files]
    told = [open_told(file, head, None) for file, head in unpacked_files]
    kinds = [one.kind if one else CsvFile.kind for one in told]
    _refuse_mixed(
        [
            *((one.path, one.kind) for one in tables),
            *zip([file.path for file in files], kinds, strict=True),
        ]
    )
    if inputs := [*tables, *(one for one in told if one is not None)]:
        return _sample_typed(inputs, rows, max_record_bytes)
    encoding = encoding_of(_head(unpacked_files[0][0]))
    files = [replace(file, encoding=python_name(encoding)) for file, _ in unpacked_files]
    heads = {file.path: _head(file) for file in files}
    format = guess_format(heads[files[0].path], delimiter, names, files[0].path)
    format = replace(format, encoding=encoding)
    inspected = []
    for file in files:
        refuse_title(heads[file.path], format, file.path)
        refuse_rows_as_header(heads[file.path], format, file.path)
        found, data_offset = read_header(heads[file.path], format, file.path)
        inspected.append(CsvFile(file, format, data_offset, found))
        if found != inspected[0].names:
            raise InputError(
                f"{file.path}: has other columns than {files[0].path}: {', '.join(found)}; "
                "give files of one kind"
            )
    plan = plan_stretches(inspected[0], heads[files[0].path], rows, files)
    return _parse(inspected, format, plan, max_record_bytes)


def _refuse_mixed(kinds: Sequence[tuple[str, str]]) -> None:
    """Refuses tables of several kinds, given as their names and kinds."""
    (path, kind), *others = kinds
    for other, its in others:
        if its != kind:
            raise InputError(
                f"{path} is {kind} and {other} is {its}; give a pattern of files of one kind"
            )


def _sample_typed(inputs: Sequence[TableInput], rows: int, max_record_bytes: int) -> TextSample:
    """Reads rows of inputs that tell their columns, some of each of several stretches."""
    _refuse_different(inputs)
    stretches = [(one, stretch) for one in inputs for stretch in one.plan(max_record_bytes)]
    step = max(1, len(stretches) // FEWEST_STRETCHES)
    chosen = stretches[::step]
    quota = math.ceil(rows / max(1, len(chosen)))
    tables: list[pa.Table] = [pa.table({})]
    types: dict[str, pa.DataType | None] = {}
    unusable: dict[str, None] = {}
    rejects: list[Reject] = []
    is_whole = step == 1
    for source, stretch in chosen:
        left = quota
        for chunk in source.chunks(max_record_bytes, stretch):
            found = read_excerpt(source, chunk, left, max_record_bytes)
            for fields in found.parts:
                types |= {name: field.type for name, field in fields.items()}
                unusable |= {name: None for name, field in fields.items() if field.texts is None}
                tables.append(
                    pa.table({n: f.texts for n, f in fields.items() if f.texts is not None})
                )
                left -= len(tables[-1])
            left -= len(found.rejects)
            rejects += found.rejects
            if not found.is_all:
                is_whole = False
                break
    table = pa.concat_tables(tables, promote_options="default")
    unusable |= dict.fromkeys(name for name in table.column_names if not _is_usable(name))
    usable = [name for name in table.column_names if name not in unusable]
    if not usable or not len(table):
        raise _no_rows(inputs[0].path, rejects, "give a file with some")
    columns = {
        name: replace(as_texts(pc.fill_null(table[name], "")), type=types.get(name))
        for name in usable
    }
    share = 1.0 if is_whole else min(0.99, len(table) / _estimated_rows(inputs, tables))
    return _without_blank(inputs[0].path, CsvFormat(), columns, tuple(unusable), share, rejects)


def _no_rows(path: str, rejects: Sequence[Reject], cure: str) -> InputError:
    told = f" (records read: {len(rejects)}, all rejected: {rejects[0].reason})" if rejects else ""
    return InputError(f"{path}: has no rows to guess from{told or f'; {cure}'}")


def _refuse_different(inputs: Sequence[TableInput]) -> None:
    """Refuses files whose columns are told by their heads, and are not the same."""
    first, *others = inputs
    for other in others:
        mine, theirs = (getattr(one, "columns", ()) for one in (first, other))
        if set(mine) != set(theirs):
            raise InputError(
                f"{other.path}: has other columns than {first.path} "
                f"({', '.join(sorted({*mine} ^ {*theirs}))}); give files of one kind"
            )


def _estimated_rows(inputs: Sequence[TableInput], tables: Sequence[pa.Table]) -> float:
    """Returns about how many rows there are: as many by byte as in what was read."""
    row_bytes: float = sum(table.nbytes for table in tables) / max(1, sum(map(len, tables)))
    return max(1.0, float(sum(one.text_bytes for one in inputs)) / max(1.0, row_bytes))


def _is_usable(name: str) -> bool:
    return bool(name) and not name.startswith(RESERVED_PREFIX)


def _head(file: SourceFile) -> bytes:
    with file.open() as source:
        return GuardedReader(source, file.path).read(HEAD_BYTES)


def _parse(
    files: Sequence[CsvFile], format: CsvFormat, plan: Plan, max_record_bytes: int
) -> TextSample:
    names = files[0].names
    if len(names) == 1:
        raise InputError(
            f"{files[0].path}: has one column, it seems, {names[0]!r}; give its "
            "--delimiter, or a file with something to predict from"
        )
    usable = [name for name in names if _is_usable(name)]
    columns = {name: String(nulls=()) for name in usable}
    batches, rejects, share = read_stretches(files, format, columns, plan, max_record_bytes)
    if not any(map(len, batches)):
        raise _no_rows(files[0].path, rejects, "give a file with rows below its header line")
    table = pa.Table.from_batches(batches)
    texts = {name: as_texts(table[name]) for name in usable}
    unusable = tuple(name for name in names if name not in usable)
    return _without_blank(files[0].path, format, texts, unusable, share, rejects)


def _without_blank(
    path: str,
    format: CsvFormat,
    texts: dict[str, Texts],
    unusable: tuple[str, ...],
    share: float,
    rejects: list[Reject],
) -> TextSample:
    """Makes a sample of the rows with any text.

    Raises:
        InputError: there are none.
    """
    blank = np.logical_and.reduce([found.blank for found in texts.values()])
    if blank.all():
        raise InputError(
            f"{path}: has {counted(len(blank), 'row')}, and no text in any; give a file with values"
        )
    format = with_numbers(format, texts)
    kept = {
        name: replace(found.take(~blank) if blank.any() else found, format=format)
        for name, found in texts.items()
    }
    columns, joined = join_times(kept)
    return TextSample(
        path,
        format,
        columns,
        unusable,
        joined,
        int((~blank).sum()),
        int(blank.sum()),
        share,
        rejects,
    )
