"""Rows of record batches in files, piece by piece: how they are cut, written and read."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from forebay.pipelines.new_files import create
from forebay.transforms.one_batch import one_batch

# The rows of a piece at most: what is read is as large, whatever the partition.
PIECE_ROWS = 1 << 14
# What is fetched of a store at the least, where pieces are read: a schema takes less, and what
# lies behind it is other partitions'.
PIECEWISE_BYTES = 1 << 13


@dataclass(frozen=True)
class Partitioned:
    """A batch on its way into `GroupBatches`.

    Attributes:
        stage: which consumer it is for, when several share one grouping.
        stream: what the rows are (``events``, say); batches of a stream share a schema.
        partition: int64 (n,), the partition of each row.
        batch: the rows.
        times: int64 columns whose ranges the pieces tell; large partitions are cut into pieces
            along the first of them.
    """

    stage: str
    stream: str
    partition: npt.NDArray[np.int64]
    batch: pa.RecordBatch
    times: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the rows take."""
        return self.batch.nbytes  # type: ignore[no-any-return]


class Piece(NamedTuple):
    """Rows of one stream and partition in a file, `PIECE_ROWS` at most.

    Attributes:
        stream: what the rows are.
        path: the file.
        schema_at, start, end: the places of the schema and of the rows in it.
        nbytes: bytes of memory that the rows take.
        ranges: the least and the greatest value of each of the stream's times.
    """

    stream: str
    path: str
    schema_at: int
    start: int
    end: int
    nbytes: int
    ranges: tuple[tuple[int, int], ...]


def read_pieces(pieces: Iterable[Piece]) -> pa.Table:
    """Reads pieces of one stream, at least one, in the order of their places."""
    by_path: dict[str, list[Piece]] = defaultdict(list)
    for piece in sorted(pieces):
        by_path[piece.path].append(piece)
    batches = []
    for path, found in by_path.items():
        schemas: dict[int, pa.Schema] = {}
        with open_arrow(path, PIECEWISE_BYTES) as source:
            for piece in found:
                schema = schemas.get(piece.schema_at)
                if schema is None:
                    source.seek(piece.schema_at)
                    schema = schemas[piece.schema_at] = pa.ipc.read_schema(source)
                source.seek(piece.start)
                message = source.read_buffer(piece.end - piece.start)
                batches.append(pa.ipc.read_record_batch(message, schema))
    return pa.Table.from_batches(batches)


@contextmanager
def new_file(folder: str) -> Iterator[PieceWriter]:
    """Opens a file of a name of its own in a folder; it is whole when the context ends."""
    path = FileSystems.join(folder, f"{uuid.uuid4().hex}.arrow")
    with create(path) as sink:
        yield PieceWriter(path, sink)


class PieceWriter:
    """Writes Arrow IPC messages one after another and remembers where they lie.

    Args:
        path: the file's.
        sink: the file, open for writing.
    """

    def __init__(self, path: str, sink: Any) -> None:
        self._path = path
        self._sink = sink
        self._position = 0

    def write(self, stream: str, held: list[Partitioned]) -> Iterator[tuple[int, Piece]]:
        """Writes batches of a stream; yields each piece and its partition."""
        times = held[0].times
        schema_at = None
        for number, piece in sorted_pieces(held):
            if schema_at is None:
                schema_at = self._append(piece.schema.serialize())
            start_at = self._append(piece.serialize())
            yield number, Piece(
                stream, self._path, schema_at, start_at, self._position, piece.nbytes,
                tuple(_range(piece[name]) for name in times),
            )  # fmt: skip

    def _append(self, message: pa.Buffer) -> int:
        start = self._position
        self._sink.write(message)
        self._position += message.size
        return start


def sorted_pieces(held: list[Partitioned]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yields the rows of each partition, `PIECE_ROWS` at most, large ones along their time."""
    times = held[0].times
    table = pa.Table.from_batches([element.batch for element in held])
    partition = np.concatenate([element.partition for element in held])
    if partition.max(initial=0) < 1 << 16:
        partition = partition.astype(np.uint16)  # which numpy sorts by radix
    order = np.argsort(partition, kind="stable")
    found, starts = np.unique(partition[order], return_index=True)
    ends = [*starts[1:].tolist(), len(order)]
    if times:
        _sort_large(order, starts.tolist(), ends, table[times[0]])
    rows = one_batch(table.take(pa.array(order)), "give less --window-memory-mb")
    for number, start, end in zip(found.tolist(), starts.tolist(), ends, strict=True):
        for at in range(start, end, PIECE_ROWS):
            yield number, rows.slice(at, min(PIECE_ROWS, end - at))


def _sort_large(
    order: npt.NDArray[np.int64], starts: Sequence[int], ends: Sequence[int], time: pa.ChunkedArray
) -> None:
    """Sorts the rows of each partition that makes several pieces by time, in place."""
    times = time.to_numpy()
    for start, end in zip(starts, ends, strict=True):
        if end - start > PIECE_ROWS:
            rows = order[start:end]
            order[start:end] = rows[np.argsort(times[rows], kind="stable")]


def _range(values: pa.Array) -> tuple[int, int]:
    """The least and the greatest value; without any, a range that widens no other."""
    found = pc.min_max(values)
    if not found["min"].is_valid:
        return np.iinfo(np.int64).max, np.iinfo(np.int64).min
    return found["min"].as_py(), found["max"].as_py()


def open_arrow(path: str, least_bytes: int | None = None) -> pa.NativeFile:
    """Opens an Arrow file of any store; one on a disk of this machine is mapped.

    Args:
        path: the file.
        least_bytes: what is fetched at the least wherever something is read; None: what suits whole
            files, which for Beam are 16 MiB.
    """
    if "://" not in path:
        return pa.memory_map(path)
    if path.startswith("gs://") and least_bytes is not None:
        # Beam's own way to open files of any store has no say in how much is fetched.
        from apache_beam.io.gcp.gcsio import GcsIO

        store = GcsIO(pipeline_options=PipelineOptions([]))
        return pa.PythonFile(store.open(path, read_buffer_size=least_bytes), mode="r")
    return pa.PythonFile(
        FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED), mode="r"
    )
