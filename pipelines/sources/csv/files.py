"""CSV files of a table, their headers read."""

from collections.abc import Sequence
from dataclasses import dataclass

from forebay.pipelines.sources.csv.header import HEAD_BYTES, check_header, read_header
from forebay.pipelines.sources.csv.ranges import GuardedReader
from forebay.pipelines.sources.files import SourceFile
from forebay.transforms.definition.columns import CsvFormat
from forebay.transforms.definition.sources import Source


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose header has been checked.

    Attributes:
        source: the file.
        format: its dialect.
        names: its columns, in order.
        data_offset: where its first record begins.
    """

    source: SourceFile
    format: CsvFormat
    names: tuple[str, ...]
    data_offset: int


def inspect_csv(files: Sequence[SourceFile], table: Source) -> list[CsvFile]:
    """Reads the head of every file and checks it against its table.

    Raises:
        InputError: a file is not CSV, or lacks a column of the table.
    """
    inspected = []
    for file in files:
        with file.open() as source:
            head = GuardedReader(source, file.path).read(HEAD_BYTES)
        names, data_offset = read_header(head, table.csv, file.path)
        check_header(names, tuple(table.columns), table.csv, file.path)
        inspected.append(CsvFile(file, table.csv, tuple(names), data_offset))
    return inspected
