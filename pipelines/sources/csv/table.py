"""CSV files of a table, their headers read."""

from dataclasses import dataclass, replace
from typing import ClassVar

from forebay.pipelines.sources.csv.header import HEAD_BYTES, check_header, read_header
from forebay.pipelines.sources.csv.parse import parse_chunk
from forebay.pipelines.sources.files import SourceFile
from forebay.pipelines.sources.inputs import Parsed
from forebay.pipelines.sources.text.input import TextChunk, TextInput
from forebay.pipelines.sources.text.ranges import GuardedReader
from forebay.transforms.definition.sources import Source


@dataclass(frozen=True)
class CsvFile(TextInput):
    """A CSV file whose header has been checked.

    Attributes:
        names: its columns, in order.
    """

    names: tuple[str, ...]

    kind: ClassVar[str] = "CSV"

    @property
    def fields(self) -> int:  # noqa: D102
        return len(self.names)

    def parse(self, chunk: TextChunk, table: Source, max_record_bytes: int) -> Parsed:  # noqa: D102
        return parse_chunk(
            chunk.data, chunk.offset, self.names, table.columns, self.format, max_record_bytes,
            table.forgiven,
        )  # fmt: skip


def open_csv(file: SourceFile, table: Source) -> CsvFile:
    """Reads the head of a file and checks it against its table.

    Raises:
        InputError: the file is not CSV, or lacks a column of the table.
    """
    file = replace(file, encoding=table.csv.python_encoding)
    with file.open() as source:
        head = GuardedReader(source, file.path).read(HEAD_BYTES)
    names, data_offset = read_header(head, table.csv, file.path)
    check_header(names, table.fields(table.optional), table.csv, file.path)
    lacks = table.lacking(names)
    return CsvFile(file, table.csv, data_offset, tuple(names), lacks=lacks)
