"""A loss that is not a number: the batch, its rows and their inputs are named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doc_pages import Page

from forebay.storage.run.run_folder import open_run
from forebay.trainer.checkpoints import checkpoint
from forebay.trainer.checkpoints.checkpoint import TrainingState
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.options import DataOptions, LoopOptions, TrainOptions
from forebay.trainer.training.job import TrainingJob, prepare
from forebay.trainer.training.loop import fit
from forebay.trainer.training.train import train
from forebay.trainer.workers.team import alone
from forebay.transforms.errors import RunFailed

Copy = Callable[[Path], Path]
PAGE = Page("reference/training-loop.md")
BATCH = 16


@pytest.fixture(params=["memory", "files"])
def job(
    regression_run: Path, copy_of: Copy, tmp_path: Path, request: pytest.FixtureRequest
) -> TrainingJob:
    """A training whose rows are in memory, or in files and their cache still to be written."""
    run = open_run(str(copy_of(regression_run)))
    data = DataOptions(memory_mb=0) if request.param == "files" else DataOptions()
    options = TrainOptions(model="linear", l2=0.0, batch_size=BATCH, max_steps=500, data=data)
    (tmp_path / "rows").mkdir()
    return prepare(run, options, LoopOptions(), alone(), str(tmp_path / "rows"))


def poison(job: TrainingJob, name: str, entry: int, weight: float = 1e30) -> None:
    """Gives one id of one input a weight that no loss survives: its square is infinite."""
    offsets = np.cumsum([0, *(column.size for column in job.inputs.categorical)])
    place = [column.name for column in job.inputs.categorical].index(name)
    table = next(v for v in job.models.score.variables if v.path.startswith("wide_ids/"))
    values = table.numpy()
    values[offsets[place] + entry] = weight
    table.assign(values)


def test_the_batch_and_its_rows_are_named(job: TrainingJob) -> None:
    rare = 4  # of the five lines in the vocabulary the one seen least
    poison(job, "line_id", rare)
    before = checkpoint.values(job.models.score.variables)
    with pytest.raises(RunFailed, match=r"the loss became inf at step") as caught:
        fit(job, TrainingState(), [], job.run.file("training", "checkpoint.npz"), (), None)

    place = [column.name for column in job.inputs.categorical].index("line_id")
    found = job.batches.whole_beside(0).take(60).as_numpy_iterator()
    lines = [ids[:, place] for (_, ids, _), *_ in found]
    step = next(i for i, line in enumerate(lines) if (line == rare).any())
    report = json.loads(Path(job.run.file("training", "nonfinite.json")).read_text())
    assert report["step"] == step + 1
    assert report["pass"] == 1
    assert report["batch_rows"] == BATCH
    assert report["rows_without_finite_loss"] == (lines[step] == rare).sum()
    trips = trips_of(job)
    bad = report["rows"][: report["rows_without_finite_loss"]]
    assert all(trips[row["passthrough"]["trip_id"]][place] == rare for row in bad)
    assert all(row["loss"] == "inf" for row in bad)
    good = report["rows"][len(bad) :]
    assert all(trips[row["passthrough"]["trip_id"]][place] != rare for row in good)
    message = str(caught.value)
    assert f"at step {step + 1} (pass 1)" in message
    assert f"trip_id={bad[0]['passthrough']['trip_id']!r}" in message
    if step == 0:
        after = checkpoint.values(job.models.score.variables)
        assert checkpoint.digest(before) == checkpoint.digest(after)

    (shown,) = PAGE.code("json")
    assert keys(json.loads(shown)) == keys(report)


def keys(report: dict[str, Any]) -> list[set[str]]:
    row = report["rows"][0]
    return [set(report), set(row), set(row["extreme_inputs"][0])]


def trips_of(job: TrainingJob) -> dict[str, Any]:
    examples = SplitReader(job.run, "train", job.inputs, ("trip_id",)).read()
    names = (name.decode() for name in examples.carried["trip_id"])
    return dict(zip(names, examples.ids, strict=True))


def test_the_most_extreme_inputs_are_named(job: TrainingJob) -> None:
    poison(job, "line_id", 0)
    with pytest.raises(RunFailed):
        fit(job, TrainingState(), [], job.run.file("training", "checkpoint.npz"), (), None)
    report = json.loads(Path(job.run.file("training", "nonfinite.json")).read_text())
    examples = SplitReader(job.run, "train", job.inputs, ("trip_id",)).read()
    trips = [name.decode() for name in examples.carried["trip_id"]]
    numbers = examples.numbers.astype(np.float64)
    distances = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    names = [column.name for column in job.inputs.numeric]
    for row in report["rows"]:
        place = trips.index(row["passthrough"]["trip_id"])
        assert row["row"] == place
        order = np.argsort(-np.abs(distances[place]))[:3]
        assert [found["input"] for found in row["extreme_inputs"]] == [names[i] for i in order]
        for found, i in zip(row["extreme_inputs"], order, strict=True):
            assert found["value"] == pytest.approx(float(numbers[place, i]), rel=1e-5)
            assert found["standardised"] == pytest.approx(distances[place, i], rel=1e-4)


@pytest.mark.parametrize("memory_mb", [DataOptions.memory_mb, 0])
@pytest.mark.parametrize("rate", [1e3, 1e20])
def test_a_training_that_diverges_is_told_so(
    regression_run: Path, copy_of: Copy, rate: float, memory_mb: int
) -> None:
    run = open_run(str(copy_of(regression_run)))
    options = TrainOptions(
        optimizer="sgd", learning_rate=rate, max_steps=300, batch_size=128,
        data=DataOptions(memory_mb=memory_mb),
    )  # fmt: skip
    words = (
        r"the loss (of the eval split )?became (nan|inf) (at|after) step \d+ \(pass 1\).*"
        "(weights reaching|made weights)"
    )
    with pytest.raises(RunFailed, match=words) as caught:
        train(run, options, LoopOptions(tensorboard=False))
    assert f"--learning-rate below {rate:g}" in str(caught.value)
    report = json.loads(Path(run.file("training", "nonfinite.json")).read_text())
    assert report["rows_without_finite_loss"] in (None, report["batch_rows"])
    assert (report["split"], report["batch_rows"]) in (("train", 128), ("eval", 1_000))


def test_a_training_in_a_folder_of_its_own_writes_there(
    regression_run: Path, copy_of: Copy
) -> None:
    copy = copy_of(regression_run)
    options = TrainOptions(optimizer="sgd", learning_rate=1e20, max_steps=30, batch_size=128)
    quiet = LoopOptions(tensorboard=False)
    with pytest.raises(RunFailed, match=r"sweep/trial-000/nonfinite\.json tells more"):
        train(open_run(str(copy)), options, quiet, folder="sweep/trial-000")
    assert (copy / "sweep/trial-000/nonfinite.json").exists()
    assert not (copy / "training").exists()


def test_an_evaluation_without_a_finite_loss_names_a_row_of_the_eval_split(
    job: TrainingJob,
) -> None:
    """Weights that are finite, and answers to some rows that are not: the label's units are."""
    rare, place = 4, [column.name for column in job.inputs.categorical].index("line_id")
    poison(job, "line_id", rare, 3e38)
    state = TrainingState(job.options.max_steps, (), 1.0)
    with pytest.raises(RunFailed) as caught:
        fit(job, state, [], job.run.file("training", "checkpoint.npz"), (), None)
    found = SplitReader(job.run, "eval", job.inputs, ("trip_id",)).read()
    bad = found.ids[:, place] == rare
    message = str(caught.value)
    assert message.startswith(
        f"the loss of the eval split became inf after step 500 (pass 2): that of {bad.sum()} of "
        "its 1,000 rows; "
    )
    (number, trip) = re.findall(r"row ([\d,]+) \(trip_id='([^']+)'", message)[0]
    assert bad[int(number.replace(",", ""))]
    assert found.carried["trip_id"][int(number.replace(",", ""))].decode() == trip
    report = json.loads(Path(job.run.file("training", "nonfinite.json")).read_text())
    assert (report["split"], report["rows_without_finite_loss"]) == ("eval", bad.sum())
    assert [row["loss"] for row in report["rows"]] == ["inf"] * 10
    assert keys(report) == keys(json.loads(PAGE.code("json")[0]))
