"""Batches: a function of seed and step, in memory or from files; every pass in another order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer import batches
from trainer.batches import in_steps, steps_per_pass, training_batches
from trainer.data import Examples, SplitReader
from trainer.options import TrainOptions
from trainer.run_folder import open_run
from trainer.shares import Worker
from trainer.weighting import Weighting

SIZE, PER_PASS = 512, 7  # of 4,000 rows


@pytest.fixture(scope="module")
def reader(regression_run: Path) -> SplitReader:
    run = open_run(str(regression_run))
    return SplitReader(run, "train", run.model_inputs())


@pytest.fixture(scope="module")
def examples(reader: SplitReader) -> Examples:
    return reader.read()


@pytest.fixture(params=["memory", "files", "files in chunks"])
def kept(
    request: pytest.FixtureRequest, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> Examples | None:
    """The ways in which a split is passed over, one of them in chunks of two batches."""
    if request.param == "files in chunks":
        monkeypatch.setattr(batches, "SHUFFLE_ROWS", 2 * SIZE + 1)
    return examples if request.param == "memory" else None


def labels(
    reader: SplitReader, examples: Examples | None, step: int, count: int, seed: int = 5
) -> Any:
    found = training_batches(reader, examples, SIZE, seed, step)
    return np.stack([label.numpy() for _, label, _ in found.take(count)])


def test_a_pass_has_no_row_twice_and_the_next_another_order(
    reader: SplitReader, examples: Examples, kept: Examples | None
) -> None:
    assert steps_per_pass(reader.rows, SIZE) == PER_PASS
    found = labels(reader, kept, 0, 2 * PER_PASS)
    first, second = found[:PER_PASS].ravel(), found[PER_PASS:].ravel()
    assert len(np.unique(first)) == len(first) == PER_PASS * SIZE
    assert set(first) | set(second) <= set(examples.label)
    assert (first != second).mean() > 0.9
    assert (labels(reader, kept, 0, 1, seed=6) != found[0]).mean() > 0.9


def test_batches_are_a_function_of_seed_and_step(
    reader: SplitReader, kept: Examples | None
) -> None:
    whole = labels(reader, kept, 0, 2 * PER_PASS + 3)
    np.testing.assert_array_equal(labels(reader, kept, 0, 2 * PER_PASS + 3), whole)
    for step in (1, 3, PER_PASS - 1, PER_PASS, PER_PASS + 2, 2 * PER_PASS + 1):
        np.testing.assert_array_equal(labels(reader, kept, step, 2), whole[step : step + 2])


def test_rows_stay_whole(reader: SplitReader, examples: Examples, kept: Examples | None) -> None:
    """Numbers, ids, label and weight of a row travel together."""
    whole = {
        label: tuple(matrix[i].tobytes() for matrix in examples.inputs)
        for i, label in enumerate(examples.label)
    }
    for inputs, label, weight in training_batches(reader, kept, SIZE, 5, 0).take(3):
        rows = zip(*(matrix.numpy() for matrix in inputs), strict=True)
        found = [tuple(part.tobytes() for part in row) for row in rows]
        assert found == [whole[value] for value in label.numpy()]
        np.testing.assert_array_equal(weight, np.ones(SIZE, np.float32))


def test_files_in_any_order_hold_the_same_rows(reader: SplitReader, examples: Examples) -> None:
    found = training_batches(reader, None, 500, 5, 0, deterministic=False)
    label = np.concatenate([label.numpy() for _, label, _ in found.take(8)])
    np.testing.assert_array_equal(np.sort(label), np.sort(examples.label))


def test_batches_are_no_larger_than_the_split(reader: SplitReader, examples: Examples) -> None:
    found = training_batches(reader, examples, 10**6, 0, 3)
    assert [len(label) for _, label, _ in found.take(2)] == [4_000, 4_000]


def test_batches_of_a_worker_are_of_its_share(regression_run: Path) -> None:
    run = open_run(str(regression_run))
    worker = SplitReader(run, "train", run.model_inputs(), worker=Worker(1, 3))
    mine = set(worker.read().label)
    found = labels(worker, None, 0, 2 * (worker.rows // SIZE))
    assert set(found.ravel()) <= mine
    assert len(np.unique(found)) > 0.9 * len(mine)


def test_rows_are_weighed(binary_run: Path) -> None:
    run = open_run(str(binary_run))
    reader = SplitReader(run, "train", run.model_inputs())
    for kept in (reader.read(), None):
        found = training_batches(reader, kept, SIZE, 5, 0, Weighting((1.0, 5.0), 4.0))
        for _, label, weight in found.take(2):
            np.testing.assert_array_equal(weight, np.where(label == 1, 1.25, 0.25))


def test_epochs_are_passes_over_the_rows(reader: SplitReader, examples: Examples) -> None:
    options = in_steps(TrainOptions(epochs=3, batch_size=SIZE), reader.rows)
    assert options.max_steps == 3 * PER_PASS
    found = labels(reader, examples, 0, options.max_steps)
    times = np.unique(found, return_counts=True)[1]
    assert times.max() == 3
    assert in_steps(TrainOptions(max_steps=77), reader.rows).max_steps == 77
    assert in_steps(TrainOptions(epochs=2, batch_size=10**6), 4_000).max_steps == 2
