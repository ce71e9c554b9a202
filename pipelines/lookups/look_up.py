"""Lookups over batches of rows, as a PTransform."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from forebay.pipelines.lookups.counts import counts_of_rows, counts_of_table
from forebay.pipelines.lookups.later_columns import LaterColumns
from forebay.pipelines.options import WINDOW_MEMORY_MB
from forebay.pipelines.shuffle.group_batches import Group, GroupBatches
from forebay.pipelines.shuffle.pieces import Partitioned, open_arrow, read_pieces
from forebay.pipelines.sources.read import reject_batch
from forebay.pipelines.tallies.by_split import SplitOfInput, tallies_of_rows
from forebay.pipelines.tallies.tallies import Tally
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.lookups import Lookup
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.lookup_tables import LookupTable, empty_table, hash_keys, look_up

TABLE = "looked into"
# Tables that take less of a worker thread's memory are held by each, as a side input; of larger
# ones each thread holds a part.
_SHARE_OF_MEMORY = 4


class LookUp(beam.PTransform):
    """Puts a definition's looked-up columns beside its rows, and derives what is made of them.

    Input: a mapping of ``"rows"`` and each source's name to PCollections of RecordBatches, as
    `ReadTable` gives them. Output: ``tables``, the mapping, with all row columns and `ROW` in the
    tables that ask; ``rejects``, a tuple of PCollections for `WriteRejects`, and ``tallies``, those
    of each of these tables for `WriteTallies`.

    A table that is small enough is sorted once, written as a file, and read by every worker thread.
    Of a larger one and of the rows, those of equal keys meet in parts of it: memory then has to
    hold a part, so one key's rows of the table have to fit.

    Args:
        dataset: the definition.
        temp_location: a folder that all workers can write to and read from.
        table_bytes: about how large each source is as text; those that are absent are small.
        memory_bytes: what a worker thread may hold.
        asking: the tables whose rows look up.
        splits: the split of each input that says one, by its number.
    """

    def __init__(
        self,
        dataset: Dataset,
        temp_location: str,
        *,
        table_bytes: Mapping[str, int] | None = None,
        memory_bytes: int = WINDOW_MEMORY_MB << 20,
        asking: Sequence[str] = (ROWS,),
        splits: SplitOfInput | None = None,
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.temp_location = temp_location
        self.table_bytes = table_bytes or {}
        self.memory_bytes = memory_bytes
        self.asking = asking
        self.splits = splits or {}

    def expand(self, tables: Any) -> Any:  # noqa: D102
        tables, rejects = dict(tables), []
        tallies: dict[str, list[beam.PCollection]] = {name: [] for name in self.asking}
        for lookup in self.dataset.lookups:
            asking = {name: tables[name] for name in self.asking}
            step = _ByParts if self._parts(lookup) > 1 else _InMemory
            found = (asking, tables[lookup.source]) | lookup.name >> step(
                self.dataset, lookup, self.temp_location, self._parts(lookup)
            )
            tables |= found["rows"]
            for name, counted in found["tallies"]:
                tallies[name].append(counted)
        for name in self.asking if self.dataset.later_steps or self.dataset.lookups else ():
            later = tables[name] | f"Later {name}" >> beam.ParDo(
                _Later(self.dataset, self.splits)
            ).with_output_types(pa.RecordBatch).with_outputs("tallies", "rejects", main="rows")
            tables[name] = later.rows
            rejects.append(later.rejects)
            tallies[name].append(later.tallies)
        together = {
            name: tuple(found) | f"Tallies {name}" >> beam.Flatten()
            for name, found in tallies.items()
            if found
        }
        return {"tables": tables, "rejects": tuple(rejects), "tallies": together}

    def _parts(self, lookup: Lookup) -> int:
        """Into how many parts of the keys a table is cut; 1: each thread holds all of it."""
        size = self.table_bytes.get(lookup.source, 0) * _SHARE_OF_MEMORY
        return 1 if lookup.embed else max(1, -(-size // self.memory_bytes))


class _Step(beam.PTransform):
    """One lookup.

    Input: the tables that ask, by name, and the table. Output: ``rows``, those that ask, and
    ``tallies``, pairs as `LookUp` has them.
    """

    def __init__(self, dataset: Dataset, lookup: Lookup, temp_location: str, parts: int) -> None:
        super().__init__()
        self.dataset, self.lookup, self.temp_location = dataset, lookup, temp_location
        self.parts = parts

    def _parted(self, table: beam.PCollection) -> beam.PCollection:
        columns = [*self.lookup.table_columns, ROW]
        return table | "ToTable" >> beam.Map(
            _part, TABLE, self.lookup.key, columns, self.parts
        ).with_output_types(Partitioned)


class _InMemory(_Step):
    """Every worker thread holds the table."""

    def expand(self, inputs: Any) -> Any:
        asking, table = inputs
        built = (
            (self._parted(table),)
            | "Gather" >> GroupBatches(self.temp_location)
            | "Sort"
            >> beam.ParDo(_Sort(self.lookup, self.temp_location)).with_outputs(
                "tallies", main="paths"
            )
        )
        paths = beam.pvalue.AsList(built.paths)
        found = {
            name: rows
            | f"Find {name}"
            >> beam.ParDo(_Find(self.dataset, self.lookup), paths)
            .with_output_types(pa.RecordBatch)
            .with_outputs("tallies", main="rows")
            for name, rows in asking.items()
        }
        tallies = [(name, one.tallies) for name, one in found.items()]
        rows = {name: one.rows for name, one in found.items()}
        return {"rows": rows, "tallies": ((ROWS, built.tallies), *tallies)}


class _ByParts(_Step):
    """Rows and table meet in parts of the keys."""

    def expand(self, inputs: Any) -> Any:
        asking, table = inputs
        parted = [
            rows
            | f"ToRows {name}"
            >> beam.Map(_part, name, self.lookup.row_keys, None, self.parts).with_output_types(
                Partitioned
            )
            for name, rows in asking.items()
        ]
        outputs = list(asking) + [f"tallies of {name}" for name in asking]
        joined = (
            (*parted, self._parted(table))
            | "Meet" >> GroupBatches(self.temp_location)
            | "Join"
            >> beam.ParDo(_Join(self.dataset, self.lookup)).with_outputs(*outputs, main="tallies")
        )
        tallies = [(name, joined[f"tallies of {name}"]) for name in asking]
        rows = {name: joined[name] for name in asking}
        return {"rows": rows, "tallies": ((ROWS, joined["tallies"]), *tallies)}


def _part(
    batch: pa.RecordBatch, stream: str, key: Sequence[str], columns: Sequence[str] | None,
    parts: int,
) -> Partitioned:  # fmt: skip
    part = hash_keys([batch[name] for name in key]) % np.uint64(parts)
    batch = batch if columns is None else batch.select(columns)
    return Partitioned("lookup", stream, part.astype(np.int64), batch)


class _Sort(beam.DoFn):
    """Sorts a table and writes it as a file."""

    def __init__(self, lookup: Lookup, folder: str) -> None:
        self._lookup = lookup
        self._folder = folder

    def process(self, gathered: Group) -> Iterator[Any]:
        table = LookupTable.of(self._lookup, gathered.tables()[TABLE])
        path = table_path(self._folder, self._lookup)
        with (
            FileSystems.create(path, mime_type="application/octet-stream") as sink,
            pa.ipc.new_file(sink, table.rows.schema) as writer,
        ):
            writer.write_batch(table.rows)
        yield path
        yield from _tagged("tallies", counts_of_table(table))


def table_path(folder: str, lookup: Lookup) -> str:
    """Returns where the sorted table of a lookup is written in a temporary folder."""
    return str(FileSystems.join(folder, f"lookup-{lookup.name}.arrow"))


def read_sorted(path: str, lookup: Lookup) -> LookupTable:
    """Reads a sorted table from where it was written."""
    file = pa.ipc.open_file(open_arrow(path))
    return LookupTable(lookup, file.get_batch(0))


class _Find(beam.DoFn):
    """Finds for each row its row of the table."""

    def __init__(self, dataset: Dataset, lookup: Lookup) -> None:
        self._dataset = dataset
        self._lookup = lookup

    def setup(self) -> None:
        self._held: tuple[list[str], LookupTable] | None = None

    def process(self, batch: pa.RecordBatch, paths: list[str]) -> Iterator[Any]:
        if self._held is None or self._held[0] != paths:
            tables = [read_sorted(path, self._lookup) for path in paths]
            self._held = paths, (*tables, empty_table(self._lookup, self._dataset))[0]
        rows, tallies = _looked_up(batch, self._held[1], self._dataset)
        yield rows
        yield from _tagged("tallies", tallies)


class _Join(beam.DoFn):
    """Finds the rows of a part of the keys theirs in that part of the table.

    Rows and their tallies come out by the name of their table, those of the table itself untagged.
    """

    def __init__(self, dataset: Dataset, lookup: Lookup) -> None:
        self._dataset = dataset
        self._lookup = lookup

    def process(self, part: Group) -> Iterator[Any]:
        pieces = part.of(TABLE)
        table = empty_table(self._lookup, self._dataset)
        if pieces:
            table = LookupTable.of(self._lookup, read_pieces(pieces))
        yield from counts_of_table(table)
        for piece in part.pieces:
            if piece.stream != TABLE:
                (batch,) = read_pieces([piece]).to_batches()
                rows, tallies = _looked_up(batch, table, self._dataset)
                yield beam.pvalue.TaggedOutput(piece.stream, rows)
                yield from _tagged(f"tallies of {piece.stream}", tallies)


def _looked_up(
    batch: pa.RecordBatch, table: LookupTable, dataset: Dataset
) -> tuple[pa.RecordBatch, Iterator[Tally]]:
    rows, found = look_up(batch, table, dataset)
    return rows, counts_of_rows(batch, found, table.lookup, dataset)


def _tagged(output: str, tallies: Iterator[Tally]) -> Iterator[beam.pvalue.TaggedOutput]:
    return (beam.pvalue.TaggedOutput(output, tally) for tally in tallies)


class _Later(beam.DoFn):
    """Derives what is made of what was looked up."""

    def __init__(self, dataset: Dataset, splits: SplitOfInput) -> None:
        self._dataset = dataset
        self._splits = splits

    def setup(self) -> None:
        self._later = LaterColumns(self._dataset)

    def process(self, batch: pa.RecordBatch) -> Iterator[Any]:
        rows, rejects = self._later.derive(batch)
        identity = np.array([reject.offset for reject in rejects], np.int64)
        for category in dict.fromkeys(reject.category for reject in rejects):
            mine = identity[[reject.category == category for reject in rejects]]
            yield from _tagged("tallies", tallies_of_rows("rejects", category, mine, self._splits))
        if rejects:
            reasons = [reject.reason for reject in rejects]
            raws = [reject.raw for reject in rejects]
            yield beam.pvalue.TaggedOutput("rejects", reject_batch(identity, reasons, raws))
        if len(rows):
            yield rows
