"""What can be wrong with a definition as a whole: all of it, before any data is read."""

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from forebay.transforms.definition.columns import Column, Integer, Number, Timestamp
from forebay.transforms.definition.features import Categorical, Crossed, Feature, Informative
from forebay.transforms.definition.fields.types import Faults, field_problems
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.lookups import Lookup, lookup_problems
from forebay.transforms.definition.names import (
    LONGEST_NAME,
    is_file_name,
    output_name_problems,
    served_name_problems,
)
from forebay.transforms.definition.prepare import prepare_problems
from forebay.transforms.definition.sources import ROWS, source_problems
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.definition.windows.checks import (
    NO_SUCH_SOURCE,
    where_problems,
    window_problems,
)
from forebay.transforms.errors import NO_SUCH_COLUMN, Problem, unknown_column

if TYPE_CHECKING:
    from forebay.transforms.definition.dataset import Dataset
    from forebay.transforms.definition.windows.table import WindowedTable

# What stands for a part that is not of its type, while the others are checked.
_STAND_INS: Mapping[str, Any] = {
    "name": "unnamed", "columns": {}, "derive": (), "csv": CsvFormat(), "features": (),
    "label": Regression(""), "split": HashSplit(""), "row_time": None, "sources": {},
    "windows": (), "passthrough": (), "weight": None, "where": (), "lookups": (), "prepare": None,
}  # fmt: skip


# Yields the mistakes of a definition that are not of type, given what of it is of its type.
Contradictions = Callable[[Any, Any, Faults], Iterator[Problem]]


def definition_problems(
    table: "WindowedTable", contradictions: Contradictions
) -> Iterator[Problem]:
    """Yields all mistakes of a definition, those of type first.

    What a mistake of type may be the reason of is left out.
    """
    faults = Faults(field_problems(table))
    yield from faults.problems
    mended = _mended(table, faults)
    knows_columns = isinstance(table.columns, Mapping) and len(mended.columns) == len(table.columns)
    parts = ("derive", "sources", "windows", "lookups", "prepare")
    knows_columns &= all(faults.sound(part) for part in parts)
    for problem in contradictions(table, mended, faults):
        of_columns = problem.cause in (NO_SUCH_COLUMN, NO_SUCH_SOURCE)
        if not faults.explains(problem) and (knows_columns or not of_columns):
            yield problem


def _mended(table: "WindowedTable", faults: Faults) -> "WindowedTable":
    """Returns a copy of a definition without what is not of its type."""
    part = copy.copy(table)
    for name in (field.name for field in fields(table)):
        value = faults.mended(getattr(table, name), name)
        object.__setattr__(part, name, _STAND_INS[name] if value is None else value)
    return part


def table_contradictions(
    table: "WindowedTable",
    mended: "WindowedTable",
    faults: Faults,
    given_later: Mapping[str, Column] | None = None,
) -> Iterator[Problem]:
    """Yields the mistakes that are not of type, of a table and its windows.

    Args:
        table: the table.
        mended: what of it is of its type.
        faults: its mistakes of type.
        given_later: columns that its rows are given after they are read.
    """
    steps = faults.mended_items(table.derive, "derive")
    yield from source_problems(mended, steps, looked_up=given_later or {})
    for name, source in mended.sources.items():
        where = f"sources[{name!r}]."
        of_source = faults.mended_items(table.sources[name].derive, f"{where}derive")
        yield from _source_name_problems(name)
        yield from source_problems(source, of_source, where)
    if all(faults.sound(part) for part in ("row_time", "windows", "split")):
        yield from _row_time_problems(mended)
    events = {name: source.row_columns for name, source in mended.sources.items()}
    for where, windowed in faults.mended_items(table.windows, "windows").items():
        yield from window_problems(windowed, where, mended.row_columns, events)
    yield from _windowed_name_problems(mended)


def dataset_contradictions(
    dataset: "Dataset", mended: "Dataset", faults: Faults
) -> Iterator[Problem]:
    """Yields the mistakes that are not of type, as `table_contradictions` does, of a dataset."""
    if not mended.name or not mended.name.replace("_", "").replace("-", "").isalnum():
        yield Problem("name", mended.name, "not a plain name", "use letters, digits, '_' and '-'")
    given_later = {**mended.prepared_columns, **mended.looked_up_columns}
    yield from table_contradictions(dataset, mended, faults, given_later)
    yield from prepare_problems(mended.prepare, mended.columns_at_reading)
    events = {name: source.row_columns for name, source in mended.sources.items()}
    for where, lookup in faults.mended_items(dataset.lookups, "lookups").items():
        yield from lookup_problems(lookup, where, mended.columns_before_lookups, events)
    yield from _lookup_problems(mended)
    yield from _feature_problems(mended, faults.mended_items(dataset.features, "features"), faults)
    if faults.mended(dataset.label, "label") is not None:
        yield from mended.label.problems("label", mended.row_columns)
    if faults.mended(dataset.split, "split") is not None:
        yield from mended.split.problems("split", mended.row_columns)
    for name in mended.passthrough:
        if name not in mended.all_columns:
            yield unknown_column("passthrough", name, mended.all_columns)
    yield from _weight_problems(mended)
    for condition in mended.conditions:
        yield from where_problems(condition, "where", mended.row_columns)
    if faults.sound("label") and faults.sound("features"):
        yield from served_name_problems(mended.served_columns)


def _source_name_problems(name: str) -> Iterator[Problem]:
    if name == ROWS or not name.isidentifier():
        yield Problem(
            "sources", name, "not the name of a source",
            f"use letters, digits and '_', and not {ROWS!r}, which is the dataset's own table",
        )  # fmt: skip


def _row_time_problems(table: "WindowedTable") -> Iterator[Problem]:
    if table.row_time is not None:
        column = table.row_columns.get(table.row_time)
        if column is None:
            yield unknown_column("row_time", table.row_time, table.row_columns)
        elif not isinstance(column, Timestamp):
            yield Problem(
                "row_time", table.row_time, "not a Timestamp column", "name a Timestamp column"
            )
    elif table.needs_row_time:
        yield Problem(
            "row_time",
            None,
            "windows and time splits need the instant at which a row is asked for",
            "name a Timestamp column",
        )


def _lookup_problems(dataset: "Dataset") -> Iterator[Problem]:
    """Yields the mistakes of lookups among each other and beside the rest."""
    for name, times in Counter(lookup.name for lookup in dataset.lookups).items():
        if times > 1:
            yield Problem(
                "lookups", name, f"the name of {times} lookups, which are of one source and key",
                "name all columns in one",
            )  # fmt: skip
    yield from _looked_up_twice({lookup.name: lookup for lookup in dataset.lookups}.values())
    for i, lookup in enumerate(dataset.lookups):
        if lookup.is_timed and dataset.row_time is None:
            yield Problem(
                f"lookups[{i}]", lookup.name, "what a row finds depends on its time",
                "name a Timestamp column as row_time",
            )  # fmt: skip
        elif lookup.is_timed and dataset.row_time not in dataset.columns_before_lookups:
            yield Problem(
                "row_time", dataset.row_time, f"not known when {lookup.name} is looked up at it",
                "derive it without what is looked up",
            )  # fmt: skip
    before = dataset.columns_before_lookups
    for name in dataset.looked_up_columns:
        if name in before:
            yield Problem("lookups", name, "a column has this name already", "rename the column")
    for name in dataset.carried_columns:
        if name in dataset.embedded_columns:
            yield Problem(
                "lookups", name, "a served model looks it up itself, with embed=True",
                "leave it out of label, baselines, weight and passthrough, or leave embed out",
            )  # fmt: skip


def _looked_up_twice(lookups: Iterable[Lookup]) -> Iterator[Problem]:
    makers: dict[str, list[str]] = {}
    for lookup in lookups:
        for column in lookup.columns:
            maker = f"the column {column!r} of the lookup {lookup.name}"
            makers.setdefault(lookup.output(column), []).append(maker)
        if lookup.found is not None:
            makers.setdefault(lookup.found, []).append(f"the indicator of the lookup {lookup.name}")
    for name, found in makers.items():
        if len(found) > 1:
            yield Problem(
                "lookups", name, f"the name of {' and of '.join(found)}",
                "name a column once; declare one of two under another name, with field=",
            )  # fmt: skip


def _weight_problems(dataset: "Dataset") -> Iterator[Problem]:
    if dataset.weight is None:
        return
    column = dataset.row_columns.get(dataset.weight)
    if column is None:
        yield unknown_column("weight", dataset.weight, dataset.row_columns)
    elif not isinstance(column, Number | Integer):
        yield Problem(
            "weight", dataset.weight, f"a {type(column).__name__} column",
            "name a Number or Integer column",
        )  # fmt: skip


def _windowed_name_problems(table: "WindowedTable") -> Iterator[Problem]:
    names = Counter(name for windowed in table.windows for name in windowed.names)
    for name, times in names.items():
        if times > 1:
            yield Problem(
                "windows", name, f"{times} windowed columns have this name",
                "drop one, or derive a column with another name to aggregate",
            )  # fmt: skip
        if name in table.row_columns:
            yield Problem("windows", name, "a column has this name already", "rename the column")


def _feature_problems(
    dataset: "Dataset", features: Mapping[str, Feature], faults: Faults
) -> Iterator[Problem]:
    if not dataset.features and faults.sound("features"):
        yield Problem("features", dataset.features, "nothing to learn from", "declare a feature")
    crossable = {name for f in dataset.features if f.crossable for name in f.outputs}
    outputs: Counter[str] = Counter(dataset.carried_columns)
    for where, feature in features.items():
        yield from feature.problems(where, dataset.all_columns)
        outputs.update(feature.outputs)
        yield from _own_label_problems(dataset, where, feature)
        if isinstance(feature, Categorical) and isinstance(feature.ids, Informative):
            yield from feature.ids.label_problems(f"{where}.ids", dataset.label)
        if isinstance(feature, Crossed):
            for name in feature.of:
                if name not in crossable:
                    yield unknown_column(f"{where}.of", name, dict.fromkeys(sorted(crossable)))
    of_features = (name for feature in features.values() for name in feature.outputs)
    yield from output_name_problems(dict.fromkeys(of_features))
    for name, times in outputs.items():
        if times > 1:
            yield Problem("features", name, f"{times} outputs have this name", "set name= on one")
    for name in (*outputs, *dataset.windowed_columns):
        if not is_file_name(name):
            yield Problem(
                "features" if name in outputs else "windows", name, "no file can have this name",
                f"use no '/', no control characters and at most {LONGEST_NAME} bytes; set name=, "
                "or derive a column with another name",
            )  # fmt: skip


def _own_label_problems(dataset: "Dataset", where: str, feature: Feature) -> Iterator[Problem]:
    """Yields what a feature reads that is the label, or is found by it."""
    label = dataset.label.column
    keys = {name: one.row_keys for one in dataset.lookups for name in one.names}
    keys |= {name: one.row_keys for one in dataset.windows for name in one.names}
    for name in dict.fromkeys(feature.inputs):
        if name == label:
            yield Problem(
                where, name, "the label is not known when a model is asked",
                "leave it out; windows over it, without the row's own event, are fine",
            )  # fmt: skip
        elif label in keys.get(name, ()):
            yield Problem(
                where, name, f"found by the label {label!r}, which is not known when a model is "
                "asked", "leave it out, or find it by another row_key",
            )  # fmt: skip
