"""Blocks of time: cut right, purged, and compared by days that both trials have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.storage.run.run_folder import open_run
from forebay.trainer.evaluation.predictions import predict
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.metrics.binary import BinaryPredictions
from forebay.trainer.metrics.regression import RegressionPredictions
from forebay.trainer.options import LoopOptions, TrainOptions
from forebay.trainer.search.blocks import GroupLosses, block_column, by_group, time_blocks
from forebay.trainer.task import main
from forebay.trainer.training.job import Rows
from forebay.trainer.training.train import train
from forebay.transforms.errors import InputError

Copy = Callable[[Path], Path]
TIMES = st.lists(st.integers(0, 10_000), min_size=1, max_size=60)


@given(TIMES, st.integers(1, 5), st.integers(0, 400))
def test_a_block_is_after_what_it_is_predicted_from_and_out_of_reach_of_it(
    times: list[int], count: int, reach: int
) -> None:
    when = np.array(times)
    try:
        found = time_blocks(when, count, reach)
    except InputError:
        return  # fewer rows than blocks, or all of one out of reach of the others
    assert len(found) == count
    measured = np.concatenate([block.measured for block in found])
    assert len(np.unique(measured)) == len(measured)
    for i, block in enumerate(found):
        assert when[block.before].max() + reach < when[block.measured].min() + 1
        begin = found[i + 1].before if i + 1 < count else np.arange(len(when))
        # What comes before the next block is what came before this one, the block, and the purged.
        assert set(block.before) | set(block.measured) <= set(begin)
        purged = set(begin) - set(block.before) - set(block.measured)
        start = min(when[list(set(begin) - set(block.before))])
        assert all(when[row] < start + reach for row in purged)


def test_even_times_make_even_blocks() -> None:
    blocks = time_blocks(np.arange(100)[::-1], 4, 3)
    assert [len(block.before) for block in blocks] == [20, 40, 60, 80]
    assert [len(block.measured) for block in blocks] == [17, 17, 17, 17]
    (unbounded,) = time_blocks(np.arange(100), 1, None)
    assert len(unbounded.measured) == 50


def test_losses_of_days_add_up_to_the_metric() -> None:
    rng = np.random.default_rng(0)
    group, weight = rng.integers(0, 9, 300), rng.uniform(0.5, 2, 300)
    label, answer = rng.normal(size=300), rng.normal(size=300)
    parts = [(group[i::2], label[i::2], answer[i::2], weight[i::2]) for i in (0, 1)]
    found = by_group("regression", iter(parts), 9)
    rmse = RegressionPredictions(label, answer, weight).scores()["rmse"]
    assert found.value == pytest.approx(rmse)
    called, p = (label > 0).astype(float), 1 / (1 + np.exp(-answer))
    found = by_group("binary_classification", iter([(group, called, p, weight)]), 9)
    assert found.value == pytest.approx(
        BinaryPredictions(called, p, 0.5, weight).scores()["log_loss"]
    )
    assert GroupLosses.from_json(json.loads(json.dumps(found.to_json()))).value == found.value


def test_a_difference_has_the_interval_of_a_mean_of_days() -> None:
    """Where days weigh alike, the interval is that of the mean of their differences."""
    rng = np.random.default_rng(1)
    common = rng.uniform(5, 50, 400)  # what days have in common cancels out
    own = GroupLosses(False, common + rng.normal(0.3, 1, 400), np.ones(400))
    other = GroupLosses(False, common, np.ones(400))
    difference, (low, high) = own.difference(other)
    days = own.losses - other.losses
    assert difference == pytest.approx(days.mean())
    half = 1.96 * days.std() / np.sqrt(400)
    assert (low, high) == pytest.approx((days.mean() - half, days.mean() + half), abs=0.02)


def test_rows_in_place_of_the_splits_are_those_that_count(
    regression_run: Path, copy_of: Copy
) -> None:
    run = open_run(str(copy_of(regression_run)))
    examples = SplitReader(run, "train", inputs_of(run)).read()
    rows = Rows(examples.take(np.arange(300)), examples.take(np.arange(300, 500)))
    options = TrainOptions(model="linear", max_steps=30, eval_every=30, batch_size=64)
    quiet = LoopOptions(tensorboard=False, exporters=())
    saved = train(run, options, quiet, fresh=True, instead=rows)
    error = predict(saved.model, rows.evaluated) - rows.evaluated.label
    assert saved.record["eval_loss"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-6)
    mean = saved.model.get_layer("prediction").offset
    assert mean == pytest.approx(float(rows.train.label.astype(np.float64).mean()), rel=1e-5)


def test_a_sweep_on_blocks_reads_train_alone_and_tells_differences(
    regression_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_of(regression_run)
    dataset = open_run(str(run)).definition
    column = block_column(dataset, None)
    flags = [
        "--model", "linear", "--batch-size", "64", "--max-steps", "60", "--trials", "2",
        "--learning-rate", "0.2", "--search", "learning-rate", "0.2", "1e-5", "2e-5", "3e-5",
        "4e-5", "5e-5", "--blocks", "2", "--block-by", column,
    ]  # fmt: skip
    for split in ("eval", "test"):
        for path in (run / "examples" / split).iterdir():
            path.write_bytes(b"nobody reads this")
    assert main(["sweep", str(run), *flags]) == 0
    printed = capsys.readouterr().out
    report = json.loads((run / "sweep/sweep.json").read_text())
    first, second = report["trials"]
    assert report["split"] == "2 blocks of train"
    assert first["options"] == {"learning_rate": 0.2}
    assert (first["difference"], first["interval"]) == (None, None)
    assert second["difference"] == pytest.approx(second["eval_metric"] - first["eval_metric"])
    low, high = second["interval"]
    assert 0 < low < second["difference"] < high  # so low a rate learns nothing
    assert "less trial 1 (95 % of days)" in printed
    assert "on 2 blocks of train" in printed
    assert report["best"]["trial"] == 1


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--blocks", "0"], "--blocks = 0"),
        (["--block-by", "day"], "--block-by = 'day': there are no blocks"),
        (["--blocks", "2", "--best-by", "mae"], "--best-by = 'mae'"),
        (["--blocks", "2", "--block-by", "line"], "--block-by line: the examples carry no such"),
    ],
)
def test_mistakes_are_named(
    regression_run: Path, copy_of: Copy, flags: list[str], words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run = copy_of(regression_run)
    assert main(["sweep", str(run), *flags]) == 2
    assert words in capsys.readouterr().err
    assert not (run / "sweep/journal.log").exists()
