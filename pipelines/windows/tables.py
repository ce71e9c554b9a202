"""The tables that windows are computed over: in parts, and in the types of their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa

from forebay.pipelines.windows.conform import conform
from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.identity import CONTENT
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.definition.windows.table import WindowedTable
from forebay.transforms.row_contents import hash_contents
from forebay.transforms.windows.groups import WindowGroup

# The parts of each table, by what their steps are called.
Parted = Mapping[str, Mapping[str, beam.PCollection]]


def in_parts(tables: Any) -> Parted:
    """Returns the parts of each table.

    Args:
        tables: the PCollections of each, or its one PCollection, by name; or those of `ROWS` alone.
    """
    tables = tables if isinstance(tables, Mapping) else {ROWS: tables}
    several = {
        name: (rows,) if isinstance(rows, beam.PCollection) else tuple(rows)
        for name, rows in tables.items()
    }
    return {
        name: {name if len(parts) == 1 else f"{name} {i}": one for i, one in enumerate(parts)}
        for name, parts in several.items()
    }


def conforming(
    tables: Parted, table: WindowedTable, groups: Sequence[WindowGroup], keep: Sequence[str]
) -> Parted:
    """Brings tables into the types of their columns, and puts `CONTENT` beside the rows that ask.

    Args:
        tables: the tables.
        table: the definition.
        groups: its windows.
        keep: the columns that the rows must have beside those that windows read.
    """

    def conformed(name: str) -> beam.PTransform:
        needed = {column for group in groups for column in group.columns_of(name)}
        own = None if name != ROWS else list(table.columns)
        needed |= set(keep) if name == ROWS else set()
        return beam.Map(
            _conformed, table.tables[name].row_columns, sorted(needed), name, own
        ).with_output_types(pa.RecordBatch)

    return {
        name: {label: rows | f"Conform {label}" >> conformed(name) for label, rows in parts.items()}
        for name, parts in tables.items()
    }


def _conformed(
    batch: pa.RecordBatch, columns: Mapping[str, Column], needed: Sequence[str], table: str,
    own: Sequence[str] | None,
) -> pa.RecordBatch:  # fmt: skip
    batch = conform(batch, columns, needed, table)
    if own is None:
        return batch
    names = [name for name in own if name in batch.schema.names]
    return batch.append_column(CONTENT, pa.array(hash_contents([batch[name] for name in names])))
