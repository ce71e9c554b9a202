"""Sweeps: what they write, how they continue, and what they never read."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import forebay as fb
from forebay.cli import _parser
from forebay.storage.run.run_folder import open_run
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.options import train_options
from forebay.trainer.options.choose import MEMBERS, default_rate
from forebay.trainer.task import main
from forebay.transforms.errors import RunFolderError

Copy = Callable[[Path], Path]
Wait = Callable[[Path, subprocess.Popen[bytes]], None]
FLAGS = [
    "--model", "linear", "--max-steps", "60", "--eval-every", "20", "--trials", "3",
    "--search", "learning-rate", "1e-3..3e-1", "--search", "batch-size", "64", "128",
]  # fmt: skip


def report_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "sweep/sweep.json").read_text())  # type: ignore[no-any-return]


def trials_of(run: Path) -> list[dict[str, Any]]:
    """The trials but for the seconds that they took."""
    return [
        {name: value for name, value in one.items() if name != "seconds"}
        for one in report_of(run)["trials"]
    ]


@pytest.fixture(scope="module")
def swept(regression_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose test split is gone, so that nothing can have looked at it."""
    run = tmp_path_factory.mktemp("swept") / "run"
    shutil.copytree(regression_run, run, ignore=shutil.ignore_patterns("training"))
    shutil.rmtree(run / "examples/test")
    assert main(["sweep", str(run), *FLAGS]) == 0
    return run


def test_the_best_trial_is_a_command_line_and_a_file(swept: Path) -> None:
    report = report_of(swept)
    trials, best = report["trials"], report["best"]
    assert [one["trial"] for one in trials] == [1, 2, 3]
    assert best["eval_metric"] == min(one["eval_metric"] for one in trials)
    assert best["trial"] == min(trials, key=lambda one: one["eval_metric"])["trial"]
    program, *arguments = shlex.split(best["command"])
    args = _parser().parse_args(arguments)
    assert (program, args.command, args.run, args.fresh) == ("forebay", "train", str(swept), True)
    chosen = train_options(args)
    assert best["options"] == json.loads(json.dumps(asdict(chosen)))
    args = _parser().parse_args(["train", "run", "--config", str(swept / "sweep/best.toml")])
    assert train_options(args) == chosen
    assert chosen.model == "linear"
    assert (swept / "sweep/sweep.png").read_bytes()[:4] == b"\x89PNG"


def test_the_best_options_give_that_loss_again(swept: Path, copy_of: Copy) -> None:
    best = report_of(swept)["best"]
    copy = copy_of(swept)
    arguments = shlex.split(best["command"])[2:]
    assert main(["train", str(copy), *arguments[1:], "--no-export"]) == 0
    record = json.loads((copy / "training/model.json").read_text())
    assert record["eval_loss"] == pytest.approx(best["eval_metric"], rel=1e-6)


def test_trials_try_what_is_searched(swept: Path) -> None:
    tried = [one["options"] for one in report_of(swept)["trials"]]
    assert {one["batch_size"] for one in tried} <= {64, 128}
    rates = [one["learning_rate"] for one in tried]
    assert all(1e-3 <= rate <= 3e-1 for rate in rates)
    assert len(set(rates)) == 3
    # The first trial has the options given, where they lie in what is searched.
    inputs = sum(inputs_of(open_run(str(swept))).widths[:2])
    assert rates[0] == default_rate(
        "adam", linear=True, inputs=inputs, batch_size=tried[0]["batch_size"]
    )


def test_each_trial_has_the_defaults_of_its_own_options(
    regression_run: Path, copy_of: Copy
) -> None:
    run, search = copy_of(regression_run), [["model", "linear", "deep"]]
    report = fb.sweep(run, search=search, trials=3, max_steps=2, eval_every=2)
    found = {one["options"]["model"]: one["outcome"] for one in report["trials"]}
    assert found == {"linear": "trained", "deep": "trained"}
    best = report["best"]["options"]
    linear = best["model"] == "linear"
    assert best["members"] == (1 if linear else MEMBERS)
    inputs = sum(inputs_of(open_run(str(run))).widths[:2])
    assert best["learning_rate"] == default_rate(
        "adam", linear=linear, inputs=inputs, batch_size=best["batch_size"]
    )


def test_trials_leave_nothing_but_the_sweep(swept: Path) -> None:
    assert {path.name for path in (swept / "sweep").iterdir()} == {
        "journal.log", "sweep.json", "sweep.png", "best.toml",
    }  # fmt: skip
    assert not (swept / "training").exists()


def test_a_trial_that_diverges_leaves_a_training_alone(
    regression_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_of(regression_run)
    flags = ["--optimizer", "sgd", "--max-steps", "30", "--trials", "1"]
    search = ["--search", "learning-rate", "1e19..1e20"]
    for has_trained in (False, True):
        if has_trained:
            (run / "training").mkdir()
            (run / "training/nonfinite.json").write_text("of the training")
        assert main(["sweep", str(run), *flags, *search, "--fresh"]) == 1
        assert "all 1 trial diverged" in capsys.readouterr().err
        found = {path.name: path.read_text() for path in (run / "training").glob("*")}
        assert found == ({"nonfinite.json": "of the training"} if has_trained else {})
        assert (run / "training").exists() == has_trained
        assert not list((run / "sweep").glob("trial-*"))


def test_a_killed_sweep_makes_the_trials_that_it_would_have_made(
    swept: Path, regression_run: Path, copy_of: Copy, wait_for: Wait
) -> None:
    run = copy_of(regression_run)
    command = [sys.executable, "-m", "trainer.task", "sweep", str(run), *FLAGS]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(run / "sweep/trial-001/checkpoint.npz", process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert len(trials_of(run)) < 3
    assert main(["sweep", str(run), *FLAGS]) == 0
    assert trials_of(run) == trials_of(swept)


def test_a_finished_sweep_trains_no_more(swept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = trials_of(swept)
    assert main(["sweep", str(swept), *FLAGS]) == 0
    assert trials_of(swept) == before
    captured = capsys.readouterr()
    assert "trial 1 of" not in captured.err
    assert "forebay train" in captured.out


def test_from_python_it_is_the_same_sweep(swept: Path) -> None:
    """The one that the command finished: its trials are there, and none is made."""
    search = [["learning-rate", "1e-3..3e-1"], ("batch-size", "64", "128")]

    found = fb.sweep(
        fb.Run(str(swept)), search=search, trials=3, model="linear", max_steps=60, eval_every=20
    )

    assert json.loads(json.dumps(found)) == report_of(swept)
    assert len(found["trials"]) == 3
    with pytest.raises(RunFolderError, match="another sweep"):
        fb.sweep(swept, search=search, trials=3, model="linear", max_steps=61, eval_every=20)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--sweep-seed", "4"], ["another sweep", "sweep seed was 0 and is now 4", "--fresh"]),
        (["--search", "seeds", "1", "2"], ["--search seeds", "learning-rate"]),
        (["--search", "dropout", "0..1.5"], ["--dropout = 1.5"]),
        (["--search", "optimizer", "adam", "lion"], ["--optimizer = 'lion'"]),
        (["--search", "hidden-units", "1..2"], ["not a range LOW..HIGH of a number"]),
        (["--search", "l2", "0.1"], ["nor two or more values"]),
        (["--search", "l1", "a", "b"], ["nor two or more values"]),
        (["--search", "batch-size", "1", "2"], ["searched twice"]),
        (["--trials", "0"], ["--trials = 0"]),
    ],
)
def test_mistakes_are_refused(
    swept: Path, flags: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", str(swept), *FLAGS, *flags]) == 2
    error = capsys.readouterr().err
    assert all(word in error for word in words), error
