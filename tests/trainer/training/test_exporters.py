"""Exporters: which models they write, where to, and which they keep."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebay.storage.names import temporary_name
from forebay.storage.run.exported import newest_model, open_exported
from forebay.storage.run.layout import TRAINING_FOLDER
from forebay.storage.run.run_folder import open_run
from forebay.trainer.checkpoints.best_model import load_exported, read_training
from forebay.trainer.checkpoints.checkpoint import Evaluation, TrainingState
from forebay.trainer.evaluation.predictions import predict
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.options import LoopOptions, TrainOptions
from forebay.trainer.task import main
from forebay.trainer.training.exporters import (
    EvaluationExporter,
    exported_already,
    keep_newest,
)
from forebay.trainer.training.job import prepare
from forebay.trainer.workers.team import alone

Copy = Callable[[Path], Path]


def record_of(folder: Path) -> dict[str, Any]:
    (only,) = folder.iterdir()
    assert only.name.isdigit()
    return json.loads((only / "assets.extra/forebay.json").read_text())


def test_the_latest_evaluation_is_exported_and_the_one_before_removed(
    regression_run: Path, trained_regression: Path, copy_of: Copy
) -> None:
    run = copy_of(regression_run)
    shutil.copytree(newest_model(str(trained_regression / "model")), run / "export/latest/1")
    flags = [
        "--exporter", "latest", "--keep", "1", "--no-tensorboard",
        "--max-steps", "30", "--eval-every", "30", "--hidden-units", "8",
    ]  # fmt: skip
    assert main(["train", str(run), *flags]) == 0
    assert not (run / "model").exists()

    record = record_of(run / "export/latest")
    trained = json.loads((run / "training/model.json").read_text())
    (evaluation,) = trained["history"]
    assert record["training"]["step"] == 30
    assert record["training"]["weights_sha256"] == trained["weights_sha256"]
    assert record["metrics"] == {"split": "eval", "metrics": evaluation["metrics"]}
    exported = load_exported(open_exported(str(run / "export/latest")))
    examples = SplitReader(open_run(str(run)), "eval", exported.inputs).read()
    error = predict(exported.model, examples) - examples.label
    assert np.sqrt(np.mean(error**2)) == pytest.approx(evaluation["eval_loss"])


def test_the_best_exporter_exports_the_best_alone(regression_run: Path, copy_of: Copy) -> None:
    run = copy_of(regression_run)
    options = TrainOptions(model="linear", drop_features=("line_*", "left_*"))
    job = prepare(open_run(str(run)), options, LoopOptions(keep=2), alone())
    exporter = EvaluationExporter(job, "best")
    good, worse = (Evaluation(step, 0.5, loss, loss, {}) for step, loss in ((10, 1.0), (20, 2.0)))
    exporter.evaluated(TrainingState(10).evaluated(good))
    exporter.evaluated(TrainingState(20).evaluated(good).evaluated(worse))
    assert record_of(run / "export/best")["training"]["step"] == 10


def test_the_final_model_is_exported_again_only_where_it_is_not_there(
    trained_regression: Path, copy_of: Copy
) -> None:
    """Its number is greater than all before, whatever the clock says."""
    run = copy_of(trained_regression)
    (model,) = (run / "model").iterdir()
    before = record_of(run / "model")["training"]
    late = model.rename(run / "model" / "99999999999")
    (late / "assets.extra/forebay.json").unlink()
    flags = ["--max-steps", "600", "--eval-every", "200", "--batch-size", "128"]
    assert main(["train", str(run), *flags]) == 0
    newest = run / "model" / "100000000000"
    assert newest_model(str(run / "model")) == str(newest)
    shutil.rmtree(late)
    assert record_of(run / "model")["training"] == before
    assert main(["train", str(run), *flags]) == 0
    assert list((run / "model").iterdir()) == [newest]


def test_half_a_model_is_none(trained_regression: Path, copy_of: Copy) -> None:
    """On an object store a folder is renamed file by file, and may be left half-way."""
    run = open_run(str(copy_of(trained_regression)))
    training = read_training(run, TRAINING_FOLDER)
    assert training is not None
    path = exported_already(run, training)
    assert path == newest_model(run.own("model"))
    half = Path(run.own("model/99999999999"))
    shutil.copytree(str(path), half)
    assert exported_already(run, training) == str(half)
    (half / "saved_model.pb").write_bytes(b"")
    assert exported_already(run, training) == path
    (Path(str(path)) / "saved_model.pb").unlink()
    assert exported_already(run, training) is None


@pytest.fixture
def models(trained_regression: Path, copy_of: Copy) -> Path:
    """Five models by age, beside two that are not ours and what a killed export left."""
    parent = copy_of(trained_regression) / "model"
    original = Path(newest_model(str(parent)))
    for stamp in ("1", "2", "9", "10"):
        shutil.copytree(original / "assets.extra", parent / stamp / "assets.extra")
    (parent / "5").mkdir()
    shutil.copytree(original / "assets.extra", parent / "6" / "assets.extra")
    (parent / "6" / "notes").write_text("precious")
    (parent / temporary_name() / "variables").mkdir(parents=True)
    return parent


@pytest.mark.parametrize("keep", [1, 3, 9])
def test_older_models_are_removed_and_nothing_else(models: Path, keep: int) -> None:
    ours = sorted((int(path.name) for path in models.glob("[0-9]*")), key=int)
    ours = [stamp for stamp in ours if stamp not in (5, 6)]
    keep_newest(open_run(str(models.parent)), "model", keep)
    names = {path.name for path in models.iterdir()}
    assert names == {"5", "6", *map(str, ours[-keep:])}


def test_keep_is_five_where_nothing_is_said() -> None:
    assert LoopOptions().keep == 5
