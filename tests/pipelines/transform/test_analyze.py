"""What is learned from train is what tf.Transform's own AnalyzeDataset learns, file by file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import apache_beam as beam
import numpy as np
import own_analyzers
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from made_runs import Columns, make_dataset, make_rows

from forebay.pipelines.transform import analyze as analyze_module
from forebay.pipelines.transform.analyze import AnalyzeShards
from forebay.pipelines.transform.graph_rows import adapter_config, to_graph_rows, to_tensors
from forebay.pipelines.transform.read import Shard, read_shard
from forebay.pipelines.transform.recognized import NotComputed
from forebay.pipelines.transform.shards import AnalyzeAndTransform, _Transform
from forebay.pipelines.transform.write import WriteTransformFn
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import (
    Categorical,
    Custom,
    Frequent,
    Grid,
    Informative,
    MultiHot,
    Numeric,
    Text,
)
from forebay.transforms.errors import InputError
from forebay.transforms.graph.preprocessing import preprocessing_fn

TRIPS = make_dataset("regression")
MORE = (
    Numeric("distance", scale="robust", name="robust"),
    Numeric("distance", scale="z_score", key="line", name="of_line"),
    Numeric("guess", scale="z_score", key="wagons", impute="mean", name="of_wagons"),
    Numeric("wagons", impute="most_frequent", name="usual"),
    Categorical("wagons", Frequent(min_count=30), impute="most_frequent", name="wagons_ids"),
    Categorical("line", Informative(2, label_boundaries=(5.0,), adjusted=True), name="adjusted"),
    Text("line", weigh="tf_idf", ngrams=(1, 2), name="words"),
    MultiHot("line", separator="e", name="parts"),
    Grid("distance", "guess", (3, 4), name="cell"),
)
DATASETS = {
    "every feature": replace(TRIPS, features=(*TRIPS.features, *MORE)),
    "own analyzers": replace(TRIPS, features=(Custom(own_analyzers.several),)),
    "nothing learned": replace(TRIPS, features=(Numeric("wagons"),)),
}


@pytest.fixture(scope="module", params=sorted(DATASETS))
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    return Both(DATASETS[request.param], make_rows(2_000), tmp_path_factory.mktemp("both"))


class Both:
    """Train in shards, analyzed here and by tf.Transform."""

    def __init__(self, dataset: Dataset, rows: Columns, folder: Path) -> None:
        self.dataset = dataset
        self.shards = write_shards(dataset, rows, folder)
        self.ours, self.theirs = folder / "ours", folder / "theirs"
        with tft_beam.Context(temp_dir=str(folder / "tmp")):
            analyze(dataset, self.shards, self.ours)
            with beam.Pipeline(runner="FnApiRunner") as pipeline:
                train = (
                    pipeline
                    | beam.Create([path for _, _, path in self.shards])
                    | beam.Map(lambda path: to_graph_rows(read_shard(path), dataset))
                )
                transform_fn = (train, adapter_config(dataset)) | tft_beam.AnalyzeDataset(
                    preprocessing_fn(dataset)
                )
                _ = transform_fn | tft_beam.WriteTransformFn(str(self.theirs))
        self.fed = [to_tensors(read_shard(path), dataset) for _, _, path in self.shards]


def write_shards(dataset: Dataset, rows: Columns, folder: Path) -> list[Shard]:
    """Shards of unlike sizes."""
    table = pa.table({name: pa.array(rows[name]) for name in dataset.graph_columns})
    cuts = [0, 70, 71, len(table) // 2, len(table)]
    shards = []
    for number, (start, stop) in enumerate(pairwise(cuts)):
        path = str(folder / f"train-{number}.arrow")
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table.slice(start, stop - start).combine_chunks())
        shards.append(("train", number, path))
    return shards


def analyze(dataset: Dataset, shards: Sequence[Shard], run: Path) -> None:
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        transform_fn, _ = pipeline | AnalyzeAndTransform(dataset, shards)
        _ = transform_fn | WriteTransformFn(str(run), str(run / "temporary"))


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_vocabularies_and_metadata_are_the_same_bytes(both: Both) -> None:
    for part in ("transform_fn/assets", "transformed_metadata"):
        ours, theirs = files(both.ours / part), files(both.theirs / part)
        assert ours == theirs


def test_the_graphs_make_the_same_of_rows(both: Both) -> None:
    same_of_rows(both.ours, both.theirs, both.fed)


def test_neither_the_order_of_shards_nor_parts_to_merge_change_a_bit(
    both: Both, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyze_module, "_SHARDS_A_PART", 1)
    with tft_beam.Context(temp_dir=str(tmp_path / "tmp")):
        analyze(both.dataset, both.shards[::-1], tmp_path / "run")
    assert files(tmp_path / "run/transform_fn/assets") == files(both.ours / "transform_fn/assets")
    same_of_rows(tmp_path / "run", both.ours, both.fed)


def same_of_rows(one: Path, other: Path, fed: Sequence[Mapping[str, tf.Tensor]]) -> None:
    graphs = [
        tft.TFTransformOutput(str(folder)).transform_features_layer() for folder in (one, other)
    ]
    for rows in fed:
        ours, theirs = (graph(rows) for graph in graphs)
        assert set(ours) == set(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name].numpy(), theirs[name].numpy(), name)


def test_what_only_tf_transform_computes_is_left_to_it(tmp_path: Path) -> None:
    dataset = replace(TRIPS, features=(Custom(own_analyzers.covered),))
    shards = write_shards(dataset, make_rows(500), tmp_path)
    with pytest.raises(NotComputed):
        AnalyzeShards(dataset, preprocessing_fn(dataset), shards, str(tmp_path))
    with tft_beam.Context(temp_dir=str(tmp_path / "tmp")):
        analyze(dataset, shards, tmp_path / "run")
    lines = (tmp_path / "run/transform_fn/assets/own_line").read_bytes().split(b"\n")
    # Of grey and green the more frequent one; the byte is a missing line's.
    kept = ["", "blue", "green", "pink", "red", "teal", "étoile"]
    assert sorted(lines) == [*(text.encode() for text in kept), b"\xff"]


def test_a_step_that_is_done_again_takes_the_graph_that_it_is_given(both: Both) -> None:
    """A retry of what writes the graph writes it to another folder."""
    step = _Transform(both.dataset)
    rows = (("train", 0), read_shard(both.shards[0][2]))
    (_, ours), (_, theirs) = (
        next(step.process(rows, str(folder / "transform_fn")))
        for folder in (both.ours, both.theirs)
    )
    for name in theirs.schema.names:
        found, wanted = (batch[name].flatten().to_numpy(False) for batch in (ours, theirs))
        np.testing.assert_array_equal(found, wanted, name)


def test_a_function_whose_analyzers_change_places_is_refused(tmp_path: Path) -> None:
    dataset = replace(TRIPS, features=(Custom(own_analyzers.fickle),))
    shards = write_shards(dataset, make_rows(200), tmp_path)
    with (
        pytest.raises(InputError, match="does not call the same analyzers"),
        tft_beam.Context(temp_dir=str(tmp_path / "tmp")),
    ):
        analyze(dataset, shards, tmp_path / "run")
