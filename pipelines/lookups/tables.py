"""The tables of a definition's lookups, in memory: for commands that start no pipeline."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from forebay.pipelines.lookups.later_columns import LaterColumns
from forebay.pipelines.sources.batches import ReadBatch, read_batches
from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.row_identity import row_place
from forebay.pipelines.sources.tables import Tables
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.errors import InputError
from forebay.transforms.lookup_tables import LookupTable, empty_table, look_up


@dataclass(frozen=True)
class Lookups:
    """What the rows of a dataset find, all of it in memory.

    Attributes:
        dataset: the definition.
        tables: the table of each lookup, by the lookup's name.
    """

    dataset: Dataset
    tables: Mapping[str, LookupTable]

    def beside(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Puts what is looked up beside rows, `columns_at_reading` and `ROW`."""
        for lookup in self.dataset.lookups:
            batch, _ = look_up(batch, self.tables[lookup.name], self.dataset)
        return batch


def no_lookups(dataset: Dataset) -> Lookups:
    """Returns what rows find where there is nothing in the tables."""
    return Lookups(dataset, {one.name: empty_table(one, dataset) for one in dataset.lookups})


def read_lookups(dataset: Dataset, tables: Tables, max_record_bytes: int) -> Lookups:
    """Reads the tables that a definition's rows look into.

    Args:
        dataset: the definition.
        tables: the inputs of each table.
        max_record_bytes: longer records are rejected.

    Raises:
        InputError: an input cannot be read, or several rows have one key where that is refused.
    """
    _refuse_step(dataset)
    found = dict(no_lookups(dataset).tables)
    for lookup in dataset.lookups:
        source = dataset.sources[lookup.source]
        columns = [*lookup.table_columns, ROW]
        batches = [
            read.rows.select(columns)
            for read in read_batches(tables[lookup.source], source, max_record_bytes)
        ]
        if batches:
            found[lookup.name] = LookupTable.of(lookup, pa.Table.from_batches(batches))
    return Lookups(dataset, found)


def _refuse_step(dataset: Dataset) -> None:
    if dataset.prepare is not None:
        raise InputError(
            f"the definition {dataset.name!r} has a step of its own, "
            f"{dataset.prepare.transform!r}, which only a pipeline takes; leave prepare out to "
            "look at the rows without it"
        )


def read_rows(
    inputs: Sequence[TableInput], lookups: Lookups, max_record_bytes: int
) -> Iterator[ReadBatch]:
    """Reads a dataset's own rows as `read_batches`, with what is looked up and derived of it."""
    dataset = lookups.dataset
    later = LaterColumns(dataset)
    for read in read_batches(inputs, dataset, max_record_bytes):
        if dataset.lookups:
            rows, rejects = later.derive(lookups.beside(read.rows))
            read = replace(read, rows=rows, rejects=[*read.rejects, *map(_at_its_offset, rejects)])
        yield read


def read_table(
    name: str, tables: Tables, lookups: Lookups, max_record_bytes: int
) -> Iterator[ReadBatch]:
    """Reads one of a definition's tables: its rows, or the events of a source."""
    if name == ROWS:
        return read_rows(tables[name], lookups, max_record_bytes)
    return read_batches(tables[name], lookups.dataset.sources[name], max_record_bytes)


def _at_its_offset(reject: Reject) -> Reject:
    return replace(reject, offset=row_place(reject.offset)[1])
