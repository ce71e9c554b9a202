"""A dataset's table whose rows are to be answered, or are events only: what its files may lack."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from forebay.transforms.definition.allowed import without_limits
from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import Derive, Source


@dataclass(frozen=True, kw_only=True)
class PartialSource(Source):
    """A table of which files may lack columns, which are then missing in every row.

    Attributes:
        needed: the columns, derived ones among them, that rows are read for.
        wanted: the columns of the files that must be there.
        forgiven: those of which a cell that cannot be read is missing, too.
    """

    needed: frozenset[str]
    wanted: frozenset[str]
    forgiven: frozenset[str] = frozenset()

    @cached_property
    def optional(self) -> frozenset[str]:  # noqa: D102
        return frozenset(self.columns) - self.wanted

    def skips(self, step: Derive, absent: frozenset[str]) -> bool:
        """Tells whether a step is left out where columns are absent, so that its outputs are."""
        return bool(absent.intersection(step.inputs)) and not self.needed.intersection(step.outputs)


def new_rows(dataset: Dataset) -> PartialSource:
    """Returns the table of the rows that a model is to answer.

    Files may lack what no row's answer depends on: the label, what windows aggregate. What cannot
    be read there is missing, and costs no answer. They may also lack a column of which others are
    derived, where the definition lets it be missing.
    """
    needed = asked_columns(dataset)
    label = dataset.label.column

    def wanted(name: str, kind: Column) -> bool:
        return name in needed or (kind.required and name != label)

    found = _partial(dataset, needed, wanted)
    return replace(found, forgiven=frozenset(found.columns) - read_for(dataset, needed))


def history(dataset: Dataset) -> PartialSource:
    """Returns the table of rows that are events of the others' windows.

    Files may lack what neither windows nor answers read.
    """
    read = {name for one in dataset.windows if one.source is None for name in one.columns_read}
    needed = frozenset(asked_columns(dataset) | (read & {*dataset.row_columns}))
    return _partial(dataset, needed, lambda _name, _kind: True)


def asked_columns(dataset: Dataset) -> frozenset[str]:
    """Returns the columns of a row that its answer depends on, its windows apart."""
    keys = {name for windowed in dataset.windows for name in windowed.row_keys}
    times = set() if dataset.row_time is None else {dataset.row_time}
    return frozenset({*dataset.served_columns, *keys, *times} & {*dataset.row_columns})


def derived_of(dataset: Dataset, absent: Collection[str]) -> dict[str, frozenset[str]]:
    """Returns the columns that are derived of absent ones, and of which."""
    found: dict[str, frozenset[str]] = {}
    for step in dataset.derive:
        lacking = frozenset({*absent, *found} & {*step.inputs})
        if lacking:
            found |= dict.fromkeys(step.outputs, lacking)
    return found


def for_answers(dataset: Dataset) -> Dataset:
    """Returns a definition in which columns that no answer depends on allow any value."""
    read, step = read_for(dataset, asked_columns(dataset)), dataset.prepare
    return replace(
        dataset,
        columns=_limited_if(dataset.columns, read),
        derive=_limited_steps(dataset.derive, read),
        prepare=step and replace(step, outputs=_limited_if(step.outputs, read)),
    )


def _limited_steps(steps: Sequence[Derive], read: Collection[str]) -> tuple[Derive, ...]:
    return tuple(replace(step, outputs=_limited_if(step.outputs, read)) for step in steps)


def _limited_if(kinds: Mapping[str, Column], read: Collection[str]) -> dict[str, Column]:
    return {name: kind if name in read else without_limits(kind) for name, kind in kinds.items()}


def _partial(
    dataset: Dataset, needed: frozenset[str], wanted: Callable[[str, Column], bool]
) -> PartialSource:
    """Returns a dataset's table as it is read for some of its columns.

    Args:
        dataset: the definition.
        needed: the columns, derived ones among them.
        wanted: of the files' columns that these depend on: whether a file must have it.
    """
    read = read_for(dataset, needed)
    columns = {
        name: kind if name in read else replace(kind, required=False)
        for name, kind in dataset.columns.items()
    }
    return PartialSource(
        columns=columns,
        derive=_limited_steps(dataset.steps_at_reading, read),
        csv=dataset.csv,
        needed=needed,
        wanted=frozenset(n for n, kind in columns.items() if n in read and wanted(n, kind)),
    )


def read_for(dataset: Dataset, needed: Collection[str]) -> frozenset[str]:
    """Returns columns and all those, of the files and in between, of which they are made."""
    read = set(needed)
    for step in reversed(dataset.later_steps):
        if read.intersection(step.outputs):
            read.update(step.inputs)
    for lookup in reversed(dataset.lookups):
        if read.intersection(lookup.names):
            read.update(lookup.row_keys)
    for step in reversed(dataset.steps_at_reading):
        if read.intersection(step.outputs):
            read.update(step.inputs)
    return frozenset(read)
