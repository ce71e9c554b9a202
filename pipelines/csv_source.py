"""CSV files as batches of typed rows, read in parallel byte ranges."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.csv_header import HEAD_BYTES, check_header, read_header
from pipelines.csv_ranges import ByteRange, GuardedReader, plan_ranges, read_chunks
from pipelines.parse import ROW_OFFSET, Reject, parse_chunk
from pipelines.shuffle import Partitioned
from pipelines.source_files import SourceFile
from transforms.aggregation.groups import ROW
from transforms.dataset import Dataset, Derive
from transforms.errors import InputError
from transforms.functions import resolve

# A range is parsed whole: some 80,000 rows of ordinary width, large enough that what each batch
# costs is small beside its rows and small enough that two cores share one middling file.
RANGE_BYTES = 8 << 20
# A row is identified by its file's number and its offset there: files up to a terabyte.
_OFFSET_BITS = 40

REJECTS = "rejects"


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose header has been checked.

    Attributes:
        source: the file.
        names: its columns, in order.
        data_offset: where its first record begins.
    """

    source: SourceFile
    names: tuple[str, ...]
    data_offset: int


@dataclass(frozen=True)
class _FileRange:
    file: CsvFile
    range: ByteRange


def inspect_csv(files: Sequence[SourceFile], dataset: Dataset) -> list[CsvFile]:
    """Reads the head of every file and checks it against the definition.

    Raises:
        InputError: a file is not CSV, or lacks a column of the definition.
    """
    inspected = []
    for file in files:
        with file.open() as source:
            head = GuardedReader(source, file.path).read(HEAD_BYTES)
        names, data_offset = read_header(head, dataset.csv, file.path)
        check_header(names, tuple(dataset.columns), dataset.csv, file.path)
        inspected.append(CsvFile(file, tuple(names), data_offset))
    return inspected


def row_identity(file_number: int, offsets: np.ndarray) -> np.ndarray:
    """Returns the identities of the rows at the given offsets of a file, int64 (n,)."""
    return (np.int64(file_number) << _OFFSET_BITS) | offsets


def row_place(identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the file numbers and offsets of rows, both int64 (n,)."""
    return identity >> _OFFSET_BITS, identity & ((1 << _OFFSET_BITS) - 1)


class ReadCsv(beam.PTransform):
    """Reads CSV files into batches of typed rows.

    Output: ``rows``, a PCollection of RecordBatches with the definition's row columns (derived
    ones included) and `ROW`; ``rejects``, of `Partitioned` for `WriteRejects`; ``facts``.
    """

    def __init__(self, dataset: Dataset, files: Sequence[CsvFile], max_record_bytes: int) -> None:
        super().__init__()
        self.dataset = dataset
        self.files = files
        self.max_record_bytes = max_record_bytes

    def expand(self, pipeline: beam.Pipeline) -> Any:  # noqa: D102
        ranges = (
            pipeline
            | "Files" >> beam.Create(self.files, reshuffle=True)
            | "PlanRanges"
            >> beam.ParDo(_PlanRanges(self.dataset, self.max_record_bytes)).with_outputs(
                "facts", main="ranges"
            )
        )
        read = (
            ranges.ranges
            | "SpreadRanges" >> beam.Reshuffle()
            | "ReadRange"
            >> beam.ParDo(_ReadRange(self.dataset, self.max_record_bytes)).with_outputs(
                "facts", "rejects", main="rows"
            )
        )
        facts = (ranges.facts, read.facts) | "Facts" >> beam.Flatten()
        return {"rows": read.rows, "rejects": read.rejects, "facts": facts}


class _PlanRanges(beam.DoFn):
    """Cuts a file at records, in one sequential pass that also takes its fingerprint."""

    def __init__(self, dataset: Dataset, max_record_bytes: int) -> None:
        self._dataset = dataset
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
                        self._dataset.csv,
                        len(file.names),
                        self._max_record_bytes,
                        RANGE_BYTES,
                        file.data_offset,
                    )
                )
        fingerprint = f"sha256:{source.digest.hexdigest()}"
        entry = {"path": file.source.path, "size": file.source.size, "fingerprint": fingerprint}
        yield beam.pvalue.TaggedOutput("facts", ("inputs", file.source.path, entry))


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

    def __init__(self, dataset: Dataset, max_record_bytes: int) -> None:
        self._dataset = dataset
        self._max_record_bytes = max_record_bytes

    def setup(self) -> None:
        self._functions = [resolve(str(step.function)) for step in self._dataset.derive]

    def process(self, element: _FileRange) -> Iterator[Any]:
        file = element.file
        for offset, data in self._chunks(element):
            batch, rejects = parse_chunk(
                data,
                offset,
                file.names,
                self._dataset.columns,
                self._dataset.csv,
                self._max_record_bytes,
            )
            records = len(batch) + len(rejects)
            for step, function in zip(self._dataset.derive, self._functions, strict=True):
                batch, more = derive(batch, step, function)
                rejects += more
            yield from self._emit(file.source.number, batch, rejects, records)

    def _chunks(self, element: _FileRange) -> Iterator[tuple[int, bytes]]:
        file, found = element.file, element.range
        with file.source.open() as source:
            if file.source.is_compressed:
                yield from read_chunks(
                    source,
                    self._dataset.csv,
                    len(file.names),
                    self._max_record_bytes,
                    RANGE_BYTES,
                    file.data_offset,
                    file.source.path,
                )
            else:
                source.seek(found.start)
                yield found.start, source.read(found.end - found.start)

    def _emit(
        self, file_number: int, batch: pa.RecordBatch, rejects: list[Reject], records: int
    ) -> Iterator[Any]:
        yield beam.pvalue.TaggedOutput("facts", ("records", "read", records))
        for category, count in Counter(reject.category for reject in rejects).items():
            yield beam.pvalue.TaggedOutput("facts", ("rejects", category, count))
        if rejects:
            offsets = np.array([reject.offset for reject in rejects], np.int64)
            reasons = [reject.reason for reject in rejects]
            raws = [reject.raw for reject in rejects]
            rejected = reject_batch(row_identity(file_number, offsets), reasons, raws)
            yield beam.pvalue.TaggedOutput("rejects", rejected)
        if len(batch):
            identity = pa.array(row_identity(file_number, batch[ROW_OFFSET].to_numpy()))
            columns = {name: batch[name] for name in self._dataset.row_columns}
            yield pa.RecordBatch.from_pydict({**columns, ROW: identity})


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
