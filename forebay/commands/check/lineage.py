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
        sources: the columns read that each row column depends on, itself included.
        of_times: the columns read that a time or a key of the windows depends on.
        known: the columns read that the row time depends on: known when a row is asked.
        label: the columns read that the label depends on and that are not in ``known``.
    """

    sources: Mapping[str, frozenset[str]]
    of_times: frozenset[str]
    known: frozenset[str]
    label: frozenset[str]

    def is_of_label(self, name: str) -> bool:
        """Tells whether a column depends on what the label depends on."""
        return bool(self.sources.get(name, frozenset()) & self.label)


def find_lineage(subject: Subject) -> Lineage:
    """Changes the cells of each column that is read, and sees which derived columns change."""
    dataset = subject.dataset
    sources = {name: {name} for name in dataset.columns}
    telling = _telling_steps(dataset)
    for step in dataset.steps_at_reading:
        sources |= _made(step, sources, telling)
    for lookup in dataset.lookups:
        asks_at = [str(dataset.row_time)] if lookup.is_timed else []
        asked: set[str] = set().union(*(sources[name] for name in (*lookup.row_keys, *asks_at)))
        sources |= {name: set(asked) for name in lookup.names}
    for step in dataset.later_steps:
        sources |= _made(step, sources, telling)
    read = {name for step in telling for name in step.inputs}
    read |= {str(name) for one in dataset.lookups for name in (*one.row_keys, dataset.row_time)}
    for name in sorted(read & set(dataset.columns)):
        for derived in _dependents(subject, telling, name):
            sources[derived].add(name)
    known = sources.get(str(dataset.row_time), set())
    times = {name for name, kind in dataset.row_columns.items() if isinstance(kind, Timestamp)}
    keys = {key for windowed in dataset.windows for key in windowed.row_keys}
    keys |= {key for windowed in dataset.windows if not windowed.source for key in windowed.key}
    fixed = {str(source) for name in times | keys for source in sources.get(name, set())}
    return Lineage(
        {name: frozenset(found) for name, found in sources.items()},
        frozenset(fixed),
        frozenset(known),
        frozenset(sources[dataset.label.column] - known),
    )


def _made(
    step: Derive, sources: Mapping[str, set[str]], telling: Collection[Derive]
) -> dict[str, set[str]]:
    """Returns what the columns of a step depend on, if that need not be found out by trial."""
    made = set() if step in telling else set().union(*(sources[name] for name in step.inputs))
    return {name: set(made) for name in step.outputs}


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


def _dependents(subject: Subject, steps: Collection[Derive], name: str) -> set[str]:
    derived = [output for step in steps for output in step.outputs]
    parsed = subject.parsed
    step = max(1, len(parsed) // _PROBES)
    probe = parsed.take(pa.array(np.arange(0, len(parsed), step)[:_PROBES]))
    before = subject.derived_or_none(probe, steps)
    if before is None:
        return set()
    found: set[str] = set()
    for values in changed(probe[name]):
        after = subject.derived_or_none(replaced(probe, {name: values}), steps)
        if after is not None:
            found |= moved(before, after, derived, before[ROW].to_numpy()).keys()
    return found


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
