"""The rows that an audit looks at: all of them, or those of one stretch of time.

A stretch of time keeps whole what a window holds, save at its start; a sample of single rows
would thin every window.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.csv_ranges import read_chunks
from pipelines.parse import ROW_OFFSET, parse_chunk
from pipelines.read_batches import CsvFile, derive, row_identity
from transforms.aggregation.groups import ROW
from transforms.dataset import Dataset
from transforms.errors import InputError
from transforms.functions import resolve
from transforms.partition import mix

# Small, so that a function that looks at its batch meets many of them.
CHUNK_BYTES = 4 << 20
# Times remembered of the first pass: enough to place the ends of a stretch within 0.01 %.
_TIMES_KEPT = 1 << 20

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """The rows read.

    Attributes:
        parsed: the definition's columns as read, `ROW_OFFSET` and `ROW`, in order of identity.
        rows: the row columns, derived ones included, and `ROW`: as the batches that were read
            gave them. Rows that lack a required derived column are not among them.
        records: records in the files.
        rejected: how many of them became no row.
        is_whole: whether every row is here.
        span_us: the first and last instant of the rows kept; None where rows have no time.
    """

    parsed: pa.RecordBatch
    rows: pa.RecordBatch
    records: int
    rejected: int
    is_whole: bool
    span_us: tuple[int, int] | None


@dataclass(frozen=True)
class _Chunk:
    parsed: pa.RecordBatch
    rows: pa.RecordBatch
    records: int


def read_sample(
    dataset: Dataset,
    files: Sequence[CsvFile],
    most: int,
    seed: int,
    max_record_bytes: int,
    tell: Callable[[int], None],
) -> Sample:
    """Reads the input once if it has at most ``most`` rows, else twice: in memory, ``most`` rows.

    Args:
        dataset: the definition.
        files: the input.
        most: how many rows to keep.
        seed: places the stretch of time kept where there are more.
        max_record_bytes: longer records are rejected.
        tell: is called with the bytes of text read, chunk by chunk.

    Raises:
        InputError: the input cannot be read, a function failed, or no row remains.
    """
    kept: list[_Chunk] = []
    times = _Times()
    count = records = 0
    for chunk in _chunks(dataset, files, max_record_bytes, tell):
        records += chunk.records
        count += len(chunk.rows)
        times.add(instants_us(dataset, chunk.rows))
        kept = [*kept, chunk] if count <= most else []
    if not count:
        raise InputError(
            f"none of the {records:,} records became a row; run forebay preprocess to see why"
        )
    is_whole = count <= most
    if not is_whole:
        keep = _choice(dataset, times, most / count, seed)
        for chunk in _chunks(dataset, files, max_record_bytes, tell):
            kept.append(_kept(chunk, keep(chunk.rows), most - sum(len(k.rows) for k in kept)))
    rows = _joined([chunk.rows for chunk in kept])
    if not len(rows):
        raise InputError("no row has a time that could be sampled; raise --rows to read them all")
    return Sample(
        _joined([chunk.parsed for chunk in kept]), rows, records, records - count, is_whole,
        _span(instants_us(dataset, rows)),
    )  # fmt: skip


def instants_us(dataset: Dataset, rows: pa.RecordBatch) -> pa.Array:
    """Returns when each row is asked, or where it is not, when its event happens."""
    names = [dataset.row_time, *(windowed.at for windowed in dataset.windows)]
    columns = [
        rows[name].cast(pa.int64()) for name in dict.fromkeys(names) if name in rows.schema.names
    ]
    return pc.coalesce(*columns) if columns else pa.nulls(len(rows), pa.int64())


def _chunks(
    dataset: Dataset, files: Sequence[CsvFile], max_record_bytes: int, tell: Callable[[int], None]
) -> Iterator[_Chunk]:
    functions = [resolve(str(step.function)) for step in dataset.derive]
    for file in files:
        with file.source.open() as source:
            for offset, data in read_chunks(
                source, dataset.csv, len(file.names), max_record_bytes, CHUNK_BYTES,
                file.data_offset, file.source.path,
            ):  # fmt: skip
                parsed, rejects = parse_chunk(
                    data, offset, file.names, dataset.columns, dataset.csv, max_record_bytes
                )
                identity = row_identity(file.source.number, parsed[ROW_OFFSET].to_numpy())
                parsed = parsed.append_column(ROW, pa.array(identity))
                rows = parsed
                for step, function in zip(dataset.derive, functions, strict=True):
                    rows, _ = derive(rows, step, function)
                tell(len(data))
                yield _Chunk(
                    parsed, rows.select([*dataset.row_columns, ROW]), len(parsed) + len(rejects)
                )


class _Times:
    """Instants of a stream of rows, thinned evenly to a bounded number."""

    def __init__(self) -> None:
        self._kept: Ints = np.empty(0, np.int64)
        self._stride, self._next = 1, 0

    def add(self, instants: pa.Array) -> None:
        """Adds the instants that are known."""
        known = instants.drop_null().to_numpy()
        taken = known[self._next :: self._stride]
        self._next = (self._next - len(known)) % self._stride
        self._kept = np.concatenate([self._kept, taken])
        while len(self._kept) > _TIMES_KEPT:
            self._kept, self._stride = self._kept[::2], self._stride * 2

    def stretch(self, fraction: float, place: float) -> tuple[int, int] | None:
        """Returns the bounds of a stretch that holds a share of the rows; None without times."""
        if not len(self._kept):
            return None
        ordered = np.sort(self._kept)
        first = int(place * (1 - fraction) * len(ordered))
        last = min(first + max(1, int(fraction * len(ordered))), len(ordered) - 1)
        return int(ordered[first]), int(ordered[last])


def _choice(
    dataset: Dataset, times: _Times, fraction: float, seed: int
) -> Callable[[pa.RecordBatch], pa.Array]:
    """Returns what tells the rows to keep: those of a stretch of time, or else any."""
    bounds = times.stretch(fraction, float(np.random.default_rng(seed).random()))
    if bounds is None:
        limit = int(fraction * 2**64)
        salt = int(mix(np.array([seed]))[0]) >> 1
        return lambda rows: pa.array(mix(rows[ROW].to_numpy() ^ salt) < np.uint64(limit))

    def within(rows: pa.RecordBatch) -> pa.Array:
        at = instants_us(dataset, rows)
        inside = pc.and_(pc.greater_equal(at, bounds[0]), pc.less(at, bounds[1]))
        return pc.fill_null(inside, False)

    return within


def _kept(chunk: _Chunk, keep: pa.Array, room: int) -> _Chunk:
    rows = chunk.rows.filter(keep).slice(0, max(room, 0))
    own = pc.is_in(chunk.parsed[ROW], rows[ROW])
    return _Chunk(chunk.parsed.filter(own), rows, chunk.records)


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    joined = pa.Table.from_batches(batches).combine_chunks().to_batches()
    batch = joined[0] if joined else batches[0].slice(0, 0)
    return batch.take(pc.sort_indices(batch[ROW]))


def _span(instants: pa.Array) -> tuple[int, int] | None:
    bounds = pc.min_max(instants).as_py()
    return None if bounds["min"] is None else (bounds["min"], bounds["max"])
