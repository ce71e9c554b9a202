"""New rows among earlier ones: a row that stands in both tables is one row.

Were it two, it would see its own event. It is the same where all columns on which its answer
depends are equal, and so is every other column of the table in which the new row has a value;
numbers are compared as a served model takes them, in float32, and NaN is missing. Of several such
rows the first stands for the first, and a new row with more values is found before one with less.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.shuffle.group_batches import Group, GroupBatches
from forebay.pipelines.shuffle.pieces import Partitioned
from forebay.pipelines.tallies.tallies import Latest
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.new_rows import asked_columns
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.row_contents import hash_contents
from forebay.transforms.windows.groups import window_groups
from forebay.transforms.windows.period import Period

UInt64Array = npt.NDArray[np.uint64]
_Codes = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

ASKED = "__asked"
# The kind of the tallies of new rows that are almost earlier ones, by the columns that differ.
DIFFERING = "differing"
_NEW, _EARLIER = "new", "earlier"
_PARTITIONS = np.uint64(64)


@dataclass(frozen=True)
class NewTimes:
    """What is known of all new rows.

    Attributes:
        hashes: of what their answers depend on, sorted, each once.
        first_us, last_us: their least and greatest time; None: none has one.
    """

    hashes: UInt64Array = field(default_factory=lambda: np.zeros(0, np.uint64))
    first_us: int | None = None
    last_us: int | None = None


class WithHistory(beam.PTransform):
    """Joins new rows with the earlier ones that their windows may see.

    Input: a mapping of ``new`` and ``history`` to batches of rows of the dataset's own table.
    Output: ``rows``, a tuple of PCollections, together of both tables, a row of both once, with the
    identity of the new one; ``tallies``.

    Args:
        dataset: the definition.
        temp_location: a folder that all workers can write to and read from.
    """

    def __init__(self, dataset: Dataset, temp_location: str) -> None:
        super().__init__()
        self.dataset = dataset
        self.temp_location = temp_location

    def expand(self, tables: Any) -> Any:  # noqa: D102
        asked, own = sorted(asked_columns(self.dataset)), list(self.dataset.columns)
        new = tables["new"] | "HashNew" >> beam.Map(with_asked, asked)
        times = new | "NewTimes" >> beam.CombineGlobally(_NewTimes(self.dataset.row_time))
        sifted = tables["history"] | "Sift" >> beam.ParDo(
            _Sift(self.dataset, asked), beam.pvalue.AsSingleton(times)
        ).with_output_types(pa.RecordBatch).with_outputs("tallies", "same", main="events")
        found = (
            (
                new | "New" >> _each(_parted, _NEW),
                sifted.same | "Same" >> _each(_parted, _EARLIER),
            )
            | "GroupByAsked" >> GroupBatches(self.temp_location)
            | "Match" >> beam.FlatMap(_matched, own).with_outputs("tallies", main="rows")
        )
        return {
            "rows": (found.rows, sifted.events),
            "tallies": (found.tallies, sifted.tallies) | beam.Flatten(),
        }


def _each(function: Any, *arguments: Any) -> beam.PTransform:
    return beam.Map(function, *arguments).with_output_types(Partitioned)


def with_asked(batch: pa.RecordBatch, asked: Sequence[str]) -> pa.RecordBatch:
    """Puts `ASKED` beside rows: a hash of what their answers depend on, uint64."""
    hashes = hash_contents([_as_served(batch[name]) for name in asked])
    return batch.append_column(ASKED, pa.array(hashes))


class _NewTimes(beam.CombineFn):
    def __init__(self, row_time: str | None) -> None:
        self._row_time = row_time

    def create_accumulator(self) -> list[NewTimes]:
        return []

    def add_input(self, found: list[NewTimes], batch: pa.RecordBatch) -> list[NewTimes]:
        hashes = np.unique(batch[ASKED].to_numpy())
        if self._row_time is None:
            return [*found, NewTimes(hashes)]
        ends = pc.min_max(batch[self._row_time].cast(pa.int64()))
        return [*found, NewTimes(hashes, ends["min"].as_py(), ends["max"].as_py())]

    def merge_accumulators(self, several: Any) -> list[NewTimes]:
        return [_all([one for found in several for one in found])]

    def extract_output(self, found: list[NewTimes]) -> NewTimes:
        return _all(found)


def _all(several: Sequence[NewTimes]) -> NewTimes:
    if not several:
        return NewTimes()
    firsts = [one.first_us for one in several if one.first_us is not None]
    lasts = [one.last_us for one in several if one.last_us is not None]
    hashes = np.unique(np.concatenate([one.hashes for one in several]))
    return NewTimes(hashes, min(firsts, default=None), max(lasts, default=None))


class _Sift(beam.DoFn):
    """Sorts earlier rows: what may be a new one, what windows may see, and what neither."""

    def __init__(self, dataset: Dataset, asked: Sequence[str]) -> None:
        self._dataset = dataset
        self._asked = asked

    def setup(self) -> None:
        groups = window_groups(self._dataset)
        self._groups = [group for group in groups if group.source == ROWS]

    def process(self, batch: pa.RecordBatch, times: NewTimes) -> Iterator[Any]:
        batch = with_asked(batch, self._asked)
        same = np.isin(batch[ASKED].to_numpy(), times.hashes)
        reached = pa.array(np.zeros(len(batch), np.bool_))
        if times.first_us is not None and times.last_us is not None:
            period = Period(times.first_us, times.last_us + 1)
            reached = period.reaches_any(self._groups, batch)
        events = batch.filter(pc.and_(reached, pa.array(~same))).drop_columns([ASKED])
        if self._groups and len(batch):
            ends = pc.min_max(batch[str(self._dataset.row_time)].cast(pa.int64()))
            if ends["max"].is_valid and times.first_us is not None:
                yield from _told_times(ends["min"].as_py(), ends["max"].as_py(), times.first_us)
        if len(events):
            yield beam.pvalue.TaggedOutput("tallies", ("history", "rows", len(events)))
            yield events
        if same.any():
            yield beam.pvalue.TaggedOutput("same", batch.filter(pa.array(same)))


def _told_times(first_us: int, last_us: int, new_us: int) -> Iterator[Any]:
    """Yields where the history begins and ends, and where the new rows begin."""
    found = {"begins before": -first_us, "ends": last_us, "new begins before": -new_us}
    for name, us in found.items():
        yield beam.pvalue.TaggedOutput("tallies", ("history times", name, Latest(us)))


def _parted(batch: pa.RecordBatch, stream: str) -> Partitioned:
    part = (batch[ASKED].to_numpy() % _PARTITIONS).astype(np.int64)
    return Partitioned("same", stream, part, batch)


def _matched(element: Group, own: Sequence[str]) -> Iterator[Any]:
    tables = element.tables()  # earlier rows come only where a new one is like them
    new = tables[_NEW]
    found = joined(new, tables.get(_EARLIER, new.slice(0, 0)), own)
    for rows in found.rows:
        yield rows.drop_columns([ASKED])
    for name, count in found.differing.items():
        yield beam.pvalue.TaggedOutput("tallies", (DIFFERING, name, count))


class Joined(NamedTuple):
    """The rows of two tables, those that are in both once.

    Attributes:
        rows: the earlier rows with the identity of the new ones that they are, and the others.
        differing: how many new rows are like an earlier one in all that answers depend on, and yet
            another row, by the columns in which they differ.
    """

    rows: list[pa.RecordBatch]
    differing: dict[str, int]


def joined(new: pa.Table, earlier: pa.Table, own: Sequence[str]) -> Joined:
    """Joins the rows of two tables.

    Args:
        new: rows of some values of `ASKED`, with `ROW`.
        earlier: all earlier rows of those values.
        own: the columns of the table itself: what is derived of them may say of a missing value
            that it is none, and is another once that is known.
    """
    new, earlier = _in_order(new), _in_order(earlier)
    codes = {name: _codes(_as_served(new[name]), _as_served(earlier[name])) for name in own}
    starts, ends = (
        np.searchsorted(earlier[ASKED].to_numpy(), new[ASKED].to_numpy(), side)
        for side in ("left", "right")
    )
    pairs = _pairs(new[ASKED].to_numpy(), starts, ends, list(codes.values()), len(earlier))
    is_both = pairs >= 0
    identities = earlier[ROW].to_numpy().copy()
    identities[pairs[is_both]] = new[ROW].to_numpy()[is_both]
    place = earlier.schema.get_field_index(ROW)
    found = earlier.set_column(place, earlier.schema.field(ROW), pa.array(identities))
    rows = [one for one in (new.filter(pa.array(~is_both)), found) if len(one)]
    alike = np.flatnonzero(~is_both & (ends > starts))
    return Joined(rows, dict(_differing(codes, alike, starts[alike])))


def _differing(
    codes: Mapping[str, _Codes], mine: npt.NDArray[np.int64], theirs: npt.NDArray[np.int64]
) -> Iterator[tuple[str, int]]:
    """Yields in how many of some new rows a column is another than in an earlier row."""
    for name, (new, earlier) in codes.items():
        count = int(((new[mine] != -1) & (new[mine] != earlier[theirs])).sum())
        if count:
            yield name, count


def _in_order(table: pa.Table) -> pa.RecordBatch:
    order = np.lexsort((table[ROW].to_numpy(), table[ASKED].to_numpy()))
    columns = [column.combine_chunks() for column in table.take(pa.array(order)).columns]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)


def _pairs(
    hashes: UInt64Array, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64],
    codes: Sequence[_Codes], earlier: int,
) -> npt.NDArray[np.int64]:  # fmt: skip
    """Returns which earlier row each new row is, int64 (n,); -1: none.

    Args:
        hashes: `ASKED` of the new rows, in order.
        starts: the first earlier row of the same, (n,).
        ends: the first one after those, (n,).
        codes: the values of both, a column each.
        earlier: how many earlier rows there are.
    """
    found = np.full(len(hashes), -1, np.int64)
    is_first = np.append(True, hashes[1:] != hashes[:-1])
    alone = (ends - starts == 1) & is_first & np.append(is_first[1:], True)
    mine, theirs = np.flatnonzero(alone), starts[alone]
    found[mine] = np.where(_fit(codes, mine, theirs), theirs, -1)
    taken = np.zeros(earlier, np.bool_)
    several = np.flatnonzero(~alone & (ends > starts))
    said = sum(new[several] != -1 for new, _ in codes)
    for row in several[np.argsort(-said, kind="stable")]:  # the row that says most has one first
        theirs = np.arange(starts[row], ends[row])
        free = theirs[~taken[theirs] & _fit(codes, row, theirs)]
        if len(free):
            found[row] = free[0]
            taken[free[0]] = True
    return found


def _as_served(column: pa.Array) -> pa.Array:
    """Returns numbers as float32, which another table may hold them in; NaN is missing."""
    if not pa.types.is_floating(column.type):
        return column
    numbers = column.cast(pa.float32(), safe=False)
    zero = pa.scalar(0, pa.float32())  # added, -0.0 is 0.0
    return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float32()), pc.add(numbers, zero))


def _codes(new: pa.Array, earlier: pa.Array) -> _Codes:
    """Returns a number for each value of a column of both, equal for equal values; -1: none."""
    both = pa.chunked_array([new, earlier]).combine_chunks()
    indices = pc.fill_null(pc.dictionary_encode(both).indices, -1).to_numpy().astype(np.int64)
    return indices[: len(new)], indices[len(new) :]


def _fit(codes: Sequence[_Codes], mine: Any, theirs: npt.NDArray[np.int64]) -> Any:
    """Tells which earlier rows have every value that the new rows have."""
    fits = np.ones(len(theirs), np.bool_)
    for new, earlier in codes:
        fits &= (new[mine] == -1) | (new[mine] == earlier[theirs])
    return fits
