"""The rows that an audit looks at: all of them, or those of one stretch of time.

A stretch of time keeps whole what a window holds, save at its start; a sample of single rows
would thin every window. Of an instant that many more rows share than are kept, such as that of a
monthly snapshot, rows are chosen by hash.
"""

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.check.subject import joined
from forebay.console.words import counted
from forebay.pipelines.lookups.tables import Lookups, read_lookups, read_rows
from forebay.pipelines.sources.batches import ReadBatch, read_batches
from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.sources.tables import Tables
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.errors import InputError
from forebay.transforms.hashing import scramble
from forebay.transforms.windows.groups import window_groups
from forebay.transforms.windows.period import Period

# Times remembered of the first pass: enough to place the ends of a stretch within 0.01 %.
_TIMES_KEPT = 1 << 20
# A stretch of so many times as many rows as are kept is thinned: few instants hold many rows.
_FAR_MORE = 2

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """The rows read.

    Attributes:
        rows: the row columns and `ROW`, in order of identity, derived in the batches in which they
            were read.
        records: records in the files.
        rejected: how many of them became no row.
        is_whole: whether every row is here.
        span_us: the first and last instant of the rows kept; None where rows have no time.
        sources: the events that windows of these rows reach, of each source that windows look at.
        lookups: what the definition's lookups find.
    """

    rows: pa.RecordBatch
    records: int
    rejected: int
    is_whole: bool
    span_us: tuple[int, int] | None
    sources: Mapping[str, pa.RecordBatch]
    lookups: Lookups


def read_sample(
    dataset: Dataset,
    tables: Tables,
    most: int,
    seed: int,
    max_record_bytes: int,
    tell: Callable[[str], None],
) -> Sample:
    """Reads the input once if it has at most ``most`` rows, else twice: in memory, ``most`` rows.

    Args:
        dataset: the definition.
        tables: the input.
        most: how many rows to keep.
        seed: places the stretch of time kept where there are more.
        max_record_bytes: longer records are rejected.
        tell: a function called with what is being done, batch by batch.

    Raises:
        InputError: the input cannot be read, a function failed, or no row remains.
    """
    inputs = tables[ROWS]
    lookups = read_lookups(dataset, tables, max_record_bytes)
    kept: list[pa.RecordBatch] = []
    times = _Times()
    count = 0
    rejects: Counter[str] = Counter()
    for batch in _batches(inputs, lookups, max_record_bytes, tell):
        rejects.update(reject.category for reject in batch.rejects)
        count += len(batch.rows)
        times.add(instants_us(dataset, batch.rows))
        kept = [*kept, batch.rows] if count <= most else []
    if not count:
        if not rejects:
            names = ", ".join(dict.fromkeys(one.path for one in inputs))
            raise InputError(f"{names}: has no rows below its header; give a table with some")
        common = "; ".join(f"{why} ({times:,})" for why, times in rejects.most_common(3))
        raise InputError(
            f"{counted(rejects.total(), 'record')} read, and none became a row; the commonest "
            f"reasons: {common}; mend the input or the definition"
        )
    is_whole = count <= most
    if not is_whole:
        keep = _choice(dataset, times, most / count, seed)
        for batch in _batches(inputs, lookups, max_record_bytes, tell):
            room = most - sum(map(len, kept))
            kept.append(batch.rows.filter(keep(batch.rows)).slice(0, room))
    rows = _in_order(kept)
    if not len(rows):
        raise InputError(
            f"--rows {most:,} keeps none of {counted(count, 'row')}; raise it, to read more of them"
        )
    span = _span(instants_us(dataset, rows))
    sources = {
        name: _reached(dataset, tables, name, span, max_record_bytes, tell)
        for name in dataset.sources
        if any(windowed.source == name for windowed in dataset.windows)
    }
    return Sample(rows, count + rejects.total(), rejects.total(), is_whole, span, sources, lookups)


def _reached(
    dataset: Dataset,
    tables: Tables,
    source: str,
    span: tuple[int, int] | None,
    max_record_bytes: int,
    tell: Callable[[str], None],
) -> pa.RecordBatch:
    """Reads the events of a source that windows of rows in a span of time can reach."""
    table = dataset.sources[source]
    groups = [group for group in window_groups(dataset) if group.source == source]
    period = Period(0, 0) if span is None else Period(span[0], span[1] + 1)
    schema = pa.schema([(name, kind.arrow_type) for name, kind in table.row_columns.items()])
    kept = [pa.RecordBatch.from_pylist([], schema=schema.append(pa.field(ROW, pa.int64())))]
    for batch in read_batches(tables[source], table, max_record_bytes):
        tell(f"read {source}")
        reached = (period.reaches(group, batch.rows) for group in groups)
        kept.append(batch.rows.filter(functools.reduce(pc.or_, reached)))
    return _in_order(kept)


def instants_us(dataset: Dataset, rows: pa.RecordBatch) -> pa.Array:
    """Returns when each row is asked, or where it is not, when its event happens."""
    own = [windowed.at for windowed in dataset.windows if windowed.source is None]
    names = [dataset.row_time, *own]
    there = [name for name in dict.fromkeys(names) if name in rows.schema.names]
    columns = [rows[name].cast(pa.int64()) for name in there]
    return pc.coalesce(*columns) if columns else pa.nulls(len(rows), pa.int64())


def _batches(
    inputs: Sequence[TableInput],
    lookups: Lookups,
    max_record_bytes: int,
    tell: Callable[[str], None],
) -> Iterator[ReadBatch]:
    records = 0
    for batch in read_rows(inputs, lookups, max_record_bytes):
        records += batch.records
        tell(f"read {counted(records, 'record')}")
        yield batch


class _Stretch(NamedTuple):
    """A stretch of time, from ``start`` to before ``end``, and which share of the rows it holds."""

    start: int
    end: int
    share: float


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

    def stretch(self, fraction: float, place: float) -> _Stretch | None:
        """Returns the stretch that holds a share of the rows, or more; None without times."""
        if not len(self._kept):
            return None
        ordered = np.sort(self._kept)
        first = int(place * (1 - fraction) * len(ordered))
        last = min(first + max(1, int(fraction * len(ordered))), len(ordered) - 1)
        start = int(ordered[first])
        end = max(int(ordered[last]), start + 1)
        held = np.searchsorted(ordered, end) - np.searchsorted(ordered, start)
        return _Stretch(start, end, float(held / len(ordered)))


def _choice(
    dataset: Dataset, times: _Times, fraction: float, seed: int
) -> Callable[[pa.RecordBatch], pa.Array]:
    """Returns what tells the rows to keep: those of a stretch of time, or else by hash."""
    stretch = times.stretch(fraction, float(np.random.default_rng(seed).random()))
    if stretch is None:
        return _by_hash(fraction, seed)

    def within(rows: pa.RecordBatch) -> pa.Array:
        at = instants_us(dataset, rows)
        inside = pc.and_(pc.greater_equal(at, stretch.start), pc.less(at, stretch.end))
        return pc.fill_null(inside, False)

    if stretch.share < _FAR_MORE * fraction:
        return within
    some = _by_hash(fraction / stretch.share, seed)
    return lambda rows: pc.and_(within(rows), some(rows))


def _by_hash(fraction: float, seed: int) -> Callable[[pa.RecordBatch], pa.Array]:
    """Returns what tells the rows of a share of all, whatever they hold."""
    limit = int(fraction * 2**64)
    salt = int(scramble(np.array([seed]))[0]) >> 1
    return lambda rows: pa.array(scramble(rows[ROW].to_numpy() ^ salt) < np.uint64(limit))


def _in_order(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    batch = joined(batches)
    return batch.take(pc.sort_indices(batch[ROW]))


def _span(instants: pa.Array) -> tuple[int, int] | None:
    bounds = pc.min_max(instants).as_py()
    return None if bounds["min"] is None else (bounds["min"], bounds["max"])
