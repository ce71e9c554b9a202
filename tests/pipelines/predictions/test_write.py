"""Predictions in the order of the input, rows that a step of one's own made of one together."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from forebay.pipelines.predictions.write import PartKind, WriteInOrder
from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.run import Runner, run_pipeline
from forebay.pipelines.sources.row_identity import parts_of, row_identity
from forebay.transforms.definition.identity import ROW


def test_rows_made_of_one_are_answered_where_it_stands(tmp_path: Path) -> None:
    """A file has the rows of sixteen bytes."""
    first, second = (row_identity(number, np.array([0, 8, 16])) for number in (0, 1))
    identities = parts_of(np.concatenate([second, first[[2, 1, 1, 1, 0]]]))
    made = np.array(["1:0", "1:8", "1:16", "0:16", "0:8", "0:8 2nd", "0:8 3rd", "0:0"])
    batches = [
        pa.RecordBatch.from_pydict({"made": made[rows], ROW: identities[rows]})
        for rows in (slice(0, None, 2), slice(1, None, 2))
    ]

    def build(pipeline: beam.Pipeline) -> None:
        kind = PartKind(".arrow", bits=4)
        _ = pipeline | beam.Create(batches) | WriteInOrder(str(tmp_path), str(tmp_path), kind)

    run_pipeline(build, Runner(Local(), PipelineOptions(["--runner=FnApiRunner"])))

    found = [pa.ipc.open_file(path).read_all() for path in sorted(tmp_path.glob("part-*"))]
    assert [table["made"].to_pylist() for table in found] == [
        ["0:0", "0:8", "0:8 2nd", "0:8 3rd"], ["0:16"], ["1:0", "1:8"], ["1:16"],
    ]  # fmt: skip
