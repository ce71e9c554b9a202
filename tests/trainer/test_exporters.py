"""Exporters: which models they write, where to, and which they keep."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.answers import predict
from trainer.data import SplitReader
from trainer.exported import newest_model, open_exported
from trainer.exporters import keep_newest
from trainer.options import LoopOptions
from trainer.run_folder import open_run
from trainer.task import main

Copy = Callable[[Path], Path]


def record_of(folder: Path) -> dict[str, Any]:
    (only,) = folder.iterdir()
    assert only.name.isdigit()
    return json.loads((only / "assets.extra/forebay.json").read_text())


def test_latest_and_best_are_exported_while_training(regression_run: Path, copy_of: Copy) -> None:
    run = copy_of(regression_run)
    flags = [
        "--exporter", "latest", "--exporter", "best", "--keep", "1", "--no-tensorboard",
        "--max-steps", "40", "--eval-every", "20", "--hidden-units", "8",
    ]  # fmt: skip
    assert main(["train", str(run), *flags]) == 0
    assert not (run / "model").exists()

    trained = json.loads((run / "training/model.json").read_text())
    latest, best = (record_of(run / "export" / name) for name in ("latest", "best"))
    assert latest["training"]["step"] == 40
    assert best["training"]["step"] == trained["step"]
    assert best["training"]["weights_sha256"] == trained["weights_sha256"]
    evaluations = {e["step"]: e for e in trained["history"]}
    for record in (latest, best):
        step = record["training"]["step"]
        assert record["metrics"] == {"split": "eval", "metrics": evaluations[step]["metrics"]}

    exported = open_exported(str(run / "export/latest")).training()
    examples = SplitReader(open_run(str(run)), "eval", exported.inputs).read()
    error = predict(exported.model, examples) - examples.label
    assert np.sqrt(np.mean(error**2)) == pytest.approx(evaluations[40]["eval_loss"])


def test_the_final_model_is_exported_again_only_where_it_is_not_there(
    trained_regression: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_of(trained_regression)
    flags = ["--max-steps", "600", "--eval-every", "200", "--batch-size", "128"]
    before = record_of(run / "model")["training"]
    shutil.rmtree(run / "model")
    assert main(["train", str(run), *flags]) == 0
    assert "exported" in capsys.readouterr().out
    assert record_of(run / "model")["training"] == before


@pytest.fixture
def models(trained_regression: Path, copy_of: Copy) -> Path:
    """Five models by age, beside a folder that is not ours and what a killed export left."""
    parent = copy_of(trained_regression) / "model"
    original = Path(newest_model(str(parent)))
    for stamp in ("1", "2", "9", "10"):
        shutil.copytree(original / "assets.extra", parent / stamp / "assets.extra")
    (parent / "5").mkdir()
    (parent / "tmp-11" / "variables").mkdir(parents=True)
    return parent


@pytest.mark.parametrize("keep", [1, 3, 9])
def test_older_models_are_removed_and_nothing_else(models: Path, keep: int) -> None:
    ours = sorted((int(path.name) for path in models.glob("[0-9]*")), key=int)
    ours.remove(5)
    keep_newest(open_run(str(models.parent)), "model", keep)
    names = {path.name for path in models.iterdir()}
    assert names == {"5", *map(str, ours[-keep:])}


def test_exports_are_newer_than_all_before_whatever_the_clock_says(
    trained_regression: Path, copy_of: Copy
) -> None:
    run = copy_of(trained_regression)
    (model,) = (run / "model").iterdir()
    late = model.rename(run / "model" / "99999999999")
    flags = ["--fresh", "--max-steps", "20", "--hidden-units", "4", "--no-tensorboard"]
    assert main(["train", str(run), *flags]) == 0
    assert newest_model(str(run / "model")) == f"{late.parent}/100000000000"


def test_keep_is_five_where_nothing_is_said() -> None:
    assert LoopOptions().keep == 5
