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
from forebay.trainer.options import DataOptions, train_options
from forebay.trainer.options.choose import MEMBERS, default_rate
from forebay.trainer.task import main
from forebay.transforms.errors import RunFolderError

Copy = Callable[[Path], Path]
Wait = Callable[[Path, subprocess.Popen[bytes]], None]
FLAGS = [
    "--model", "linear", "--max-steps", "60", "--eval-every", "20", "--trials", "3",
    "--search", "learning-rate", "1e-3..3e-1", "--search", "batch-size", "64", "128",
    "--train-files", "*", "--memory-mb", "99",
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
    assert (chosen.model, chosen.data) == ("linear", DataOptions(("*",), memory_mb=99))
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


def test_what_a_drawn_model_has_no_place_for_is_left_out(
    regression_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two models, and options of one of them alone: no draw ends the sweep."""
    run = copy_of(regression_run)
    search = ["--search", "model", "linear", "wide_deep", "--search", "members", "2", "3"]
    search += ["--search", "wide-optimizer", "ftrl", "sgd", "--search", "max-norm", "1..5"]
    steps = ["--max-steps", "2", "--eval-every", "2", "--trials", "5"]
    assert main(["sweep", str(run), *search, *steps]) == 0
    tried = [one["options"] for one in report_of(run)["trials"]]
    assert len(tried) == 5
    assert {one["model"] for one in tried} == {"linear", "wide_deep"}
    for one in tried:
        if one["model"] == "linear":
            assert (one["members"], one["wide_optimizer"]) == (1, None)
        else:
            assert one["members"] in (2, 3)
            assert one["wide_optimizer"] in ("ftrl", "sgd")
    assert "refused" not in capsys.readouterr().out


def test_trials_that_the_run_does_not_allow_are_refused_and_the_others_made(
    regression_run: Path,
    copy_of: Copy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = copy_of(regression_run)
    (tmp_path / "models_that_fail.py").write_text(
        "def broken(context):\n    raise ValueError('no layers')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    command = ["sweep", str(run), "--max-steps", "2", "--eval-every", "2", "--trials", "4"]
    # The options given come first: what the run does not allow there, it never does.
    broken, models = "models_that_fail:broken", ["--search", "model", "linear"]
    assert main([*command, "--model", broken, *models, broken]) == 2
    assert "no layers" in capsys.readouterr().err
    assert not (run / "sweep/journal.log").exists()
    assert main([*command, "--model", "linear", *models, broken]) == 0
    told = capsys.readouterr()
    trials = report_of(run)["trials"]
    outcomes = [one["outcome"] for one in trials]
    assert outcomes[0] == "trained"
    assert set(outcomes) == {"trained", "refused"}
    assert all(
        (one["outcome"] == "refused") == (one["options"]["model"] == broken) for one in trials
    )
    assert f"{outcomes.count('refused')} refused" in told.out
    assert "is refused: --model models_that_fail:broken fails (ValueError: no layers)" in told.err
    assert report_of(run)["best"]["options"]["model"] == "linear"


def test_what_ends_a_sweep_leaves_the_trials_that_there_are(
    regression_run: Path,
    copy_of: Copy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = copy_of(regression_run)
    (tmp_path / "models_at_hand.py").write_text(
        "import os\n\ndef build(context):\n"
        "    if 'END' in os.environ:\n        raise KeyboardInterrupt\n"
        "    raise ValueError('no table at hand')\n"
    )
    command = ["sweep", str(run), "--model", "models_at_hand:build", *FLAGS[2:]]
    journal = run / "sweep/journal.log"
    with monkeypatch.context() as there:
        there.syspath_prepend(str(tmp_path))
        there.setenv("END", "")
        assert main(command) == 130
        begun = journal.read_bytes()
        there.delenv("END")
        assert main(command) == 2
        assert "no table at hand" in capsys.readouterr().err
        assert journal.read_bytes().startswith(begun)
    monkeypatch.delitem(sys.modules, "models_at_hand")
    begun = journal.read_bytes()
    assert main(command) == 2
    assert "'models_at_hand:build' cannot be imported" in capsys.readouterr().err
    assert journal.read_bytes() == begun


def test_a_file_names_no_code_and_the_flags_beside_it_do(
    regression_run: Path,
    copy_of: Copy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = copy_of(regression_run)
    (tmp_path / "models_of_mine.py").write_text(
        "import keras\n\ndef line(context):\n"
        "    return keras.layers.Dense(context.outputs)(context.numbers)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    words = "--model models_of_mine:line --max-steps 2 --eval-every 2 --trials 1 --search l2 0 1"
    assert main(["sweep", str(run), *words.split(" ")]) == 0
    (same,) = [
        line.removeprefix("the same: ").partition(";")[0]
        for line in capsys.readouterr().out.splitlines() if line.startswith("the same: ")
    ]  # fmt: skip
    assert same == f"--config {run}/sweep/best.toml --model models_of_mine:line"
    best, args = report_of(run)["best"], _parser().parse_args(["train", "run", *shlex.split(same)])
    assert best["options"] == json.loads(json.dumps(asdict(train_options(args))))


def test_a_sweep_by_default_is_around_the_options_that_a_training_has(
    regression_run: Path, copy_of: Copy
) -> None:
    run = copy_of(regression_run)
    report = fb.sweep(
        run, model="linear", optimizer="adadelta", trials=1, max_steps=2, eval_every=2
    )
    searched = {one["option"]: one for one in report["searched"]}
    assert set(searched) == {"learning_rate", "batch_size", "l2"}
    assert (searched["learning_rate"]["low"], searched["learning_rate"]["high"]) == (0.033, 10.0)
    assert 64 in searched["batch_size"]["choices"]
    (one,) = report["trials"]
    assert one["options"] == {"learning_rate": 1.0, "batch_size": 64, "l2": 5e-4}


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
        assert "all 1 trial diverged; search lower learning rates" in capsys.readouterr().err
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
    rows = {"files": ["*"], "memory_mb": 99}

    found = fb.sweep(
        fb.Run(str(swept)), search=search, trials=3, model="linear", max_steps=60, eval_every=20,
        **rows,
    )  # fmt: skip

    assert json.loads(json.dumps(found)) == report_of(swept)
    assert len(found["trials"]) == 3
    with pytest.raises(RunFolderError, match="another sweep"):
        fb.sweep(swept, search=search, trials=3, model="linear", max_steps=61, eval_every=20)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--sweep-seed", "4"], ["another sweep", "sweep seed was 0 and is now 4", "--fresh"]),
        (["--search", "seeds", "1", "2"], ["--search seeds", "learning-rate"]),
        (["--search", "best-by", "rmse", "mae"], ["--search best-by", "no option to search"]),
        (["--eval-steps", "2"], ["--eval-steps = 2", "search no batch-size"]),
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
