"""CSV files as batches of typed rows, read in parallel byte ranges."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from forebay.pipelines.shuffle.group_batches import Partitioned
from forebay.pipelines.sources.batches import RANGE_BYTES, BatchReader, ReadBatch
from forebay.pipelines.sources.csv.files import CsvFile
from forebay.pipelines.sources.csv.ranges import ByteRange, plan_ranges
from forebay.pipelines.sources.row_identity import row_identity, row_place
from forebay.transforms.definition.sources import ROW, Source

REJECTS = "rejects"


@dataclass(frozen=True)
class _FileRange:
    file: CsvFile
    range: ByteRange


class ReadCsv(beam.PTransform):
    """Reads CSV files into batches of typed rows.

    Output: ``rows``, a PCollection of RecordBatches with the table's columns (derived ones
    included) and `ROW`; ``rejects``, of `Partitioned` for `WriteRejects`; ``tallies``.

    Args:
        table: what the files hold: a dataset's own rows, or one of its sources.
        files: the files.
        max_record_bytes: longer records are rejected.
    """

    def __init__(self, table: Source, files: Sequence[CsvFile], max_record_bytes: int) -> None:
        super().__init__()
        self.table = table
        self.files = files
        self.max_record_bytes = max_record_bytes

    def expand(self, pipeline: beam.Pipeline) -> Any:  # noqa: D102
        ranges = (
            pipeline
            | "Files" >> beam.Create(self.files, reshuffle=True)
            | "PlanRanges"
            >> beam.ParDo(_PlanRanges(self.max_record_bytes)).with_outputs("tallies", main="ranges")
        )
        read = (
            ranges.ranges
            | "SpreadRanges" >> beam.Reshuffle()
            | "ReadRange"
            >> beam.ParDo(_ReadRange(self.table, self.max_record_bytes)).with_outputs(
                "tallies", "rejects", main="rows"
            )
        )
        tallies = (ranges.tallies, read.tallies) | "Tallies" >> beam.Flatten()
        return {"rows": read.rows, "rejects": read.rejects, "tallies": tallies}


class _PlanRanges(beam.DoFn):
    """Cuts a file at records, in one sequential pass that also takes its fingerprint."""

    def __init__(self, max_record_bytes: int) -> None:
        self._max_record_bytes = max_record_bytes

    def process(self, file: CsvFile) -> Iterator[Any]:
        with file.source.open_raw() as raw:
            source = _Hashed(raw)
            if file.source.is_compressed:
                yield _FileRange(file, ByteRange(file.data_offset, 0))
                while source.read(1 << 20):
                    pass
            else:
                yield from (
                    _FileRange(file, found)
                    for found in plan_ranges(
                        source,
                        file.format,
                        len(file.names),
                        self._max_record_bytes,
                        RANGE_BYTES,
                        file.data_offset,
                    )
                )
        fingerprint = f"sha256:{source.digest.hexdigest()}"
        entry = {"size": file.source.size, "fingerprint": fingerprint}
        # By its number: Beam passes no names that are no UTF-8.
        yield beam.pvalue.TaggedOutput("tallies", ("inputs", f"{file.source.number:06d}", entry))


class _Hashed:
    """A stream that takes the SHA-256 of what is read from it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(size)
        self.digest.update(data)
        return data


class _ReadRange(beam.DoFn):
    """Reads the records of a range and derives columns."""

    def __init__(self, table: Source, max_record_bytes: int) -> None:
        self._table = table
        self._max_record_bytes = max_record_bytes

    def setup(self) -> None:
        self._reader = BatchReader(self._table, self._max_record_bytes)

    def process(self, element: _FileRange) -> Iterator[Any]:
        for offset, data in self._chunks(element):
            yield from _emit(self._reader.read(element.file, offset, data))

    def _chunks(self, element: _FileRange) -> Iterator[tuple[int, bytes]]:
        file, found = element.file, element.range
        if file.source.is_compressed:
            yield from self._reader.chunks(file)
            return
        with file.source.open() as source:
            source.seek(found.start)
            yield found.start, source.read(found.end - found.start)


def _emit(read: ReadBatch) -> Iterator[Any]:
    yield beam.pvalue.TaggedOutput("tallies", ("records", "read", read.records))
    for category, count in Counter(reject.category for reject in read.rejects).items():
        yield beam.pvalue.TaggedOutput("tallies", ("rejects", category, count))
    if read.rejects:
        offsets = np.array([reject.offset for reject in read.rejects], np.int64)
        reasons = [reject.reason for reject in read.rejects]
        raws = [reject.raw for reject in read.rejects]
        identity = row_identity(read.file.source.number, offsets)
        yield beam.pvalue.TaggedOutput("rejects", reject_batch(identity, reasons, raws))
    if len(read.rows):
        yield read.rows


def reject_batch(
    identity: np.ndarray, reasons: Sequence[str], raws: Sequence[bytes | None]
) -> Partitioned:
    """Makes rejects ready for `WriteRejects`, one partition for each file.

    Args:
        identity: int64 (n,), the rows rejected.
        reasons: why, one for each.
        raws: the records' bytes; None where they are still to be read from the file.
    """
    columns = {
        ROW: pa.array(identity, pa.int64()),
        "reason": pa.array(reasons, pa.string()),
        "raw": pa.array(raws, pa.binary()),
    }
    return Partitioned(
        REJECTS, REJECTS, row_place(identity)[0], pa.RecordBatch.from_pydict(columns)
    )
