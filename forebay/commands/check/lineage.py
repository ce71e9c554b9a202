"""Which columns depend on which, found by changing cells and deriving again."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.check.subject import Subject, moved, replaced
from forebay.transforms.definition.columns import Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import Derive

# Rows whose cells are changed: enough to meet most branches of a function.
_PROBES = 500


@dataclass(frozen=True)
class Lineage:
    """What the columns of a definition depend on.

    Attributes:
        cells: the columns read or looked up that each row column is made of, itself included.
        sources: those, and the columns read that say which rows are looked up.
        of_times: the sources of the times and keys of the windows.
        known: the sources of the row time: known when a row is asked.
        label: the cells of the label that are not in ``known``.
    """

    cells: Mapping[str, frozenset[str]]
    sources: Mapping[str, frozenset[str]]
    of_times: frozenset[str]
    known: frozenset[str]
    label: frozenset[str]

    def is_of_label(self, name: str) -> bool:
        """Tells whether a column depends on what the label is made of."""
        return bool(self.sources.get(name, frozenset()) & self.label)


def find_lineage(subject: Subject) -> Lineage:
    """Changes the cells that are read or looked up, and sees which derived columns change."""
    dataset = subject.dataset
    telling = _telling_steps(dataset)
    cells = {name: frozenset({name}) for name in (*dataset.columns, *dataset.looked_up_columns)}
    cells |= _found_by_trial(subject, telling)
    for step in (*dataset.steps_at_reading, *dataset.later_steps):
        if step not in telling:
            made = frozenset().union(*(cells[name] for name in step.inputs))
            cells |= dict.fromkeys(step.outputs, made)
    asked: dict[str, frozenset[str]] = {}
    for lookup in dataset.lookups:
        asks_by = (*lookup.row_keys, *([str(dataset.row_time)] if lookup.is_timed else []))
        of_keys = frozenset().union(*(cells[name] for name in asks_by))
        asked |= dict.fromkeys(lookup.names, of_keys)
    sources = {
        name: found.union(*(asked.get(cell, ()) for cell in found)) for name, found in cells.items()
    }
    known = sources.get(str(dataset.row_time), frozenset())
    times = {name for name, kind in dataset.row_columns.items() if isinstance(kind, Timestamp)}
    keys = {key for windowed in dataset.windows for key in windowed.row_keys}
    keys |= {key for windowed in dataset.windows if not windowed.source for key in windowed.key}
    fixed = frozenset().union(*(sources.get(name, ()) for name in times | keys))
    return Lineage(cells, sources, fixed, known, cells[dataset.label.column] - known)


def _telling_steps(dataset: Dataset) -> list[Derive]:
    """Returns the steps that make more than a column to split on, which may be of whole rows."""
    needed = {*dataset.model_columns, dataset.label.column, str(dataset.row_time)}
    for windowed in dataset.windows:
        needed |= {*windowed.columns_read, *windowed.row_keys}
    telling: list[Derive] = []

    def tell(steps: Sequence[Derive]) -> None:
        for step in reversed(steps):
            if needed & set(step.outputs):
                needed.update(step.inputs)
                telling.insert(0, step)

    tell(dataset.later_steps)
    needed.update(name for lookup in dataset.lookups for name in lookup.row_keys)
    tell(dataset.steps_at_reading)
    return telling


def _found_by_trial(subject: Subject, steps: Collection[Derive]) -> dict[str, frozenset[str]]:
    """Returns the cells that the outputs of steps are made of."""
    outputs = [output for step in steps for output in step.outputs]
    found: dict[str, set[str]] = {output: set() for output in outputs}
    parsed = subject.parsed
    every = max(1, len(parsed) // _PROBES)
    probe = parsed.take(pa.array(np.arange(0, len(parsed), every)[:_PROBES]))
    before = subject.derived_or_none(probe, steps)
    if before is None:
        return dict.fromkeys(outputs, frozenset())
    looked_up = before.select([*subject.dataset.looked_up_columns, ROW])
    for name in sorted({name for step in steps for name in step.inputs} - found.keys()):
        given = probe if name in subject.dataset.columns else looked_up
        for values in changed(given[name]):
            rows, beside = (replaced(batch, {name: values}) for batch in (probe, looked_up))
            after = subject.derived_or_none(rows, steps, beside)
            if after is not None:
                for output in moved(before, after, outputs, before[ROW].to_numpy()):
                    found[output].add(name)
    return {output: frozenset(cells) for output, cells in found.items()}


def changed(values: pa.Array) -> Iterator[pa.Array]:
    """Yields other values of a column: those of other rows, nearby ones, none at all."""
    n = len(values)
    for shift in {1, n // 3 + 1}:
        yield values.take(pa.array(np.roll(np.arange(n), shift)))
    if pa.types.is_boolean(values.type):
        yield pc.invert(values)
    elif pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        yield pc.add(values, pa.scalar(1, values.type))
        yield pc.negate(values)
    yield pa.nulls(n, values.type)
