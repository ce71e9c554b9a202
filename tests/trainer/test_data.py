"""Reading examples: every row once, batches a function of seed and step, in memory or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer import data
from trainer.batches import training_batches
from trainer.data import Examples, SplitReader
from trainer.run_folder import open_run
from trainer.shares import Worker
from trainer.statistics import train_statistics


@pytest.fixture(scope="module")
def reader(regression_run: Path) -> SplitReader:
    run = open_run(str(regression_run))
    return SplitReader(run, "train", run.model_inputs(), ("trip_id", "guess"))


@pytest.fixture(scope="module")
def examples(reader: SplitReader) -> Examples:
    return reader.read()


def labels(reader: SplitReader, examples: Examples | None, step: int, count: int) -> Any:
    batches = training_batches(reader, examples, 512, 5, step)
    return np.stack([label.numpy() for _, label in batches.take(count)])


def test_every_row_is_read_once(examples: Examples, rows: dict[str, Any]) -> None:
    assert sorted(examples.carried["trip_id"]) == sorted(rows["trip_id"][:4_000])
    place = {trip: i for i, trip in enumerate(rows["trip_id"])}
    order = [place[trip] for trip in examples.carried["trip_id"]]
    np.testing.assert_array_equal(examples.label, rows["delay"][order])
    np.testing.assert_array_equal(examples.carried["guess"], rows["guess"][order])


@pytest.mark.parametrize(("count", "by"), [(2, "files"), (3, "records"), (7, "records")])
def test_workers_read_disjoint_and_complete_shares(
    regression_run: Path, examples: Examples, count: int, by: str
) -> None:
    run = open_run(str(regression_run))
    readers = [
        SplitReader(run, "train", run.model_inputs(), ("trip_id",), worker=Worker(i, count))
        for i in range(count)
    ]
    assert {reader.share.by for reader in readers} == {by}
    found = [reader.read().carried["trip_id"] for reader in readers]
    assert [len(trips) for trips in found] == [reader.rows for reader in readers]
    assert sorted(np.concatenate(found)) == sorted(examples.carried["trip_id"])


def test_batches_of_a_worker_are_of_its_share(regression_run: Path) -> None:
    run = open_run(str(regression_run))
    worker = SplitReader(run, "train", run.model_inputs(), worker=Worker(1, 3))
    mine = set(worker.read().label)
    found = labels(worker, None, 0, 2 * (worker.rows // 512))
    assert set(found.ravel()) <= mine
    assert len(np.unique(found)) > 0.95 * len(mine)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_pass_has_no_row_twice_and_the_next_another_order(
    reader: SplitReader, examples: Examples, in_memory: bool
) -> None:
    found = labels(reader, examples if in_memory else None, 0, 14)
    first, second = found[:7].ravel(), found[7:].ravel()
    assert len(np.unique(first)) == len(first) == 7 * 512
    assert set(first) <= set(examples.label)
    assert (first != second).mean() > 0.9


@pytest.mark.parametrize("in_memory", [True, False])
def test_batches_are_a_function_of_seed_and_step(
    reader: SplitReader, examples: Examples, in_memory: bool
) -> None:
    kept = examples if in_memory else None
    whole = labels(reader, kept, 0, 12)
    np.testing.assert_array_equal(labels(reader, kept, 0, 12), whole)
    np.testing.assert_array_equal(labels(reader, kept, 9, 3), whole[9:])


def test_batches_are_no_larger_than_the_split(reader: SplitReader, examples: Examples) -> None:
    batches = training_batches(reader, examples, 10**6, 0, 3)
    assert [len(label) for _, label in batches.take(2)] == [4_000, 4_000]


def test_statistics_are_exact(
    reader: SplitReader, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "READ_BATCH", 333)
    found = train_statistics(reader.batches())
    numbers, label = examples.numbers.astype(np.float64), examples.label.astype(np.float64)
    np.testing.assert_allclose(found.numbers.mean, numbers.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found.numbers.deviation, numbers.std(axis=0), rtol=1e-12)
    assert found.label.mean[0] == pytest.approx(label.mean(), rel=1e-13)
    assert found.label.deviation[0] == pytest.approx(label.std(), rel=1e-13)
