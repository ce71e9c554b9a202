"""The rows that the windows of one row may see, picked out of the whole input.

Rows of other keys leave as soon as they are read. Of the row's own key, those that no window
reaches leave too, but for the nearest one on each side, which readers look for. Where events have
versions, a second pass over the input brings those of the rows picked together: they may have
other keys and times.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.explain.selection import OF_KEY, OWN, passes
from forebay.commands.explain.windowed_columns import WindowedColumn
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import ROWS, Source
from forebay.transforms.definition.windows.windowed import Where
from forebay.transforms.windows.groups import WindowGroup


class Candidates:
    """Collects the rows that the columns of one window group may see.

    Args:
        group: the windows, restricted to the wanted columns.
        columns: those columns.
        row: the asking row.
        table: what the rows hold that may be seen.
    """

    def __init__(
        self,
        group: WindowGroup,
        columns: Sequence[WindowedColumn],
        row: pa.RecordBatch,
        table: Source,
    ) -> None:
        self.group = group
        self.columns = columns
        self.row = row
        self.asked_us: int = row[group.row_time].cast(pa.int64())[0].as_py()
        self._filters = list(dict.fromkeys(column.where for column in columns))
        starts = [column.bounds(self.asked_us)[0] for column in columns]
        self._first = None if None in starts else min(s for s in starts if s is not None)
        kinds = {name: table.row_columns[name].arrow_type for name in group.event_columns}
        self._schema = pa.schema([*kinds.items(), (ROW, pa.int64())])
        self._reached: list[pa.RecordBatch] = []
        self._versions: list[pa.RecordBatch] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Keeps what the windows may see of a batch of rows."""
        rows = batch.select(self._schema.names)
        rows = rows.filter(self._has_key(rows))
        times = rows[self.group.at].cast(pa.int64())
        late = pc.greater_equal(times, self.asked_us)
        early = pc.less(times, self.asked_us if self._first is None else self._first)
        if self._first is None:
            early = pc.and_(early, False)
        # `filter` leaves out the rows without a time, too.
        self._reached.append(rows.filter(pc.invert(pc.or_(early, late))))
        for side, nearest in ((early, pc.max), (late, pc.min)):
            for where in self._filters:
                beside = self._expected(rows.filter(side), where)
                if len(beside):
                    times = beside[self.group.at].cast(pa.int64())
                    self._reached.append(beside.filter(pc.equal(times, nearest(times))).slice(0, 1))

    def event_ids(self) -> pa.Array:
        """Returns the ids of the events of which versions were kept so far; none without ids."""
        if self.group.versions is None:
            return pa.nulls(0)
        ids = self._kept()[self.group.versions.event_id]
        return ids.combine_chunks().unique().drop_null()

    def add_versions(self, batch: pa.RecordBatch, event_ids: pa.Array) -> None:
        """Keeps the versions of some events out of a batch of rows."""
        if self.group.versions is not None:
            rows = batch.select(self._schema.names)
            self._versions.append(
                rows.filter(pc.is_in(rows[self.group.versions.event_id], event_ids))
            )

    def table(self) -> pa.Table:
        """Returns what was kept, as `forebay.commands.explain.selection.explain` takes it."""
        rows = self._kept()
        if self.group.versions is not None:
            without_id = rows.filter(pc.is_null(rows[self.group.versions.event_id]))
            versions = pa.Table.from_batches(self._versions, self._schema)
            rows = pa.concat_tables([without_id, versions])
        of_key, own = self._has_key(rows), self._is_own(rows)
        return rows.append_column(OF_KEY, of_key).append_column(OWN, own).combine_chunks()

    def _kept(self) -> pa.Table:
        return pa.Table.from_batches(self._reached, self._schema)

    def _has_key(self, rows: pa.RecordBatch | pa.Table) -> pa.Array:
        mask = pc.is_valid(rows[ROW])
        for name, row_name in zip(self.group.key, self.group.row_key, strict=True):
            wanted = self.row[row_name][0]
            same = pc.equal(rows[name], wanted) if wanted.is_valid else pc.and_(mask, False)
            mask = pc.and_(mask, pc.fill_null(same, False))
        return mask

    def _is_own(self, rows: pa.Table) -> pa.ChunkedArray:
        own = pc.equal(rows[ROW], self.row[ROW][0])  # of another table, no row has this identity
        if self.group.versions is not None and self.group.source == ROWS:
            name = self.group.versions.event_id
            own = pc.or_(own, pc.fill_null(pc.equal(rows[name], self.row[name][0]), False))
        return own

    def _expected(self, rows: pa.RecordBatch, where: tuple[Where, ...]) -> pa.RecordBatch:
        kept = passes(where, pa.Table.from_batches([rows])).combine_chunks()
        return rows.filter(pc.and_(kept, pc.not_equal(rows[ROW], self.row[ROW][0])))
