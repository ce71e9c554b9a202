"""Inputs of a table as batches of typed rows, derived columns included; knows no Beam.

What a pipeline does with one chunk of an input is here, and so is a reader of whole inputs for
commands that start no pipeline.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from forebay.pipelines.runners.cores import usable_cores
from forebay.pipelines.sources.derive import derive
from forebay.pipelines.sources.inputs import Stretch, TableInput
from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.row_identity import ROW_OFFSET, row_identity
from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.functions import resolve
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import Source
from forebay.transforms.errors import InputError


@dataclass(frozen=True)
class ReadBatch:
    """What a chunk of an input held.

    Attributes:
        source: the input.
        rows: the table's columns (derived ones included) and `ROW`, in order of place.
        rejects: the records that became no row.
        records: how many there were, rejects included.
        unread: how many cells of the rows are missing for they cannot be read, by column.
    """

    source: TableInput
    rows: pa.RecordBatch
    rejects: list[Reject]
    records: int
    unread: Mapping[str, int]


class BatchReader:
    """Turns chunks of inputs into batches of rows.

    Args:
        table: what the inputs hold.
        max_record_bytes: longer records are rejected.
    """

    def __init__(self, table: Source, max_record_bytes: int) -> None:
        self.table = table
        self.max_record_bytes = max_record_bytes
        self._functions = [resolve(str(step.function)) for step in table.steps_at_reading]

    def chunks(self, source: TableInput, stretch: Stretch | None = None) -> Iterator[Any]:
        """Yields an input, or a stretch of it, in chunks for `read`.

        Raises:
            InputError: it cannot be read to its end, or changed meanwhile.
        """
        try:
            yield from source.chunks(self.max_record_bytes, stretch)
        except InputError:
            source.check_unchanged()  # which would be why
            raise
        source.check_unchanged()

    def read(self, source: TableInput, chunk: Any) -> ReadBatch:
        """Reads a chunk of an input.

        Raises:
            InputError: a function of the definition failed, or a column turns up that the input
                was known to lack.
        """
        absent = source.lacks
        table = self.table if source.records_name_fields else self._present(absent)
        parsed = source.parse(chunk, table, self.max_record_bytes)
        batch, rejects = parsed.rows, parsed.rejects
        records = len(batch) + len(rejects)
        if source.records_name_fields:
            _refuse_late(absent, batch, source.path)
        else:
            batch = _with_nulls(batch, {name: self.table.columns[name] for name in absent})
        for step, function in zip(self.table.steps_at_reading, self._functions, strict=True):
            if self.table.skips(step, absent):
                batch, absent = _with_nulls(batch, step.outputs), absent.union(step.outputs)
                continue
            batch, more = derive(batch, step, function)
            rejects += more
        identity = row_identity(source.number, batch[ROW_OFFSET].to_numpy())
        columns = {name: batch[name] for name in self.table.columns_at_reading}
        rows = pa.RecordBatch.from_pydict({**columns, ROW: pa.array(identity, pa.int64())})
        return ReadBatch(source, rows, rejects, records, parsed.unread)

    def _present(self, lacks: frozenset[str]) -> Source:
        """Returns what is read of an input."""
        if not lacks:
            return self.table
        kinds = {name: kind for name, kind in self.table.columns.items() if name not in lacks}
        return replace(self.table, columns=kinds, derive=())


def _refuse_late(absent: frozenset[str], rows: pa.RecordBatch, path: str) -> None:
    """Refuses values of columns that the first records lacked: they were taken for missing."""
    late = [name for name in absent if rows[name].null_count < len(rows)]
    if late:
        raise InputError(
            f"{path}: later records have {', '.join(sorted(late))}, which the first ones lack, so "
            "that every row was to be without; write it in the first record, too, as null"
        )


def _with_nulls(batch: pa.RecordBatch, columns: Mapping[str, Column]) -> pa.RecordBatch:
    """Returns a batch with more columns, missing in every row."""
    for name, kind in columns.items():
        batch = batch.append_column(name, pa.nulls(len(batch), kind.arrow_type))
    return batch


def read_batches(
    inputs: Sequence[TableInput], table: Source, max_record_bytes: int
) -> Iterator[ReadBatch]:
    """Reads inputs one after another, on all cores, a few chunks in memory at a time.

    Args:
        inputs: as `forebay.pipelines.sources.tables.open_tables` returns them.
        table: what they hold.
        max_record_bytes: longer records are rejected.

    Yields:
        Batches in order of input and place.

    Raises:
        InputError: an input cannot be read to its end, or a function of the definition failed.
    """
    reader = BatchReader(table, max_record_bytes)
    threads = usable_cores()
    pending: deque[Future[ReadBatch]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for source in inputs:
            for chunk in reader.chunks(source):
                pending.append(pool.submit(reader.read, source, chunk))
                if len(pending) > threads:
                    yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
