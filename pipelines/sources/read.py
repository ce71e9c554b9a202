"""Tables as batches of typed rows, read in parallel stretches."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from forebay.pipelines.shuffle.pieces import Partitioned
from forebay.pipelines.sources.batches import BatchReader, ReadBatch
from forebay.pipelines.sources.inputs import Stretch, TableInput
from forebay.pipelines.sources.row_identity import row_identity, row_place
from forebay.pipelines.tallies.tallies import Tally, input_kind, tally_of
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import Source

REJECTS = "rejects"


@dataclass(frozen=True)
class _InputStretch:
    source: TableInput
    stretch: Stretch


class ReadTable(beam.PTransform):
    """Reads the inputs of a table into batches of typed rows.

    Output: ``rows``, a PCollection of RecordBatches with the table's columns (derived ones
    included) and `ROW`; ``rejects``, of `Partitioned` for `WriteRejects`; ``tallies``.

    Args:
        table: what the inputs hold: a dataset's own rows, or one of its sources.
        inputs: files, or what else a `TableInput` is.
        max_record_bytes: longer records are rejected.
    """

    def __init__(self, table: Source, inputs: Sequence[TableInput], max_record_bytes: int) -> None:
        super().__init__()
        self.table = table
        self.inputs = inputs
        self.max_record_bytes = max_record_bytes

    def expand(self, pipeline: beam.Pipeline) -> Any:  # noqa: D102
        planned = (
            pipeline
            | "Inputs" >> beam.Create(self.inputs, reshuffle=True)
            | "Plan"
            >> beam.ParDo(_Plan(self.max_record_bytes)).with_outputs("tallies", main="stretches")
        )
        read = (
            planned.stretches
            | "SpreadStretches" >> beam.Reshuffle()
            | "Read"
            >> beam.ParDo(_Read(self.table, self.max_record_bytes))
            .with_output_types(pa.RecordBatch)
            .with_outputs("tallies", "rejects", main="rows")
        )
        tallies = (planned.tallies, read.tallies) | "Tallies" >> beam.Flatten()
        return {"rows": read.rows, "rejects": read.rejects, "tallies": tallies}


class _Plan(beam.DoFn):
    """Cuts an input into stretches and takes its fingerprint."""

    def __init__(self, max_record_bytes: int) -> None:
        self._max_record_bytes = max_record_bytes

    def process(self, source: TableInput) -> Iterator[Any]:
        plan = source.plan(self._max_record_bytes)
        while True:
            try:
                yield _InputStretch(source, next(plan))
            except StopIteration as end:
                fingerprint = end.value
                break
        source.check_unchanged()
        entry = {"size": source.size, "fingerprint": fingerprint}
        # By its number: Beam passes no names that are not UTF-8.
        yield beam.pvalue.TaggedOutput("tallies", ("inputs", f"{source.number:06d}", entry))


class _Read(beam.DoFn):
    """Reads the records of a stretch and derives columns."""

    def __init__(self, table: Source, max_record_bytes: int) -> None:
        self._table = table
        self._max_record_bytes = max_record_bytes

    def setup(self) -> None:
        self._reader = BatchReader(self._table, self._max_record_bytes)

    def process(self, element: _InputStretch) -> Iterator[Any]:
        for chunk in self._reader.chunks(element.source, element.stretch):
            yield from _emit(self._reader.read(element.source, chunk))


def _emit(read: ReadBatch) -> Iterator[Any]:
    counts = Counter(reject.category for reject in read.rejects)
    tallies: list[Tally] = [("records", "read", read.records)]
    tallies += [("rejects", category, count) for category, count in counts.items()]
    tallies += [("unread", name, count) for name, count in read.unread.items() if count]
    for tally in tallies:
        yield beam.pvalue.TaggedOutput("tallies", tally)
        if read.source.split is not None:
            apart = tally_of(tally, input_kind(read.source.split))
            yield beam.pvalue.TaggedOutput("tallies", apart)
    if read.rejects:
        offsets = np.array([reject.offset for reject in read.rejects], np.int64)
        reasons = [reject.reason for reject in read.rejects]
        raws = [reject.raw for reject in read.rejects]
        identity = row_identity(read.source.number, offsets)
        yield beam.pvalue.TaggedOutput("rejects", reject_batch(identity, reasons, raws))
    if len(read.rows):
        yield read.rows


def reject_batch(
    identity: np.ndarray, reasons: Sequence[str], raws: Sequence[bytes | None]
) -> Partitioned:
    """Makes rejects ready for `WriteRejects`, one partition for each file.

    Args:
        identity: int64 (n,), the rows rejected.
        reasons: why, one for each.
        raws: the records' bytes; None where they are still to be read from the file.
    """
    columns = {
        ROW: pa.array(identity, pa.int64()),
        "reason": pa.array(reasons, pa.string()),
        "raw": pa.array(raws, pa.binary()),
    }
    return Partitioned(
        REJECTS, REJECTS, row_place(identity)[0], pa.RecordBatch.from_pydict(columns)
    )
