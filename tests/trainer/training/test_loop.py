"""The training loop: what its marks, its clock and its flags change, and what they must not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forebay.storage.run.run_folder import open_run
from forebay.trainer.checkpoints import checkpoint
from forebay.trainer.checkpoints.checkpoint import TrainingState
from forebay.trainer.evaluation.predictions import predict
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.options import LoopOptions, TrainOptions, choose
from forebay.trainer.task import main
from forebay.trainer.training.train import train
from forebay.transforms.errors import InputError, RunFailed, RunFolderError

Copy = Callable[[Path], Path]
QUIET = LoopOptions(tensorboard=False)
SMALL = {"max_steps": 120, "eval_every": 40, "batch_size": 64, "hidden_units": (8,)}


def final_weights(run: Path) -> list[np.ndarray]:
    found = checkpoint.load(str(run / "training/checkpoint.npz"))
    assert found is not None
    return found.model


def test_no_flag_of_the_loop_changes_a_weight(regression_run: Path, copy_of: Copy) -> None:
    path = copy_of(regression_run)
    run, options = open_run(str(path)), TrainOptions(dropout=0.2, **SMALL)
    weights = []
    others = LoopOptions(checkpoint_every=7, throttle_seconds=3600, save_summary_steps=11)
    for loop in (QUIET, others):
        record = train(run, options, loop, fresh=True).record
        weights.append(final_weights(path))
        steps = [evaluation["step"] for evaluation in record["history"]]
        # Throttled, the first two evaluations come too soon; the last is always made.
        assert steps == ([40, 80, 120] if loop is QUIET else [120])
    for plain, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(plain, other)


def test_the_train_loss_of_an_evaluation_is_that_of_the_steps_since_the_last(
    regression_run: Path, copy_of: Copy
) -> None:
    run, options = open_run(str(copy_of(regression_run))), TrainOptions(**SMALL)
    often = train(run, options, QUIET).record["history"]
    once = train(run, options, LoopOptions(tensorboard=False, throttle_seconds=60), fresh=True)
    (last,) = once.record["history"]
    assert last["train_loss"] == pytest.approx(
        np.sqrt(np.mean([e["train_loss"] ** 2 for e in often])), rel=1e-6
    )


def test_checkpoints_come_between_evaluations(regression_run: Path, copy_of: Copy) -> None:
    """A rate this high ends the training before the first evaluation; a checkpoint is there."""
    path = copy_of(regression_run)
    options = TrainOptions(optimizer="sgd", learning_rate=1e3, **SMALL)
    with pytest.raises(RunFailed, match="the loss became"):
        train(open_run(str(path)), options, LoopOptions(checkpoint_every=1, tensorboard=False))
    found = checkpoint.load(str(path / "training/checkpoint.npz"))
    assert found is not None
    assert 0 < found.state.step < options.eval_every
    assert not found.state.history


def files_of(run: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(run)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in run.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("max_steps", ["600", "400"])
def test_steps_that_are_taken_already_leave_every_file_alone(
    trained_regression: Path, max_steps: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_of(trained_regression)
    flags = ["--max-steps", max_steps, "--eval-every", "200", "--batch-size", "128"]
    assert main(["train", str(trained_regression), *flags]) == 0
    assert f"nothing to do: {trained_regression} is trained already, 600 steps" in (
        capsys.readouterr().out
    )
    assert main(["train", str(trained_regression), *flags, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nothing_to_do"] is True
    assert files_of(trained_regression) == before


def test_fresh_forgets_the_training_and_keeps_the_models(
    trained_regression: Path, copy_of: Copy
) -> None:
    run = copy_of(trained_regression)
    models = sorted((run / "model").iterdir())
    assert main(["train", str(run), "--fresh", "--max-steps", "30", "--no-export"]) == 0
    assert json.loads((run / "training/model.json").read_text())["steps_trained"] == 30
    assert sorted((run / "model").iterdir()) == models


def test_more_steps_than_planned_are_another_training(trained_regression: Path) -> None:
    """The learning rate falls to zero over --max-steps: it cannot be stretched afterwards."""
    run = open_run(str(trained_regression))
    with pytest.raises(RunFolderError, match=r"max_steps was 600 and is now 900.*--fresh"):
        train(run, TrainOptions(max_steps=900, eval_every=200, batch_size=128))


def test_more_steps_at_a_constant_rate_go_on(regression_run: Path, copy_of: Copy) -> None:
    path = copy_of(regression_run)
    run, weights = open_run(str(path)), []
    for lengths in ([120], [50, 120]):
        for i, steps in enumerate(lengths):
            options = TrainOptions(schedule="constant", **{**SMALL, "max_steps": steps})
            train(run, options, QUIET, fresh=not i)
        weights.append(final_weights(path))
    for whole, continued in zip(*weights, strict=True):
        np.testing.assert_array_equal(whole, continued)


@pytest.mark.parametrize("max_steps", [40, 30])
def test_a_training_that_ends_where_it_stands_is_evaluated_there(
    regression_run: Path, copy_of: Copy, max_steps: int
) -> None:
    """It was killed at a checkpoint whose evaluation came too soon, and now no step is wanted."""
    path = copy_of(regression_run)
    run, options = open_run(str(path)), TrainOptions(schedule="constant", **SMALL)
    train(run, options, LoopOptions(steps=40, tensorboard=False))
    found = checkpoint.load(str(path / "training/checkpoint.npz"))
    assert found is not None
    before = TrainingState(40, (), 40.0 * found.state.history[0].train_loss)
    name = "training/checkpoint.npz"
    checkpoint.save(str(path), name, replace(found, state=before, best=[]))
    (path / "training/model.json").unlink()
    fewer = replace(options, max_steps=max_steps)
    record = train(run, fewer, QUIET).record
    assert (record["step"], record["steps_trained"]) == (40, 40)
    assert record["eval_loss"] == found.state.history[0].eval_loss
    for one, other in zip(found.model, final_weights(path), strict=True):
        np.testing.assert_array_equal(one, other)


def test_steps_are_counted_from_the_checkpoint(regression_run: Path, copy_of: Copy) -> None:
    """The default schedule included: its rate falls over all the steps that are planned."""
    path = copy_of(regression_run)
    run, options = open_run(str(path)), TrainOptions(**SMALL)
    train(run, options, QUIET)
    whole = final_weights(path)
    part = LoopOptions(steps=50, tensorboard=False)
    for i, expected in enumerate([50, 100, 120, 120]):
        record = train(run, options, part, fresh=not i).record
        assert record["steps_trained"] == expected
        assert record["history"][-1]["step"] == expected
    for one, other in zip(whole, final_weights(path), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_was_chosen_stays_where_the_rules_change(
    regression_run: Path, copy_of: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy_of(regression_run)
    run, options = open_run(str(path)), TrainOptions(epochs=2, hidden_units=(4,))
    train(run, options, LoopOptions(steps=10, tensorboard=False))
    found = checkpoint.load(str(path / "training/checkpoint.npz"))
    assert found is not None
    assert found.chosen["batch_size"] == 64
    monkeypatch.setattr(choose, "FEWEST_ROWS", 200)
    monkeypatch.setitem(choose.DEEP_RATES, "adam", 0.5)  # type: ignore[arg-type]
    record = train(run, options, QUIET).record
    assert record["steps_trained"] == 2 * (4_000 // 64)
    assert (record["options"]["batch_size"], record["options"]["learning_rate"]) == (64, 2.8e-3)
    with pytest.raises(RunFolderError, match="batch_size was 64 and is now 32"):
        train(run, replace(options, batch_size=32), QUIET)


def test_an_evaluation_may_measure_the_first_batches_alone(
    regression_run: Path, copy_of: Copy
) -> None:
    run = open_run(str(copy_of(regression_run)))
    options = TrainOptions(eval_steps=2, **SMALL)
    saved = train(run, options, QUIET)
    first = SplitReader(run, "eval", saved.inputs).read(2 * 64)
    assert len(first) == 128
    assert np.array_equal(first.label, SplitReader(run, "eval", saved.inputs).read().label[:128])
    rmse = np.sqrt(np.mean((predict(saved.model, first) - first.label) ** 2))
    assert saved.record["eval_loss"] == pytest.approx(rmse, rel=1e-6)


@pytest.mark.parametrize("metric", ["auc", "log_loss"])
def test_the_best_evaluation_is_that_of_the_metric_asked_for(
    binary_run: Path, copy_of: Copy, metric: str
) -> None:
    run = open_run(str(copy_of(binary_run)))
    # A rate this high makes evaluations go up and down.
    options = TrainOptions(best_by=metric, learning_rate=0.1, **{**SMALL, "eval_every": 15})
    record = train(run, options, QUIET).record
    values = {e["step"]: e["metrics"][metric] for e in record["history"]}
    wanted = (max if metric == "auc" else min)(values.values())
    assert values[record["step"]] == wanted
    assert len(set(values.values())) > 1


def test_a_metric_of_another_task_is_refused(regression_run: Path, copy_of: Copy) -> None:
    run = open_run(str(copy_of(regression_run)))
    with pytest.raises(InputError, match=r"--best-by auc: no metric of a regression.*rmse, mae"):
        train(run, TrainOptions(best_by="auc"))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"steps": 0, "save_summary_steps": 0}, "--steps = 0.*--save-summary-steps"),
        ({"checkpoint_every": 0}, "--checkpoint-every"),
        ({"throttle_seconds": -1.0}, "--throttle-seconds"),
        ({"exporters": ("newest",)}, "--exporter"),
        ({"keep": 0}, "--keep"),
    ],
)
def test_options_of_the_loop_are_checked(change: dict, word: str) -> None:
    with pytest.raises(InputError, match=word):
        LoopOptions(**change)


def test_a_standing_counts_losses_and_evaluations() -> None:
    state = TrainingState().trained(10, 25.0).trained(10, 15.0)
    assert (state.step, state.train_loss) == (20, 2.0)
    scores = [3.0, 1.0, 1.0, 2.0]
    for i, score in enumerate(scores):
        state = state.evaluated(checkpoint.Evaluation(20 + i, 2.0, score, score, {}))
    assert state.best.step == 21  # the first of equals
    assert state.evaluations_since_best == 2
    assert not state.newest_is_best
