"""Files of typed rows that are counted: Parquet and Arrow."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.ipc as pa_ipc
import pyarrow.parquet as pa_parquet

from forebay.pipelines.sources.files import SourceFile
from forebay.pipelines.sources.inputs import FileInput, Parsed, Stretch
from forebay.pipelines.sources.typed.rows import (
    REPEATED,
    check_schema,
    lacking_of,
    parse_batch,
    record_json,
    told_rejects,
    top_columns,
)
from forebay.transforms.definition.sources import Source
from forebay.transforms.errors import InputError

# Rows that are in memory together, and about as many as a stretch has.
CHUNK_ROWS = 1 << 16


@dataclass(frozen=True)
class RowsChunk:
    """Rows of a file, and the number of the first, from 0."""

    first: int
    batch: pa.RecordBatch


@dataclass(frozen=True)
class RowsFile(FileInput):
    """A file of typed rows in parts that can be read by themselves.

    Attributes:
        columns: what is read of it.
        rows: how many rows each of its parts has.
        skipped: the parts that are not read.
    """

    columns: tuple[str, ...]
    rows: tuple[int, ...]
    skipped: frozenset[int] = frozenset()

    place_word: ClassVar[str] = "row"

    @abstractmethod
    def batches(self, parts: range) -> Iterator[pa.RecordBatch]:
        """Yields the rows of some parts, `CHUNK_ROWS` at most together."""

    @property
    def text_bytes(self) -> int:  # noqa: D102
        return sum(self.rows) * len(self.columns) * CELL_BYTES

    def plan(self, max_record_bytes: int) -> Generator[Stretch, None, str]:
        """Yields stretches of parts, counted; then reads the file for its fingerprint."""
        for run in self._runs(range(len(self.rows))):
            start, count = run.start, 0
            for part in run:
                count += self.rows[part]
                if count >= CHUNK_ROWS:
                    yield Stretch(start, part + 1)
                    start, count = part + 1, 0
            if start < run.stop:
                yield Stretch(start, run.stop)
        return self.fingerprint()

    def chunks(self, max_record_bytes: int, stretch: Stretch | None = None) -> Iterator[RowsChunk]:  # noqa: D102
        parts = range(len(self.rows)) if stretch is None else range(*stretch)
        with _damage_told(self.path, self.kind):
            for run in self._runs(parts):
                first = sum(self.rows[: run.start])
                for batch in self.batches(run):
                    # Arrow believes a file's offsets and lengths, wherever in memory they lead.
                    batch.validate(full=True)
                    yield RowsChunk(first, batch)
                    first += len(batch)

    def _runs(self, parts: range) -> Iterator[range]:
        """Yields those of some parts that are read, as far as they follow one another."""
        start = parts.start
        for part in sorted(self.skipped & set(parts)):
            if start < part:
                yield range(start, part)
            start = part + 1
        if start < parts.stop:
            yield range(start, parts.stop)

    def parse(self, chunk: RowsChunk, table: Source, max_record_bytes: int) -> Parsed:  # noqa: D102
        offsets = np.arange(chunk.first, chunk.first + len(chunk.batch), dtype=np.int64)
        return parse_batch(chunk.batch, offsets, table.columns, table.forgiven)

    def share_of(self, chunk: RowsChunk) -> float:  # noqa: D102
        return len(chunk.batch) / sum(self.rows)

    def places(self, offsets: Iterable[int]) -> dict[int, int]:  # noqa: D102
        return {offset: offset + 1 for offset in offsets}

    def offset_of(self, place: int) -> int | None:  # noqa: D102
        return place - 1 if 1 <= place <= sum(self.rows) else None

    def located(self, rejects: pa.Table, max_record_bytes: int) -> Iterator[dict[str, str | int]]:  # noqa: D102
        for row, reason, record in told_rejects(rejects, self._records):
            yield {"row": row + 1, "reason": reason, "raw": record}

    def _records(self, rows: Sequence[int]) -> dict[int, bytes]:
        """Reads some rows as JSON, in one pass over the file."""
        found: dict[int, bytes] = {}
        for chunk in self.chunks(0) if rows else ():
            here = set(rows) & set(range(chunk.first, chunk.first + len(chunk.batch)))
            found |= {row: record_json(chunk.batch.slice(row - chunk.first, 1)) for row in here}
        return found


# About how long a value is as text, with what stands between it and the next.
CELL_BYTES = 6


@contextmanager
def _damage_told(path: str, kind: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, EOFError, MemoryError, UnicodeDecodeError) as error:
        why = str(error) or "it asks for more memory than there is"
        raise InputError(
            f"{path}: cannot be read to its end as {kind} ({why}); copy or write it again"
        ) from error


@dataclass(frozen=True)
class ParquetFile(RowsFile):
    """A Parquet file; its parts are row groups."""

    kind: ClassVar[str] = "Parquet"

    def batches(self, parts: range) -> Iterator[pa.RecordBatch]:  # noqa: D102
        with self.file.open_raw() as source:
            yield from parquet_reader(source).iter_batches(
                CHUNK_ROWS, row_groups=list(parts), columns=list(self.columns), use_threads=False
            )


def parquet_reader(source: str | IO[bytes]) -> pa_parquet.ParquetFile:
    """Opens a Parquet file, whose times may be of any year.

    INT96, as Spark and Hive write times, would be read as nanoseconds: these wrap before the year
    1678 and after 2262.
    """
    return pa_parquet.ParquetFile(
        source, coerce_int96_timestamp_unit="us", page_checksum_verification=True
    )


def open_parquet(file: SourceFile, table: Source | None) -> ParquetFile:
    """Reads the footer of a Parquet file and checks its schema against a table."""
    with _damage_told(file.path, "Parquet"), file.open_raw() as source:
        opened = parquet_reader(source)
        schema, metadata = opened.schema_arrow, opened.metadata
        rows = tuple(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))
        columns, lacks = _columns(schema, table, file.path)
        return ParquetFile(file, columns, rows, lacks=lacks)


@dataclass(frozen=True)
class ArrowFile(RowsFile):
    """An Arrow IPC file (Feather version 2); its parts are record batches."""

    kind: ClassVar[str] = "Arrow"

    def batches(self, parts: range) -> Iterator[pa.RecordBatch]:  # noqa: D102
        with self.file.open_raw() as source:
            opened = pa_ipc.open_file(source)
            for part in parts:
                yield from _in_chunks(opened.get_batch(part).select(list(self.columns)))


def open_arrow(file: SourceFile, table: Source | None) -> ArrowFile:
    """Reads the footer of an Arrow file and checks its schema against a table."""
    with _damage_told(file.path, "Arrow"), file.open_raw() as source:
        opened = pa_ipc.open_file(source)
        schema = opened.schema
        rows = tuple(len(opened.get_batch(i)) for i in range(opened.num_record_batches))
        columns, lacks = _columns(schema, table, file.path)
        return ArrowFile(file, columns, rows, lacks=lacks)


@dataclass(frozen=True)
class ArrowStream(RowsFile):
    """An Arrow IPC stream: one part, read from its start."""

    kind: ClassVar[str] = "Arrow"

    def batches(self, parts: range) -> Iterator[pa.RecordBatch]:  # noqa: D102
        with self.file.open_raw() as source:
            for batch in pa_ipc.open_stream(source):
                yield from _in_chunks(batch.select(list(self.columns)))


def open_arrow_stream(file: SourceFile, table: Source | None) -> ArrowStream:
    """Reads an Arrow stream once for its length, and checks its schema against a table."""
    with _damage_told(file.path, "Arrow"), file.open_raw() as source:
        opened = pa_ipc.open_stream(source)
        schema = opened.schema
        rows = sum(len(batch) for batch in opened)
        columns, lacks = _columns(schema, table, file.path)
        return ArrowStream(file, columns, (rows,), lacks=lacks)


def _columns(
    schema: pa.Schema, table: Source | None, path: str
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Checks a schema against a table; returns the columns to read, and what it lacks.

    Without a table, all are read.

    Raises:
        InputError: one of them is not as it must be.
        UnicodeDecodeError: a name or a time zone in it is not UTF-8.
    """
    for field in schema:
        _decode(field.type)
    if table is None:
        repeated = [name for name, count in Counter(schema.names).items() if count > 1]
        if repeated:
            raise InputError(f"{path}: the column {repeated[0]!r} {REPEATED}")
        return tuple(schema.names), frozenset()
    check_schema(schema, table, path)
    return tuple(top_columns(schema, table)), lacking_of(schema, table)


def _decode(kind: pa.DataType) -> tuple[object, ...]:
    """Reads all texts of a type, which are bytes until then: those of damaged files are none."""
    below = (kind.field(i) for i in range(kind.num_fields))
    return getattr(kind, "tz", None), *((field.name, _decode(field.type)) for field in below)


def _in_chunks(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(batch), CHUNK_ROWS):
        yield batch.slice(start, CHUNK_ROWS)
