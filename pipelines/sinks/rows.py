"""Rows after the windows, written to a sink in parts."""

from collections.abc import Iterator, Sequence

import apache_beam as beam
import pyarrow as pa

from forebay.pipelines.sinks.outputs import PartsOutput
from forebay.pipelines.tallies.tallies import Tally
from forebay.pipelines.transform.read import Shard, read_shard
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.errors import InputError

# The column that says which split a row is of.
SPLIT_COLUMN = "split"
# Parts of a sink: many enough for workers, few enough to be shown by one request.
_MOST_PARTS = 64


def row_schema(dataset: Dataset) -> pa.Schema:
    """Returns the columns of rows after the windows, `SPLIT_COLUMN` first.

    Raises:
        InputError: the definition has a column of that name.
    """
    if SPLIT_COLUMN in dataset.graph_columns:
        raise InputError(
            f"--also: the rows have a column {SPLIT_COLUMN!r}, by which a table says each row's "
            f"split; call it otherwise in the definition, with field={SPLIT_COLUMN!r}"
        )
    kinds = [(name, dataset.all_columns[name].arrow_type) for name in dataset.graph_columns]
    return pa.schema([(SPLIT_COLUMN, pa.string()), *kinds])


class WriteRows(beam.PTransform):
    """Writes the rows of shards to a sink; nobody sees them before its parts are committed.

    Output: `Tally` elements: ``("parts", a part, the sink's name)``.

    Args:
        sink: where they go.
        dataset: the definition.
        shards: the files of the rows after the windows.
    """

    def __init__(self, sink: PartsOutput, dataset: Dataset, shards: Sequence[Shard]) -> None:
        super().__init__()
        self.sink = sink
        self.dataset = dataset
        self.shards = shards

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:  # noqa: D102
        parts = [list(self.shards[i::_MOST_PARTS]) for i in range(_MOST_PARTS)]
        return (
            pipeline
            | "Parts" >> beam.Create([part for part in parts if part], reshuffle=True)
            | "Write" >> beam.Map(_write, self.sink, row_schema(self.dataset))
        )


def _write(shards: list[Shard], sink: PartsOutput, schema: pa.Schema) -> Tally:
    return ("parts", sink.write_part(schema, _rows(shards, schema)), sink.name)


def _rows(shards: list[Shard], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for split, _, path in shards:
        batch = read_shard(path)
        splits = pa.array([split] * len(batch), pa.string())
        columns = [splits, *(batch[name] for name in schema.names[1:])]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
