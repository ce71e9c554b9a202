"""Reading examples: every row once, by one worker or several, and what is computed of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scales import offsets_and_divisors

from forebay.storage.run.run_folder import open_run
from forebay.trainer.examples import split_reader
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.split_reader import Examples, SplitReader
from forebay.trainer.examples.statistics import train_statistics
from forebay.trainer.workers.shares import Worker

ROWWISE = ("numbers", "label", "weight")


@pytest.fixture(scope="module")
def reader(regression_run: Path) -> SplitReader:
    run = open_run(str(regression_run))
    return SplitReader(run, "train", inputs_of(run), ("trip_id", "guess"))


@pytest.fixture(scope="module")
def examples(reader: SplitReader) -> Examples:
    return reader.read()


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
        SplitReader(run, "train", inputs_of(run), ("trip_id",), worker=Worker(i, count))
        for i in range(count)
    ]
    assert {reader.share.by for reader in readers} == {by}
    found = [reader.read().carried["trip_id"] for reader in readers]
    assert [len(trips) for trips in found] == [reader.rows for reader in readers]
    assert sorted(np.concatenate(found)) == sorted(examples.carried["trip_id"])


def test_statistics_are_exact(
    reader: SplitReader, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_reader, "READ_BATCH", 333)
    found = train_statistics(reader.batches())
    label = examples.label.astype(np.float64)
    offset, divisor = offsets_and_divisors(examples.numbers)
    np.testing.assert_allclose(found.numbers.offset, offset, atol=1e-12)
    np.testing.assert_allclose(found.numbers.divisor, divisor, rtol=1e-12)
    assert found.label.offset[0] == pytest.approx(label.mean(), rel=1e-13)
    assert found.label.divisor[0] == pytest.approx(label.std(), rel=1e-13)


def test_a_row_of_weight_two_counts_as_two(examples: Examples) -> None:
    times = np.random.default_rng(8).integers(0, 4, len(examples))
    weighted = replace(examples, weight=times.astype(np.float32))
    repeated = replace(
        examples,
        numbers=np.repeat(examples.numbers, times, axis=0),
        label=np.repeat(examples.label, times),
        weight=np.ones(times.sum(), np.float32),
    )
    parts = [
        replace(weighted, **{name: getattr(weighted, name)[i : i + 333] for name in ROWWISE})
        for i in range(0, len(examples), 333)
    ]
    found, expected = train_statistics(parts), train_statistics([repeated])
    np.testing.assert_allclose(found.numbers.offset, expected.numbers.offset, atol=1e-12)
    np.testing.assert_allclose(found.numbers.divisor, expected.numbers.divisor, rtol=1e-12)
    np.testing.assert_allclose(found.label.divisor, expected.label.divisor, rtol=1e-12)
    assert found.weight == expected.rows == times.sum()
    assert found.rows == len(examples)
