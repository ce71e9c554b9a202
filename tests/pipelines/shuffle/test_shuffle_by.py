"""Rows that meet: whether references or the runner bring them together, they are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from parcels_oracle import make_tables

from forebay.cli import main
from forebay.pipelines.runners.dataflow.engine import Dataflow
from forebay.pipelines.runners.engine import Work
from forebay.pipelines.shuffle.group_batches import Group, GroupBatches
from forebay.pipelines.shuffle.pieces import PIECE_ROWS, Partitioned
from forebay.storage.run.definition_files import load_definition

DEFINITION = str(Path(__file__).parents[2] / "end_to_end" / "parcels.py")
ROWS = 3 * PIECE_ROWS


def met(folder: Path, *options: str) -> list[Any]:
    """What each group got of two streams, one of them with times, in the order of their values."""
    found = folder / "found.jsonl"

    def take(group: Group) -> None:
        told = {stream: sorted(table["id"].to_pylist()) for stream, table in group.tables().items()}
        ranges = sorted(piece.ranges for piece in group.of("events"))
        with found.open("a") as file:
            file.write(json.dumps([group.stage, group.partition, told, ranges]) + "\n")

    ids = np.random.default_rng(1).permutation(ROWS)
    events = pa.RecordBatch.from_pydict({"id": ids, "time": ids * 10})
    parts = np.where(ids % 10 == 0, ids // 10 % 3, 7)  # one partition has most
    sent = [
        Partitioned("a", "events", parts, events, ("time",)),
        Partitioned("a", "asks", np.full(5, 1), pa.RecordBatch.from_pydict({"id": ids[:5]})),
        Partitioned("b", "asks", np.full(5, 1), pa.RecordBatch.from_pydict({"id": ids[5:10]})),
    ]
    folder.mkdir(exist_ok=True)
    with beam.Pipeline("FnApiRunner", PipelineOptions([*options])) as pipeline:
        inputs = tuple(pipeline | str(i) >> beam.Create([one]) for i, one in enumerate(sent))
        _ = inputs | GroupBatches(str(folder), 1 << 18) | beam.Map(take)
    return sorted(map(json.loads, found.read_text().splitlines()))


def test_groups_are_the_same_and_a_large_one_is_cut_along_time(tmp_path: Path) -> None:
    files = met(tmp_path / "files")
    runner = met(tmp_path / "runner", "--shuffle_by=runner")
    assert [one[:3] for one in runner] == [one[:3] for one in files]
    assert [(one[0], one[1]) for one in files] == [("a", 0), ("a", 1), ("a", 2), ("a", 7), ("b", 1)]
    (large,) = (one[3] for one in runner if one[:2] == ["a", 7])
    assert len(large) >= 3
    # A group's file each: as many as there are groups.
    assert len(list((tmp_path / "runner").glob("*.arrow"))) == 5


def test_a_run_is_the_same(tmp_path: Path) -> None:
    tables = make_tables(tmp_path)
    words = ["preprocess", DEFINITION, *tables.options, "--max-reject-fraction", "0.1"]
    made = {}
    for by in ("files", "runner"):
        output = tmp_path / by
        assert main([*words, "--output", str(output), "--", f"--shuffle_by={by}"]) == 0
        made[by] = json.loads((output / "manifest.json").read_text())
    examples = [
        {name: entry for name, entry in one["files"].items() if name.startswith("examples/")}
        for one in made.values()
    ]
    assert examples[0] == examples[1]
    assert made["files"]["rows"] == made["runner"]["rows"]
    assert made["files"]["rejects"] == made["runner"]["rejects"]


@pytest.mark.parametrize(("gib", "by"), [(7.9, []), (8, ["--shuffle_by=runner"])])
def test_on_dataflow_large_tables_go_through_its_own_shuffle(gib: float, by: list[str]) -> None:
    on = Dataflow(project="my-project", region="europe-west1", bucket="my-bucket")
    work = Work(DEFINITION, load_definition(DEFINITION), "gs://b/run", text_bytes=int(gib * 2**30))
    assert [one for one in on.arguments(work) if one.startswith("--shuffle_by")] == by
