"""Rows of CSV files to guess from: a share of the rows of stretches spread over the text."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from forebay.pipelines.sources.csv.parse import parse_chunk
from forebay.pipelines.sources.csv.table import CsvFile
from forebay.pipelines.sources.files import SourceFile
from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.row_identity import ROW_OFFSET
from forebay.pipelines.sources.text.ranges import read_chunks
from forebay.transforms.definition.columns import String
from forebay.transforms.definition.table_formats import CsvFormat

# So many stretches, spread over the text, show what changes along it.
FEWEST_STRETCHES = 16
_STRETCH_BYTES = 1 << 20


@dataclass(frozen=True)
class Plan:
    """How much of the text is read.

    Attributes:
        most_rows: the number of rows to read at most.
        stretches: the share of the stretches that are read, in (0, 1].
        rows: the share of the rows that are read of each of those, in (0, 1].
    """

    most_rows: int
    stretches: float
    rows: float


def plan_stretches(first: CsvFile, head: bytes, rows: int, files: Sequence[SourceFile]) -> Plan:
    """Spreads rows over several stretches, by the lengths of the first file's lines.

    Args:
        first: the first file.
        head: how it begins.
        rows: about how many rows to read.
        files: all files.
    """
    body = head[first.data_offset :]
    row_bytes = len(body) / max(1, body.count(b"\n"))
    text_bytes = sum(file.text_bytes for file in files)
    share = rows * row_bytes / max(1, text_bytes)
    if share >= 1:
        return Plan(rows, 1.0, 1.0)
    # A little less, so that the last stretches are as likely to be reached as the first.
    share *= 0.95
    stretches = min(1.0, max(share, FEWEST_STRETCHES * _STRETCH_BYTES / text_bytes))
    return Plan(rows, stretches, share / stretches)


def read_stretches(
    files: Sequence[CsvFile],
    format: CsvFormat,
    columns: Mapping[str, String],
    plan: Plan,
    max_record_bytes: int,
) -> tuple[list[pa.RecordBatch], list[Reject], float]:
    """Reads the planned rows.

    Args:
        files: the files, all with the same columns.
        format: their dialect.
        columns: the columns to read, by name.
        plan: how much to read.
        max_record_bytes: longer records are rejects.

    Returns:
        Batches of rows, the rejects among them, and the share of the text that was read.
    """
    batches: list[pa.RecordBatch] = []
    rejects: list[Reject] = []
    count, turn, text_bytes, read_bytes = 0, 0, 0, 0.0
    for file in files:
        for offset, data in _chunks(file, format, max_record_bytes):
            due, turn = int((turn + 1) * plan.stretches) > int(turn * plan.stretches), turn + 1
            text_bytes += len(data)
            if batches and (count >= plan.most_rows or not due):
                continue
            batch, more, _ = parse_chunk(
                data, offset, file.names, columns, format, max_record_bytes
            )
            kept = min(plan.most_rows - count, math.ceil(len(batch) * plan.rows))
            end = batch[ROW_OFFSET][kept].as_py() if kept < len(batch) else offset + len(data)
            batches.append(batch.slice(0, kept))
            rejects += [reject for reject in more if reject.offset < end]
            count, read_bytes = count + kept, read_bytes + end - offset
    return batches, rejects, read_bytes / max(1, text_bytes)


def _chunks(file: CsvFile, format: CsvFormat, max_record_bytes: int) -> Iterator[tuple[int, bytes]]:
    with file.file.open() as source:
        yield from read_chunks(
            source, format, len(file.names), max_record_bytes, _STRETCH_BYTES,
            file.data_offset, file.path,
        )  # fmt: skip
