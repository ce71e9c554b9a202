"""Files of rows as batches of typed rows, derived columns included; knows no Beam.

What a pipeline does with one stretch of a file is here, and so is a reader of whole inputs for
commands that start no pipeline.
"""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.csv_header import HEAD_BYTES, check_header, read_header
from pipelines.csv_ranges import GuardedReader, read_chunks
from pipelines.parse import ROW_OFFSET, Reject, parse_chunk
from pipelines.source_files import SourceFile
from transforms.aggregation.groups import ROW
from transforms.columns import CsvFormat
from transforms.errors import InputError
from transforms.functions import resolve
from transforms.sources import Derive, Source

# A stretch is parsed whole: some 80,000 rows of ordinary width, large enough that what each batch
# costs is small beside its rows and small enough that two cores share one middling file.
RANGE_BYTES = 8 << 20
# A row is identified by its file's number and its offset there: files up to a terabyte.
_OFFSET_BITS = 40


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


@dataclass(frozen=True)
class ReadBatch:
    """What a stretch of a file's text held.

    Attributes:
        file: the file.
        rows: the table's columns (derived ones included) and `ROW`, in order of place.
        rejects: the records that became no row.
        records: how many there were, rejects included.
    """

    file: CsvFile
    rows: pa.RecordBatch
    rejects: list[Reject]
    records: int


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


def row_identity(file_number: int, offsets: np.ndarray) -> np.ndarray:
    """Returns the identities of the rows at the given offsets of a file, int64 (n,)."""
    return (np.int64(file_number) << _OFFSET_BITS) | offsets


def row_place(identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the file numbers and offsets of rows, both int64 (n,)."""
    return identity >> _OFFSET_BITS, identity & ((1 << _OFFSET_BITS) - 1)


class BatchReader:
    """Turns stretches of text into batches of rows.

    Args:
        table: what the files hold.
        max_record_bytes: longer records are rejected.
    """

    def __init__(self, table: Source, max_record_bytes: int) -> None:
        self.table = table
        self.max_record_bytes = max_record_bytes
        self._functions = [resolve(str(step.function)) for step in table.derive]

    def chunks(self, file: CsvFile) -> Iterator[tuple[int, bytes]]:
        """Yields a file's text from its start in stretches of whole records, with their offsets."""
        with file.source.open() as source:
            yield from read_chunks(
                source, file.format, len(file.names), self.max_record_bytes, RANGE_BYTES,
                file.data_offset, file.source.path,
            )  # fmt: skip

    def read(self, file: CsvFile, offset: int, data: bytes) -> ReadBatch:
        """Reads a stretch of whole records of a file, which starts at an offset of its text.

        Raises:
            InputError: a function of the definition failed.
        """
        batch, rejects = parse_chunk(
            data, offset, file.names, self.table.columns, file.format, self.max_record_bytes
        )
        records = len(batch) + len(rejects)
        for step, function in zip(self.table.derive, self._functions, strict=True):
            batch, more = derive(batch, step, function)
            rejects += more
        identity = row_identity(file.source.number, batch[ROW_OFFSET].to_numpy())
        columns = {name: batch[name] for name in self.table.row_columns}
        rows = pa.RecordBatch.from_pydict({**columns, ROW: pa.array(identity, pa.int64())})
        return ReadBatch(file, rows, rejects, records)


def read_batches(
    files: Sequence[CsvFile], table: Source, max_record_bytes: int
) -> Iterator[ReadBatch]:
    """Reads files one after another, on all cores, a few stretches of text in memory at a time.

    Args:
        files: as `inspect_csv` returns them.
        table: what they hold.
        max_record_bytes: longer records are rejected.

    Yields:
        Batches in order of file and place.

    Raises:
        InputError: a file cannot be read to its end, or a function of the definition failed.
    """
    reader = BatchReader(table, max_record_bytes)
    threads = len(os.sched_getaffinity(0))
    pending: deque[Future[ReadBatch]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for file in files:
            for offset, data in reader.chunks(file):
                pending.append(pool.submit(reader.read, file, offset, data))
                if len(pending) > threads:
                    yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def derive(
    batch: pa.RecordBatch, step: Derive, function: Any
) -> tuple[pa.RecordBatch, list[Reject]]:
    """Adds derived columns to a batch; rows that lack a required one are rejected.

    Raises:
        InputError: the function failed, or returned something other than it declared.
    """
    try:
        result: Mapping[str, Any] = function(batch.select(list(step.inputs)))
        arrays = {
            name: _as_array(result[name]).cast(column.arrow_type)
            for name, column in step.outputs.items()
        }
    except Exception as error:
        raise InputError(
            f"the function {step.function!r} failed ({type(error).__name__}: {error}); "
            f"it must return Arrow arrays for {', '.join(step.outputs)}"
        ) from error
    for name, array in arrays.items():
        if len(array) != len(batch):
            raise InputError(
                f"the function {step.function!r} returned {len(array)} values of {name!r} for "
                f"{len(batch)} rows; return one for each row"
            )
        batch = batch.append_column(name, array)
    return _without_missing(batch, [n for n, column in step.outputs.items() if column.required])


def _as_array(values: Any) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else pa.array(values)


def _without_missing(
    batch: pa.RecordBatch, required: Sequence[str]
) -> tuple[pa.RecordBatch, list[Reject]]:
    rejects: list[Reject] = []
    for name in required:
        present = pc.is_valid(batch[name])
        missing = batch[ROW_OFFSET].filter(pc.invert(present)).to_pylist()
        category = f"{name}: missing required value"
        rejects += [Reject(offset, category, None, category) for offset in missing]
        batch = batch.filter(present)
    return batch, rejects
