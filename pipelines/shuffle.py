"""Grouping of record batches by partition, through files.

Local runners hold in memory whatever they group, several times over, and Python's pickling of it
costs more than the work. So batches are written to files under the temporary location, and only
references to their pieces go through Beam's own grouping: small on every runner.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

# What a worker thread holds before it writes: large enough that the pieces of one partition are
# hundreds of rows, small beside a worker's memory.
SPILL_BYTES = 128 << 20


@dataclass(frozen=True)
class Partitioned:
    """A batch on its way into `GroupBatches`.

    Attributes:
        stage: which consumer it is for, when several share one grouping.
        stream: what the rows are (``events``, say); batches of a stream share a schema.
        partition: int64 (n,), the partition of each row.
        batch: the rows.
    """

    stage: str
    stream: str
    partition: npt.NDArray[np.int64]
    batch: pa.RecordBatch

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the rows take."""
        return self.batch.nbytes  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Group:
    """The rows that met in one partition of one stage.

    Attributes:
        stage, partition: where they met.
        tables: the rows by stream, in arbitrary order.
    """

    stage: str
    partition: int
    tables: dict[str, pa.Table]

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the rows take."""
        return sum(table.nbytes for table in self.tables.values())


# (stream, path, offset of the schema, offset of the batch, end of the batch)
_Piece = tuple[str, str, int, int, int]


class GroupBatches(beam.PTransform):
    """Brings the rows of each (stage, partition) together.

    Input: a tuple of PCollections of `Partitioned`. Output: `Group` elements, one for each
    (stage, partition) that has rows.
    """

    def __init__(self, temp_location: str) -> None:
        super().__init__()
        self.temp_location = temp_location

    def expand(self, inputs: Any) -> beam.PCollection:  # noqa: D102
        # Each input is written where it is made: a Flatten of batches would be materialised.
        references = tuple(
            batches | f"WritePieces{i}" >> beam.ParDo(_WritePieces(self.temp_location))
            for i, batches in enumerate(inputs)
        )
        return (
            references
            | "FlattenReferences" >> beam.Flatten()
            | "GroupReferences" >> beam.GroupByKey()
            | "ReadPieces" >> beam.Map(_read_group).with_output_types(Group)
        )


class _WritePieces(beam.DoFn):
    """Writes batches sorted by partition and emits a reference to each partition's piece."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def start_bundle(self) -> None:
        self._held: dict[tuple[str, str], list[Partitioned]] = defaultdict(list)
        self._bytes = 0

    def process(self, element: Partitioned) -> Iterator[tuple[tuple[str, int], _Piece]]:
        self._held[element.stage, element.stream].append(element)
        self._bytes += element.batch.nbytes
        if self._bytes >= SPILL_BYTES:
            yield from self._write()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for reference in self._write():
            yield WindowedValue(reference, MIN_TIMESTAMP, [GlobalWindow()])

    def _write(self) -> Iterator[tuple[tuple[str, int], _Piece]]:
        if not self._held:
            return
        path = FileSystems.join(self._folder, f"{uuid.uuid4().hex}.arrow")
        references = []
        with FileSystems.create(path, mime_type="application/octet-stream") as sink:
            writer = _PieceWriter(path, sink)
            for (stage, stream), held in self._held.items():
                for partition, piece in writer.write(stream, held):
                    references.append(((stage, partition), piece))
        self.start_bundle()
        yield from references  # only now is the file complete and readable


class _PieceWriter:
    """Writes Arrow IPC messages one after another and remembers where they lie."""

    def __init__(self, path: str, sink: Any) -> None:
        self._path = path
        self._sink = sink
        self._position = 0

    def write(self, stream: str, held: list[Partitioned]) -> Iterator[tuple[int, _Piece]]:
        table = pa.Table.from_batches([element.batch for element in held])
        partition = np.concatenate([element.partition for element in held])
        if partition.max(initial=0) < 1 << 16:
            partition = partition.astype(np.uint16)  # which numpy sorts by radix
        order = np.argsort(partition, kind="stable")
        rows = table.take(pa.array(order)).combine_chunks().to_batches()
        if not rows:
            return
        schema_at = self._append(table.schema.serialize())
        found, starts = np.unique(partition[order], return_index=True)
        for number, start, end in zip(
            found.tolist(), starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True
        ):
            start_at = self._append(rows[0].slice(start, end - start).serialize())
            yield number, (stream, self._path, schema_at, start_at, self._position)

    def _append(self, message: pa.Buffer) -> int:
        start = self._position
        self._sink.write(message)
        self._position += message.size
        return start


def _read_group(group: tuple[tuple[str, int], Iterable[_Piece]]) -> Group:
    (stage, partition), pieces = group
    by_path: dict[str, list[_Piece]] = defaultdict(list)
    for piece in sorted(pieces):
        by_path[piece[1]].append(piece)
    batches: dict[str, list[pa.RecordBatch]] = defaultdict(list)
    for path, found in by_path.items():
        with _open(path) as source:
            for stream, _, schema_at, start, end in found:
                source.seek(schema_at)
                schema = pa.ipc.read_schema(source)
                source.seek(start)
                message = source.read_buffer(end - start)
                batches[stream].append(pa.ipc.read_record_batch(message, schema))
    tables = {stream: pa.Table.from_batches(found) for stream, found in batches.items()}
    return Group(stage, partition, tables)


def _open(path: str) -> pa.NativeFile:
    if "://" not in path:
        return pa.memory_map(path)
    return pa.PythonFile(
        FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED), mode="r"
    )
