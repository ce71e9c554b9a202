"""Training: it learns, stops, continues exactly where it was, and refuses what it must."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from forebay.storage import folders
from forebay.storage.entries import temporaries
from forebay.storage.locks import locked, occupied
from forebay.storage.names import LOCK_NAME, temporary_name
from forebay.storage.run.run_folder import open_run
from forebay.trainer.checkpoints import checkpoint
from forebay.trainer.checkpoints.checkpoint import TrainingState
from forebay.trainer.evaluation.predictions import predict
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.export.saved_model import export_model
from forebay.trainer.options import DataOptions, LoopOptions, ModelKind, TrainOptions
from forebay.trainer.training.train import train
from forebay.transforms.errors import InputError, RunFolderError

Copy = Callable[[Path], Path]
Wait = Callable[[Path, subprocess.Popen[bytes]], None]
QUICK = {"max_steps": 300, "eval_every": 100, "batch_size": 128}
QUIET = LoopOptions(tensorboard=False)


@pytest.mark.parametrize("model", ["linear", "deep", "wide_deep"])
def test_models_learn(regression_run: Path, copy_of: Copy, model: ModelKind) -> None:
    run = open_run(str(copy_of(regression_run)))
    saved = train(run, TrainOptions(model=model, learning_rate=0.01, **QUICK))
    label = SplitReader(run, "eval", saved.inputs).read().label
    assert saved.record["eval_loss"] < 0.7 * np.std(label)


def test_the_best_weights_are_kept_in_label_units(trained_regression: Path) -> None:
    run = open_run(str(trained_regression))
    record = json.loads((trained_regression / "training/model.json").read_text())
    best = min(record["history"], key=lambda evaluation: evaluation["eval_loss"])
    assert record["step"] == best["step"]
    saved = train(run, TrainOptions(max_steps=600, eval_every=200, batch_size=128))
    examples = SplitReader(run, "eval", saved.inputs).read()
    answer = predict(saved.model, examples)
    assert np.sqrt(np.mean((answer - examples.label) ** 2)) == pytest.approx(best["eval_loss"])
    assert abs(answer.mean() - examples.label.mean()) < 1


def everything(folder: Path) -> dict[str, object]:
    paths = (path for path in folder.rglob("*") if path.name != LOCK_NAME)
    return {str(path): path.is_file() and path.read_bytes() for path in sorted(paths)}


def stop(state: TrainingState) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_stopped_training_continues_as_if_it_had_not(
    regression_run: Path, in_memory: bool, copy_of: Copy
) -> None:
    run = open_run(str(copy_of(regression_run)))
    kept = DataOptions(memory_mb=DataOptions.memory_mb if in_memory else 0)
    options = TrainOptions(dropout=0.1, data=kept, **QUICK)
    whole = train(run, options, QUIET)
    with pytest.raises(KeyboardInterrupt):
        train(run, options, QUIET, fresh=True, on_evaluation=stop)
    assert (Path(run.path) / "training/checkpoint.npz").exists()
    continued = train(run, options, QUIET)
    assert continued.record["history"] == whole.record["history"]
    for mine, other in zip(continued.model.variables, whole.model.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy())


def test_a_killed_training_ends_with_the_weights_of_one_that_was_not(
    binary_run: Path, copy_of: Copy, tmp_path: Path, wait_for: Wait
) -> None:
    """SIGKILL between two evaluations; all that a checkpoint holds must be equal to the bit."""
    flags = {"max_steps": 1_500, "eval_every": 500, "dropout": 0.1}
    whole = open_run(str(shutil.copytree(binary_run, tmp_path / "whole")))
    train(whole, TrainOptions(**flags), QUIET)

    run = copy_of(binary_run)
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
    command = [
        sys.executable, "-m", "trainer.task", "train", str(run), *arguments,
        "--checkpoint-every", "20", "--no-export", "--no-tensorboard",
    ]  # fmt: skip
    path = run / "training/checkpoint.npz"
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    wait_for(path, process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    killed_at = checkpoint.load(str(path)).state.step
    assert killed_at < 1_500
    assert killed_at % 20 == 0

    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["steps_trained"] == 1_500
    with np.load(path) as mine, np.load(Path(whole.path) / "training/checkpoint.npz") as other:
        assert mine.files == other.files
        for name in set(mine.files) - {"head"}:
            np.testing.assert_array_equal(mine[name], other[name], err_msg=name)


def test_a_finished_training_is_not_repeated(trained_regression: Path) -> None:
    run = open_run(str(trained_regression))
    before = (trained_regression / "training/checkpoint.npz").stat().st_mtime_ns
    saved = train(run, TrainOptions(max_steps=600, eval_every=200, batch_size=128))
    assert saved.record["steps_trained"] == 600
    assert (trained_regression / "training/checkpoint.npz").stat().st_mtime_ns == before


def stop_at(step: int) -> Callable[[TrainingState], None]:
    def look(state: TrainingState) -> None:
        if state.step == step:
            stop(state)

    return look


@pytest.mark.parametrize("is_half_written", [False, True])
def test_a_training_killed_after_its_last_checkpoint_still_writes_its_result(
    regression_run: Path, copy_of: Copy, is_half_written: bool
) -> None:
    """What is there is the result of the steps before, or half of each."""
    run, options = open_run(str(copy_of(regression_run))), TrainOptions(**QUICK)
    whole, folder = train(run, options, QUIET).record, Path(run.path) / "training"
    train(run, options, LoopOptions(tensorboard=False, steps=200), fresh=True)
    with pytest.raises(KeyboardInterrupt):
        train(run, options, QUIET, on_evaluation=stop_at(300))
    assert json.loads((folder / "model.json").read_text())["steps_trained"] == 200
    if is_half_written:
        (folder / "model.keras").write_bytes(b"of all steps, as its record is not")

    record = train(run, options, QUIET).record

    told = ("steps_trained", "step", "history", "weights_sha256")
    assert [record[name] for name in told] == [whole[name] for name in told]
    written = json.loads((folder / "model.json").read_text())
    assert written == json.loads(json.dumps(record))
    before = everything(folder)
    assert train(run, options, QUIET).record == written
    assert everything(folder) == before


def test_the_result_of_another_training_is_not_taken_for_ones_own(
    regression_run: Path, copy_of: Copy
) -> None:
    """As if --fresh had been killed before it removed what the earlier training wrote."""
    run = open_run(str(copy_of(regression_run)))
    earlier, later = (
        TrainOptions(max_steps=40, eval_every=40, learning_rate=rate) for rate in (0.01, 0.02)
    )
    train(run, earlier, QUIET)
    folder = Path(run.path) / "training"
    left = {name: (folder / name).read_bytes() for name in ("model.keras", "model.json")}
    with pytest.raises(KeyboardInterrupt):
        train(run, later, QUIET, fresh=True, on_evaluation=stop)
    for name, content in left.items():
        (folder / name).write_bytes(content)
    assert train(run, later, QUIET).record["options"]["learning_rate"] == 0.02


def test_the_record_of_a_training_is_the_last_file_that_it_writes(
    regression_run: Path, copy_of: Copy
) -> None:
    """So where it is, nothing else is missing: the zeros that L1 leaves and the projector, too."""
    run = open_run(str(copy_of(regression_run)))
    train(run, TrainOptions(max_steps=20, eval_every=20, l1=1e-6))
    times = {
        path.name: path.stat().st_mtime_ns
        for path in (Path(run.path) / "training").rglob("*.*") if path.is_file()
    }  # fmt: skip
    assert {"zeros.json", "projector_config.pbtxt", "model.keras"} < times.keys()
    assert max(times, key=times.__getitem__) == "model.json"


def test_changed_options_are_refused_until_fresh(trained_regression: Path, copy_of: Copy) -> None:
    run = open_run(str(copy_of(trained_regression)))
    with pytest.raises(RunFolderError, match=r"batch_size was 128 and is now 64.*--fresh"):
        train(run, TrainOptions(max_steps=600, eval_every=200, batch_size=64))
    saved = train(run, TrainOptions(max_steps=50, batch_size=64), fresh=True)
    assert saved.record["steps_trained"] == 50


def test_an_own_model_goes_on_as_the_model_that_it_was(
    regression_run: Path, copy_of: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(str(copy_of(regression_run)))
    (tmp_path / "own_going_on.py").write_text(
        "import os\nimport keras\n\ndef build(context):\n"
        "    x = keras.layers.Dense(4, activation=os.environ['ACTIVATION'])(context.numbers)\n"
        "    return keras.layers.Dense(context.outputs)(x)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ACTIVATION", "relu")
    options = TrainOptions("own_going_on:build", max_steps=4, eval_every=2, batch_size=128)
    halfway = LoopOptions(tensorboard=False, steps=2)
    assert train(run, options, halfway).record["steps_trained"] == 2
    monkeypatch.setenv("ACTIVATION", "tanh")
    with pytest.raises(RunFolderError, match=r"layers of the model was .* --fresh"):
        train(run, options, QUIET)
    monkeypatch.setenv("ACTIVATION", "relu")  # Keras names its layers otherwise by now
    assert train(run, options, QUIET).record["steps_trained"] == 4
    assert train(run, options, QUIET).record["steps_trained"] == 4


def test_a_training_is_forgotten_when_the_next_one_stands(
    trained_regression: Path, copy_of: Copy
) -> None:
    copy = copy_of(trained_regression)
    run, before = open_run(str(copy)), everything(copy)
    with pytest.raises(InputError, match="--best-by auc"):  # seen when the rows are read
        train(run, TrainOptions(best_by="auc"), fresh=True)
    assert everything(copy) == before
    (old_events,) = (copy / "training/logs").glob("events.*")

    def look(state: TrainingState) -> None:
        if state.step == 20:
            assert not old_events.exists()
            assert not (copy / "training/model.json").exists()

    train(run, TrainOptions(max_steps=40, eval_every=20), fresh=True, on_evaluation=look)
    assert not old_events.exists()
    assert len(list((copy / "training/logs").glob("events.*"))) == 1
    trained = {str(p.relative_to(copy / "training")) for p in (copy / "training").rglob("*.*")}
    assert {"checkpoint.npz", "model.json", "model.keras"} <= trained


def test_two_trainings_of_a_run_do_not_mix(regression_run: Path, copy_of: Copy) -> None:
    """The folder is held; other commands on the run go on, and only preprocess has to wait."""
    run = open_run(str(copy_of(regression_run)))
    refused: list[str] = []

    def meanwhile(state: TrainingState) -> None:
        before = everything(Path(run.path))
        with pytest.raises(RunFolderError, match=r"another process is writing .*training") as said:
            train(open_run(run.path), TrainOptions(max_steps=20), fresh=True)
        refused.append(str(said.value))
        with pytest.raises(RunFolderError, match="another process"), locked(run.path):
            pass
        with occupied(run.path, "evaluation"):
            pass
        assert everything(Path(run.path)) == before

    train(run, TrainOptions(max_steps=20, eval_every=20), QUIET, on_evaluation=meanwhile)
    assert len(refused) == 1
    assert not list(Path(run.path).rglob(".*"))


def test_what_a_killed_training_left_is_removed_by_the_next(
    regression_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = copy_of(regression_run)
    for name in ("training/logs", "training", "model"):
        folders.write(str(copy), f"{name}/{temporary_name()}", b"left")
    folders.write(str(copy), f"training/{temporary_name()}/part_0", b"left")
    (copy / "training/.forebay.lock").touch()
    assert len(temporaries(str(copy))) == 4
    run = open_run(str(copy))
    export_model(run, train(run, TrainOptions(max_steps=20, eval_every=20), QUIET))
    assert not list(copy.rglob(".*"))
    assert capsys.readouterr().err.count("removed what a killed process left unfinished") == 2


def test_a_damaged_checkpoint_is_refused(trained_regression: Path, copy_of: Copy) -> None:
    copy = copy_of(trained_regression)
    (copy / "training/checkpoint.npz").write_bytes(b"PK")
    with pytest.raises(RunFolderError, match=r"not a checkpoint.*--fresh"):
        train(open_run(str(copy)), TrainOptions())


def test_patience_ends_a_training(regression_run: Path, copy_of: Copy) -> None:
    run = open_run(str(copy_of(regression_run)))
    options = TrainOptions(
        max_steps=5_000, eval_every=50, batch_size=64, learning_rate=0.03, patience=2
    )
    record = train(run, options).record
    assert record["steps_trained"] == record["step"] + 2 * 50 < 5_000


@pytest.mark.parametrize("optimizer", ["adagrad", "ftrl", "rmsprop", "sgd"])
def test_optimizers_and_penalties_train(binary_run: Path, copy_of: Copy, optimizer: str) -> None:
    run = open_run(str(copy_of(binary_run)))
    options = TrainOptions(optimizer=optimizer, l1=1e-6, l2=1e-5, max_steps=50, learning_rate=0.02)  # type: ignore[arg-type]
    assert train(run, options).record["eval_loss"] < 1.0
