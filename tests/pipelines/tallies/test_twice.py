"""What fails half-way on a cluster is run again: here every bundle is, twice, as a whole."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.run import Runner, run_pipeline
from forebay.pipelines.shuffle.group_batches import Group, GroupBatches
from forebay.pipelines.shuffle.pieces import Partitioned
from forebay.pipelines.tallies.tallies import Latest, WriteTallies, read_tallies

ROWS = 50
TWICE = Runner(
    Local(), PipelineOptions(["--runner=FnApiRunner", "--direct_runner_bundle_repeat=2"])
)


def batch_of(number: int, calls: Path) -> Partitioned:
    with calls.open("a") as sink:
        sink.write(".")
    batch = pa.RecordBatch.from_pydict({"number": [number]})
    return Partitioned("stage", "rows", np.array([number % 3]), batch)


def counted(group: Group) -> list[tuple[str, str, object]]:
    numbers = group.tables()["rows"]["number"].to_pylist()
    return [
        ("rows", "read", len(numbers)),
        ("rows", "sum", sum(numbers)),
        ("rows", "latest", Latest(max(numbers))),
        ("partitions", str(group.partition), "seen"),
    ]


def test_what_runs_again_is_grouped_and_counted_once(tmp_path: Path) -> None:
    calls, told = tmp_path / "calls", tmp_path / "tallies.json"

    def build(pipeline: beam.Pipeline) -> None:
        batches = pipeline | beam.Create(range(ROWS)) | "Batch" >> beam.Map(batch_of, calls)
        groups = (batches,) | GroupBatches(str(tmp_path))
        _ = (groups | "Count" >> beam.FlatMap(counted),) | WriteTallies(str(told))

    run_pipeline(build, TWICE)

    assert len(calls.read_text()) == 3 * ROWS
    assert read_tallies(str(told)) == {
        "partitions": {"0": "seen", "1": "seen", "2": "seen"},
        "rows": {"latest": ROWS - 1, "read": ROWS, "sum": sum(range(ROWS))},
    }
