"""Windows over events of several tables, through Beam: however the work is divided."""

from __future__ import annotations

import random
import uuid
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from parcels_oracle import make_tables

from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.run import Runner, run_pipeline
from forebay.pipelines.sources.batches import read_batches
from forebay.pipelines.sources.tables import open_tables
from forebay.pipelines.windows.aggregates import AddWindows
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW

DEFINITION = str(Path(__file__).parents[2] / "end_to_end" / "parcels.py")
Batches = dict[str, list[pa.RecordBatch]]


@pytest.fixture(scope="module")
def parcels() -> Dataset:
    return load_definition(DEFINITION)


@pytest.fixture(scope="module")
def batches(parcels: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Batches:
    """What each table's files hold."""
    folder = make_tables(tmp_path_factory.mktemp("tables")).folder
    sources = {"weather": [str(folder / "weather-*.csv")], "prices": [str(folder / "prices.csv")]}
    tables = open_tables(parcels, [str(folder / "parcels.csv")], sources)
    return {
        name: [read.rows for read in read_batches(tables[name], table, 1 << 20)]
        for name, table in parcels.tables.items()
    }


def run(folder: Path, batches: Batches, dataset: Dataset, **options: Any) -> pa.Table:
    """Runs the transform; returns all rows, by identity."""
    temporary, out = folder / "temporary", folder / "out"
    for path in (temporary, out):
        path.mkdir()

    def write(element: tuple[int, pa.RecordBatch]) -> None:
        with pa.ipc.new_file(out / f"{uuid.uuid4().hex}.arrow", element[1].schema) as writer:
            writer.write_batch(element[1])

    def build(pipeline: beam.Pipeline) -> None:
        tables = {
            name: pipeline | f"Create {name}" >> beam.Create(found, reshuffle=False)
            for name, found in batches.items()
        }
        windowed = AddWindows(dataset, str(temporary), **options)
        _ = tables | windowed | beam.Map(write)

    run_pipeline(build, Runner(Local(), PipelineOptions(["--runner=FnApiRunner"])))
    return pa.concat_tables(pa.ipc.open_file(path).read_all() for path in out.iterdir()).sort_by(
        ROW
    )


def in_stretches_of_time(found: list[pa.RecordBatch], size: int) -> list[pa.RecordBatch]:
    """The rows in small batches, each of one stretch of time, in no order."""
    (rows,) = pa.Table.from_batches(found).sort_by("at").combine_chunks().to_batches()
    parts = [rows.slice(i, size) for i in range(0, len(rows), size)]
    return random.Random(1).sample(parts, len(parts))


def test_dividing_the_work_changes_nothing(
    tmp_path: Path, parcels: Dataset, batches: Batches
) -> None:
    small = {name: in_stretches_of_time(found, 17) for name, found in batches.items()}
    for name in ("whole", "divided"):
        (tmp_path / name).mkdir()

    whole = run(tmp_path / "whole", batches, parcels, shards=1, key_partitions=1)
    divided = run(
        tmp_path / "divided", small, parcels, shards=3, key_partitions=4, memory_bytes=1 << 12
    )

    assert whole.schema == divided.schema
    assert len(whole) == sum(map(len, batches["rows"]))
    for name in whole.schema.names:
        for value, other in zip(whole[name].to_pylist(), divided[name].to_pylist(), strict=True):
            if "_sum_" in name or "_mean_" in name:
                assert (value is None) == (other is None)
                assert value is None or value == pytest.approx(other, rel=1e-12)
            else:
                assert value == other, name


def test_identities_are_apart_in_all_tables(batches: Batches) -> None:
    identities = [row for found in batches.values() for batch in found for row in batch[ROW]]

    assert len({row.as_py() for row in identities}) == len(identities) > 700
