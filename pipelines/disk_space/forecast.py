"""How many bytes a run will have on its disk, foretold from what is known before.

Twice: from the first records of each table, before anything is written; and once the rows are
counted, before they become examples.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from forebay.pipelines.disk_space.example_bytes import example_bytes
from forebay.pipelines.disk_space.room import Needed, lack_of_room
from forebay.pipelines.job import Job
from forebay.pipelines.options import PARQUET
from forebay.pipelines.shuffle.pieces import open_arrow
from forebay.pipelines.sources.batches import BatchReader
from forebay.pipelines.sources.inputs import FileInput, TableInput
from forebay.pipelines.sources.tables import all_inputs
from forebay.pipelines.tallies.tallies import Tallies
from forebay.pipelines.windows.aggregates import grouped_batches
from forebay.storage.names import is_remote
from forebay.transforms.comparisons import has_value
from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import CONTENT, ROW
from forebay.transforms.definition.sources import ROWS, Source
from forebay.transforms.windows.groups import window_groups

# Of the first records, so many are looked at.
_LOOKED_AT = 1 << 14
# What a record takes at least as text, for each of its columns: a sign and what parts it from the
# next; and what is written for one at most, beside its example.
_LEAST_CELL_BYTES, _MOST_BETWEEN_BYTES = 2, 4096
# What compression leaves of TFRecords, and what Parquet files of rows and examples take beside
# them; seen on flights: 0.08 and 0.07.
_GZIP_LEAVES, _PARQUET_ADDS = 0.1, 0.1
# So much is certain to be taken: a file system may compress, and records differ from the first.
_CERTAIN = 0.05


class _Sampled(NamedTuple):
    """The first rows of a table, and about how many it has."""

    rows: pa.RecordBatch
    total: float


def lack_before_reading(job: Job, free: int | None) -> str | None:
    """Says what a run lacks of its disk before it begins; None: nothing, or that cannot be told.

    Args:
        job: the run, nothing of it written.
        free: bytes that are free on the disk; None: nobody knows.

    Raises:
        RunFailed: what it is certain to write does not fit.
        InputError: a file cannot be read, or a function of the definition failed.
    """
    if free is None or not _may_be_much(job, free):
        return None
    needed = of_first_records(job)
    return None if needed is None else lack_of_room(needed, free, job.options.output)


def lack_before_examples(job: Job, ingested: Tallies, free: int | None) -> str | None:
    """Says what a run lacks of its disk once its rows are counted, as `lack_before_reading`."""
    if free is None:
        return None
    return lack_of_room(of_counted_rows(job, ingested), free, job.options.output)


def _may_be_much(job: Job, free: int) -> bool:
    """Tells whether a run may write more than so many bytes, without reading anything."""
    inputs = all_inputs(job.tables)
    fewest = min(len(table.columns) for table in job.dataset.tables.values())
    records = sum(one.text_bytes for one in inputs) / (_LEAST_CELL_BYTES * max(1, fewest))
    return records * (_MOST_BETWEEN_BYTES + example_bytes(job.dataset)) > free


def of_first_records(job: Job) -> Needed | None:
    """Foretells what all of a run takes, from the first records of each table.

    None: that cannot be told, as tables are not files of this machine, or only a period's rows
    become examples.

    Raises:
        InputError: a file cannot be read, or a function of the definition failed.
    """
    inputs = all_inputs(job.tables)
    if job.period is not None or not all(map(_is_local_file, inputs)):
        return None
    dataset, groups = job.dataset, window_groups(job.dataset)
    most_bytes = job.options.max_record_bytes
    sampled = {
        name: _sample(dataset, table, job.tables[name], most_bytes)
        for name, table in dataset.tables.items()
    }
    grouped = 0.0
    for name, sample in sampled.items():
        batches = grouped_batches(sample.rows, groups, name, dataset.columns_after_windows)
        found = sum(batch.nbytes for batch in batches)
        grouped += found * sample.total / max(1, len(sample.rows))
    asking, count = sampled[ROWS]
    examples = count * _share_of_examples(dataset, asking)
    windowed = pa.schema([field for group in groups for field in group.schema])
    answers = count * (16 * len(groups) + _row_bytes(_nulls(windowed, len(asking))))
    names = [name for name in dataset.graph_columns if name in asking.schema.names]
    kept = [name for name in dataset.graph_columns if name in windowed.names]
    rows = _row_bytes(asking.select([*names, ROW])) + 8 * len(kept)
    likely = grouped + answers + examples * (rows + _written(job, example_bytes(dataset, asking)))
    return Needed(round(likely), round(_CERTAIN * grouped))


def of_counted_rows(job: Job, ingested: Tallies) -> Needed:
    """Foretells what examples take, from how many rows they are made of and the first of those."""
    count = sum(ingested["rows"].values())
    with open_arrow(min(ingested["shards"])) as source:
        rows = pa.ipc.open_file(source).get_batch(0).slice(0, _LOOKED_AT)
    likely = count * _written(job, example_bytes(job.dataset, rows))
    return Needed(round(likely), round(_CERTAIN * count * example_bytes(job.dataset)))


def _written(job: Job, example: float) -> float:
    """Returns what is written for an example that takes so many bytes as it is."""
    parquet = _PARQUET_ADDS * example if PARQUET in job.options.also else 0.0
    return parquet + (_GZIP_LEAVES if job.options.gzip else 1.0) * example


def _is_local_file(one: TableInput) -> bool:
    return isinstance(one, FileInput) and not is_remote(one.path)


def _sample(dataset: Dataset, table: Source, inputs: Any, max_record_bytes: int) -> _Sampled:
    """Reads the first records of a table; columns that are not read of it yet are missing."""
    first = inputs[0]
    reader = BatchReader(table, max_record_bytes)
    chunk = next(reader.chunks(first), None)
    if chunk is None:
        return _Sampled(_padded(_nulls(pa.schema([(ROW, pa.int64())]), 0), dataset, table), 0)
    rows = reader.read(first, chunk).rows
    share = first.share_of(chunk) * first.text_bytes / sum(one.text_bytes for one in inputs)
    return _Sampled(_padded(rows.slice(0, _LOOKED_AT), dataset, table), len(rows) / share)


def _padded(rows: pa.RecordBatch, dataset: Dataset, table: Source) -> pa.RecordBatch:
    columns: dict[str, Column] = {**table.row_columns}
    lacking = [(name, kind) for name, kind in columns.items() if name not in rows.schema.names]
    for name, kind in lacking:
        rows = rows.append_column(name, pa.nulls(len(rows), kind.arrow_type))
    if table is dataset:
        rows = rows.append_column(CONTENT, pa.array(np.zeros(len(rows), np.uint64)))
    # A slice's bytes are those of all it was cut from.
    return rows.take(pa.array(np.arange(len(rows))))


def _share_of_examples(dataset: Dataset, rows: pa.RecordBatch) -> float:
    """Returns the share of rows with a row time and a label, as far as those are read already."""
    there = np.ones(len(rows), bool)
    for name in (dataset.row_time, dataset.label.column):
        if name in dataset.columns_at_reading and name is not None:
            there &= has_value(rows[name]).to_numpy(zero_copy_only=False)
    return float(there.mean()) if len(there) else 1.0


def _nulls(schema: pa.Schema, n: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(n, field.type) for field in schema], schema=schema)


def _row_bytes(rows: pa.RecordBatch) -> float:
    return float(rows.nbytes) / max(1, len(rows))
