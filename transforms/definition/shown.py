"""A definition as a notebook shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from forebay.transforms import html

if TYPE_CHECKING:
    from forebay.transforms.definition.columns import Column
    from forebay.transforms.definition.dataset import Dataset
    from forebay.transforms.definition.sources import Source
    from forebay.transforms.definition.windows.table import WindowedTable


def table_html(table: WindowedTable, name: str) -> str:
    """Returns a table and its windows as HTML."""
    rows = [*_columns(table, "")]
    for source, events in table.sources.items():
        rows += _columns(events, f"{source}: ")
    rows += [(column, _kind(kind), "windowed") for column, kind in table.windowed_columns.items()]
    time = "" if table.row_time is None else f"rows ask at {table.row_time}"
    return html.heading(name, time) + html.table(("column", "kind", ""), rows)


def dataset_html(dataset: Dataset) -> str:
    """Returns a whole definition as HTML."""
    features = (
        (", ".join(one.outputs), type(one).__name__, ", ".join(dict.fromkeys(one.inputs)))
        for one in dataset.features
    )
    rest = [("label", brief(dataset.label)), ("split", brief(dataset.split))]
    rest += [] if dataset.prepare is None else [("prepare", brief(dataset.prepare))]
    rest += [(f"lookup {one.name}", ", ".join(one.names)) for one in dataset.lookups]
    rest += [("where", brief(one)) for one in dataset.conditions]
    named = (("passthrough", ", ".join(dataset.passthrough)), ("weight", dataset.weight))
    rest += [(name, value) for name, value in named if value]
    return (
        table_html(dataset, dataset.name)
        + html.table(("feature", "kind", "of"), features)
        + html.pairs(rest)
    )


def brief(value: Any) -> str:
    """Returns what constructs a dataclass, without what is as by default."""
    given = [
        f"{field.name}={getattr(value, field.name)!r}"
        for field in fields(value)
        if field.init and getattr(value, field.name) != field.default
    ]
    return f"{type(value).__name__}({', '.join(given)})"


def _columns(table: Source, prefix: str) -> Iterator[tuple[str, str, str]]:
    columns: Mapping[str, Column] = table.columns
    for name, kind in columns.items():
        yield prefix + name, _kind(kind), "read"
    for step in table.derive:
        for name, kind in step.outputs.items():
            yield prefix + name, _kind(kind), f"derived of {', '.join(step.inputs)}"


def _kind(kind: Column) -> str:
    return brief(kind).removesuffix("()")
