"""A definition and its rows, to be computed again and again under changed circumstances."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.lookups.tables import Lookups, no_lookups
from forebay.pipelines.sources.derive import derive
from forebay.pipelines.sources.row_identity import ROW_OFFSET
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.functions import resolve
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import ROWS, Derive
from forebay.transforms.errors import InputError
from forebay.transforms.one_batch import one_batch
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import WindowGroup, window_groups
from forebay.transforms.windows.value_columns import passes

# Floats that differ by less agree: sums are exact to 1e-12, deviations to 1e-9.
_TOLERANCE = 1e-9

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Subject:
    """What is audited.

    Attributes:
        dataset: the definition.
        read: the row columns and `ROW`, in order of identity, derived in the batches in which
            they were read.
        sources: the events of each of the definition's sources, likewise.
        lookups: what the definition's lookups find; None: nothing.
    """

    dataset: Dataset
    read: pa.RecordBatch
    sources: Mapping[str, pa.RecordBatch] = field(default_factory=dict)
    lookups: Lookups | None = None

    @cached_property
    def parsed(self) -> pa.RecordBatch:
        """The columns read from the source, `ROW`, and `ROW_OFFSET` as `derived` needs it."""
        columns = self.read.select([*self.dataset.columns, ROW])
        return columns.append_column(ROW_OFFSET, columns[ROW])

    @cached_property
    def functions(self) -> Mapping[str, Any]:
        """The functions of the derive steps, by import path."""
        paths = {str(step.function) for step in self.dataset.derive}
        return {path: resolve(path) for path in paths}

    @cached_property
    def groups(self) -> list[WindowGroup]:
        """The groups of the definition's windows."""
        return window_groups(self.dataset)

    @cached_property
    def own_groups(self) -> list[WindowGroup]:
        """The groups whose events are the rows themselves."""
        return [group for group in self.groups if group.source == ROWS]

    @cached_property
    def rows(self) -> pa.RecordBatch:
        """The row columns and `ROW`, derived in one batch, in order of identity."""
        return self.derived(self.parsed)

    @cached_property
    def full(self) -> pa.RecordBatch:
        """`rows` and the windowed columns."""
        return self.complete(self.rows)

    @cached_property
    def asked(self) -> Bools:
        """Which of `rows` ask for an example, bool (n,).

        Those with a row time, if one is declared, that the definition's ``where`` keeps.
        """
        asked = np.ones(len(self.rows), bool)
        if self.dataset.row_time is not None:
            asked &= is_valid(self.rows[self.dataset.row_time])
        if self.dataset.conditions:
            wanted = passes(self.dataset.conditions, self.rows)
            asked &= wanted.to_numpy(zero_copy_only=False)
        return asked

    def events(self, group: WindowGroup) -> pa.RecordBatch:
        """The rows that a group takes its events from."""
        return self.rows if group.source == ROWS else self.sources[group.source]

    def derived(
        self,
        parsed: pa.RecordBatch,
        steps: Collection[Derive] | None = None,
        looked_up: pa.RecordBatch | None = None,
    ) -> pa.RecordBatch:
        """Derives the row columns of parsed rows, given as one batch.

        Args:
            parsed: the rows.
            steps: the only steps to take, with those that they need; None: all of them.
            looked_up: what rows look up, with `ROW`; None: what they find.

        Raises:
            InputError: a function failed.
        """
        parsed = self._derived(parsed, self.dataset.steps_at_reading, steps)
        if looked_up is None:
            parsed = (self.lookups or no_lookups(self.dataset)).beside(parsed)
        else:
            at = positions(looked_up[ROW].to_numpy(), parsed[ROW].to_numpy())
            for name in self.dataset.looked_up_columns:
                parsed = parsed.append_column(name, looked_up[name].take(pa.array(at, mask=at < 0)))
        parsed = self._derived(parsed, self.dataset.later_steps, steps)
        there = [name for name in self.dataset.row_columns if name in parsed.schema.names]
        return parsed.select([*there, ROW])

    def _derived(
        self, parsed: pa.RecordBatch, steps: Sequence[Derive], wanted: Collection[Derive] | None
    ) -> pa.RecordBatch:
        for step in steps:
            if wanted is None or step in wanted:
                parsed, _ = derive(parsed, step, self.functions[str(step.function)])
        return parsed

    def derived_or_none(
        self,
        parsed: pa.RecordBatch,
        steps: Collection[Derive] | None = None,
        looked_up: pa.RecordBatch | None = None,
    ) -> pa.RecordBatch | None:
        """As `derived`, for rows that were changed: None where a function cannot take them."""
        try:
            return self.derived(parsed, steps, looked_up)
        except InputError:
            return None

    def complete(
        self,
        rows: pa.RecordBatch,
        events: Callable[[WindowGroup, pa.RecordBatch], pa.RecordBatch] | None = None,
    ) -> pa.RecordBatch:
        """Adds the windowed columns to rows; ``events`` changes the events of each group."""
        asking = rows
        for group in self.groups:
            seen = asking if group.source == ROWS else self.sources[group.source]
            values = group_values(group, asking, events(group, seen) if events else seen)
            for name in group.aggregates:
                rows = rows.append_column(name, values[name])
        return rows


def group_values(
    group: WindowGroup, rows: pa.RecordBatch, events: pa.RecordBatch
) -> Mapping[str, pa.Array]:
    """Returns a group's windowed columns, in the order of the rows; null for those not asking."""
    requests = pa.Table.from_batches([group.requests(rows)])
    values = compute(group, pa.Table.from_batches([group.events(events)]), requests)
    index = positions(values[ROW].to_numpy(), rows[ROW].to_numpy())
    at = pa.array(index, mask=index < 0)
    return {name: values[name].take(at) for name in group.aggregates}


def deciding(group: WindowGroup) -> dict[str, list[str]]:
    """Returns what decides a group's windows, times and keys apart.

    Returns:
        The windowed columns, by each column of the events that they aggregate or filter by.
    """
    found: dict[str, list[str]] = {}
    for name in group.aggregates:
        for column in dict.fromkeys(group.decided_by(name)):
            found.setdefault(column, []).append(name)
    return found


def positions(among: Ints, wanted: Ints) -> Ints:
    """Returns where each wanted number is in an array, int64 (n,); -1 where it is not."""
    if not len(among):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(among, kind="stable")
    place = np.minimum(np.searchsorted(among, wanted, sorter=order), len(among) - 1)
    found = order[place]
    return np.where(among[found] == wanted, found, -1).astype(np.int64)


def is_valid(column: pa.Array) -> Bools:
    """Tells which values are there, bool (n,)."""
    return pc.is_valid(column).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def differ(before: pa.Array, after: pa.Array) -> Bools:
    """Tells which of two columns' values differ by more than rounding, bool (n,)."""
    valid = is_valid(before), is_valid(after)
    changed: Bools = valid[0] != valid[1]
    both = valid[0] & valid[1]
    if pa.types.is_floating(before.type) or pa.types.is_floating(after.type):
        a, b = (
            pc.fill_null(column, 0).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            for column in (before, after)
        )
        with np.errstate(invalid="ignore"):
            near = np.abs(a - b) <= _TOLERANCE * np.maximum(1, np.maximum(np.abs(a), np.abs(b)))
        same = near | (a == b) | (np.isnan(a) & np.isnan(b))
    else:
        equal = pc.fill_null(pc.equal(before, after.cast(before.type)), True)
        same = equal.to_numpy(zero_copy_only=False)
    changed |= both & ~same
    return changed


def moved(
    before: pa.RecordBatch, after: pa.RecordBatch, names: Sequence[str], among: Ints
) -> dict[str, Ints]:
    """Compares rows of two computations.

    Args:
        before: rows with `ROW`, in any order.
        after: the same rows, computed otherwise.
        names: the columns compared.
        among: int64 (m,), identities of the rows compared; those that either lacks are not.

    Returns:
        int64 identities of the rows that differ, by column; columns that agree are absent.
    """
    places = [positions(batch[ROW].to_numpy(), among) for batch in (before, after)]
    here = (places[0] >= 0) & (places[1] >= 0)
    left, right = (pa.array(place[here]) for place in places)
    found = {}
    for name in names:
        changed = differ(before[name].take(left), after[name].take(right))
        if changed.any():
            found[name] = among[here][changed]
    return found


def replaced(batch: pa.RecordBatch, columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """Returns a batch with other values in some of its columns."""
    arrays = [columns.get(name, batch[name]) for name in batch.schema.names]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Returns batches, one at least, as one.

    Raises:
        InputError: a column of them holds more text than one batch can.
    """
    return one_batch(pa.Table.from_batches(batches), "look at fewer, with --rows")


def cell(batch: pa.RecordBatch, row: int, name: str) -> str:
    """Writes one value of a row for people to read."""
    place = int(positions(batch[ROW].to_numpy(), np.array([row]))[0])
    if place < 0:
        return "absent"
    value = batch[name][place].as_py()
    return (
        "missing" if value is None else f"{value:.6g}" if isinstance(value, float) else f"{value}"
    )
