"""What windowed values of one row were made of: the events found, and what the engine says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from forebay.commands.explain.candidates import Candidates
from forebay.commands.explain.recomputation import recompute
from forebay.commands.explain.selection import Explanation, Value, explain
from forebay.commands.explain.windowed_columns import output_columns
from forebay.pipelines.lookups.tables import Lookups, read_table
from forebay.pipelines.sources.tables import Tables
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.errors import RunFailed
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import window_groups


@dataclass(frozen=True)
class Explained:
    """A windowed value with its explanation: the engine's value, None where it is missing."""

    value: Value | None
    explanation: Explanation


def explain_row(
    tables: Tables,
    lookups: Lookups,
    row: pa.RecordBatch,
    names: Sequence[str],
    max_record_bytes: int,
) -> dict[str, Explained]:
    """Explains windowed values of a row.

    Args:
        tables: the input.
        lookups: the definition, and what its lookups find.
        row: the row, with a row time.
        names: the windowed columns.
        max_record_bytes: longer records are rejects.

    Returns:
        What each value was made of, by column.

    Raises:
        RunFailed: the engine's value is not that of the events listed.
    """
    dataset = lookups.dataset
    candidates = _candidates(dataset, row, names)
    found: dict[str, Explained] = {}
    for name in dataset.tables:
        mine = [one for one in candidates if one.group.source == name]
        for read in read_table(name, tables, lookups, max_record_bytes) if mine else ():
            for one in mine:
                one.add(read.rows)
        several = {i: ids for i, one in enumerate(mine) if len(ids := one.event_ids())}
        for read in read_table(name, tables, lookups, max_record_bytes) if several else ():
            for i, ids in several.items():
                mine[i].add_versions(read.rows, ids)
        for one in mine:
            found |= _explained(one)
    return {name: found[name] for name in names}


def _candidates(dataset: Dataset, row: pa.RecordBatch, names: Sequence[str]) -> list[Candidates]:
    columns = output_columns(dataset)
    candidates = []
    for group in window_groups(dataset):
        wanted = {name: a for name, a in group.aggregates.items() if name in names}
        if wanted:
            read = {aggregate.column for aggregate in wanted.values()}
            values = {label: value for label, value in group.values.items() if label in read}
            group = replace(group, aggregates=wanted, values=values)
            windowed = [columns[name] for name in wanted]
            candidates.append(Candidates(group, windowed, row, dataset.tables[group.source]))
    return candidates


def _explained(found: Candidates) -> Mapping[str, Explained]:
    rows = found.table()
    (batch,) = rows.to_batches() or [pa.RecordBatch.from_pylist([], schema=rows.schema)]
    seen = pa.Table.from_batches([found.group.events(batch)])
    asked = pa.Table.from_batches([found.group.requests(found.row)])
    values = compute(found.group, seen, asked)
    explained = {}
    for column in found.columns:
        explanation = explain(column, found.group.at, rows, found.asked_us)
        value = values[column.name][0].as_py()
        listed = recompute(explanation, found.group.aggregates[column.name])
        if value != listed:
            raise RunFailed(
                f"{column.name} is {value!r}, but the events listed give {listed!r}; please report "
                "this with the definition and the row"
            )
        explained[column.name] = Explained(value, explanation)
    return explained
