"""Batches: a function of seed and step, in memory or from files; every pass in another order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebay.storage.names import is_temporary
from forebay.storage.run.run_folder import open_run
from forebay.trainer.examples.batches import training_batches
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.row_cache import rows_folder
from forebay.trainer.examples.split_reader import Examples, SplitReader
from forebay.trainer.examples.weighting import Weighting
from forebay.trainer.options import DataOptions, TrainOptions
from forebay.trainer.options.choose import Table, choose, steps_per_pass
from forebay.trainer.workers.shares import FilePart, Worker

SIZE, PER_PASS = 512, 7  # of 4,000 rows
# Makes the arguments of `training_batches` that say where rows come from.
Way = Callable[[], dict[str, Any]]


@pytest.fixture(scope="module")
def reader(regression_run: Path) -> SplitReader:
    run = open_run(str(regression_run))
    return SplitReader(run, "train", inputs_of(run))


@pytest.fixture(scope="module")
def examples(reader: SplitReader) -> Examples:
    return reader.read()


@pytest.fixture(params=["memory", "files", "files in chunks", "cache in chunks"])
def way(
    request: pytest.FixtureRequest,
    examples: Examples,
    tmp_path: Path,
) -> Way:
    """Where the rows of a pass come from; some in chunks of two batches."""
    if "chunks" in request.param:
        data = DataOptions(shuffle_buffer=2 * SIZE + 1, interleave=3, prefetch=1)
    else:
        data = DataOptions()
    fresh = (str(tmp_path / f"rows-{i}") for i in itertools.count())
    if request.param == "memory":
        return lambda: {"examples": examples}
    if request.param == "cache in chunks":
        return lambda: {"examples": None, "data": data, "cache": next(fresh)}
    return lambda: {"examples": None, "data": data}


def labels(reader: SplitReader, way: Way, step: int, count: int, seed: int = 5) -> Any:
    found = training_batches(reader, batch_size=SIZE, seed=seed, **way()).whole(step)
    return np.stack([label.numpy() for _, label, _ in found.take(count)])


def test_a_pass_has_no_row_twice_and_the_next_another_order(
    reader: SplitReader, examples: Examples, way: Way
) -> None:
    assert steps_per_pass(reader.rows, SIZE) == PER_PASS
    found = labels(reader, way, 0, 2 * PER_PASS)
    first, second = found[:PER_PASS].ravel(), found[PER_PASS:].ravel()
    assert len(np.unique(first)) == len(first) == PER_PASS * SIZE
    assert set(first) | set(second) <= set(examples.label)
    assert (first != second).mean() > 0.9
    assert (labels(reader, way, 0, 1, seed=6) != found[0]).mean() > 0.9


def test_batches_are_a_function_of_seed_and_step(reader: SplitReader, way: Way) -> None:
    whole = labels(reader, way, 0, 2 * PER_PASS + 3)
    np.testing.assert_array_equal(labels(reader, way, 0, 2 * PER_PASS + 3), whole)
    for step in (1, 3, PER_PASS - 1, PER_PASS, PER_PASS + 2, 2 * PER_PASS + 1):
        np.testing.assert_array_equal(labels(reader, way, step, 2), whole[step : step + 2])


def test_batches_are_the_same_beside_an_iterator_that_is_being_read(
    reader: SplitReader, way: Way
) -> None:
    batches = training_batches(reader, batch_size=SIZE, seed=5, **way())
    read = iter(batches.whole(0))
    whole = [next(read)[1].numpy()]
    for step in (2, 0, PER_PASS + 1):
        beside = next(iter(batches.whole_beside(step).take(1)))[1].numpy()
        whole += [next(read)[1].numpy() for _ in range(step + 1 - len(whole))]
        np.testing.assert_array_equal(beside, whole[step])


def test_rows_stay_whole(reader: SplitReader, examples: Examples, way: Way) -> None:
    """Numbers, ids, label and weight of a row travel together."""
    whole = {
        label: tuple(matrix[i].tobytes() for matrix in examples.inputs)
        for i, label in enumerate(examples.label)
    }
    found = training_batches(reader, batch_size=SIZE, seed=5, **way()).whole(0)
    for inputs, label, weight in found.take(3):
        rows = zip(*(matrix.numpy() for matrix in inputs), strict=True)
        found = [tuple(part.tobytes() for part in row) for row in rows]
        assert found == [whole[value] for value in label.numpy()]
        np.testing.assert_array_equal(weight, np.ones(SIZE, np.float32))


def test_files_in_any_order_hold_the_same_rows(reader: SplitReader, examples: Examples) -> None:
    found = training_batches(reader, None, 500, 5, data=DataOptions(deterministic=False)).whole(0)
    label = np.concatenate([label.numpy() for _, label, _ in found.take(8)])
    np.testing.assert_array_equal(np.sort(label), np.sort(examples.label))


def test_batches_are_no_larger_than_the_split(reader: SplitReader, examples: Examples) -> None:
    found = training_batches(reader, examples, 10**6, 0).whole(3)
    assert [len(label) for _, label, _ in found.take(2)] == [4_000, 4_000]


def test_batches_of_a_worker_are_of_its_share(regression_run: Path) -> None:
    run = open_run(str(regression_run))
    worker = SplitReader(run, "train", inputs_of(run), worker=Worker(1, 3))
    mine = set(worker.read().label)
    found = labels(worker, lambda: {"examples": None}, 0, 2 * (worker.rows // SIZE))
    assert set(found.ravel()) <= mine
    assert len(np.unique(found)) > 0.9 * len(mine)


def test_rows_are_weighed(binary_run: Path) -> None:
    run = open_run(str(binary_run))
    reader = SplitReader(run, "train", inputs_of(run))
    for kept in (reader.read(), None):
        found = training_batches(reader, kept, SIZE, 5, Weighting((1.0, 5.0), 4.0)).whole(0)
        for _, label, weight in found.take(2):
            np.testing.assert_array_equal(weight, np.where(label == 1, 1.25, 0.25))


def test_epochs_are_passes_over_the_rows(reader: SplitReader, examples: Examples) -> None:
    table = Table(reader.rows, 9, "regression")
    options = choose(TrainOptions(epochs=3, batch_size=SIZE), table).options
    assert options.max_steps == 3 * PER_PASS
    found = labels(reader, lambda: {"examples": examples}, 0, options.max_steps)
    times = np.unique(found, return_counts=True)[1]
    assert times.max() == 3
    assert choose(TrainOptions(max_steps=77), table).options.max_steps == 77
    assert choose(TrainOptions(epochs=2, batch_size=10**6), table).options.max_steps == 2


def test_a_cache_is_read_without_the_files(
    reader: SplitReader, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = str(tmp_path / "rows")
    found = iter(training_batches(reader, None, SIZE, 5, cache=cache).whole(0))
    first = np.concatenate([next(found)[1].numpy() for _ in range(PER_PASS)])
    for _ in range(2 * DataOptions.prefetch):  # until the whole first pass is surely written
        next(found)
    gone = replace(reader.share, parts=tuple(FilePart("gone", 1) for _ in reader.share.parts))
    monkeypatch.setattr(reader, "share", gone)
    later = training_batches(reader, None, SIZE, 5, cache=cache).whole(0)
    again = np.concatenate([label.numpy() for _, label, _ in later.take(PER_PASS)])
    np.testing.assert_array_equal(again, first)


def test_the_folder_for_parsed_rows_comes_and_goes(tmp_path: Path) -> None:
    with rows_folder(str(tmp_path), "training") as folder, rows_folder(str(tmp_path), "training"):
        assert not list(Path(folder).iterdir())
        (Path(folder) / "part").touch()
        made = list((tmp_path / "training").iterdir())
        assert len(made) == 2  # of two workers
        assert all(is_temporary(path.name) for path in made)
    assert not list((tmp_path / "training").iterdir())
    with rows_folder("gs://bucket/run", "training") as folder:
        assert Path(folder).is_dir()
    assert not Path(folder).exists()
