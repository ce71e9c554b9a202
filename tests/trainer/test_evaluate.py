"""Evaluation: the files it writes, the baselines beside the model, which model it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.task import main

Copy = Callable[[Path], Path]


def evaluate(run: Path, *flags: str) -> dict[str, Any]:
    assert main(["evaluate", str(run), *flags]) == 0
    split = flags[flags.index("--split") + 1] if "--split" in flags else "test"
    return json.loads((run / f"evaluation/{split}.json").read_text())  # type: ignore[no-any-return]


def test_a_regression_beats_its_baselines(trained_regression: Path, rows: dict[str, Any]) -> None:
    report = evaluate(trained_regression)
    label, guess = rows["delay"][5_000:], rows["guess"][5_000:]
    mean, column = report["baselines"]
    assert report["metrics"]["rows"] == 1_000
    assert mean["value"] == pytest.approx(rows["delay"][:4_000].mean(dtype=np.float64))
    assert mean["metrics"]["rmse"] == pytest.approx(np.sqrt(np.mean((label - mean["value"]) ** 2)))
    assert column["rows_missing"] == int(np.isnan(guess).sum()) > 0
    assert column["metrics"]["rmse"] == pytest.approx(np.sqrt(np.nanmean((guess - label) ** 2)))
    assert report["metrics"]["rmse"] < min(mean["metrics"]["rmse"], column["metrics"]["rmse"])
    assert report["model"]["step"] > 0
    assert (trained_regression / "evaluation/test.png").read_bytes()[:4] == b"\x89PNG"


def test_a_classification_is_measured_at_the_threshold(
    trained_binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = evaluate(trained_binary, "--threshold", "0.3", "--json")
    assert json.loads(capsys.readouterr().out) == report
    share, guess = report["baselines"]
    assert report["metrics"]["auc"] > max(0.8, guess["metrics"]["auc"])
    assert report["metrics"]["log_loss"] < share["metrics"]["log_loss"]
    assert report["metrics"]["recall"] > evaluate(trained_binary)["metrics"]["recall"]
    assert share["metrics"]["auc"] == 0.5


def test_an_exported_model_is_evaluated_by_name(trained_regression: Path) -> None:
    mine = evaluate(trained_regression, "--split", "eval")
    exported = evaluate(
        trained_regression, "--split", "eval", "--model", str(trained_regression / "model")
    )
    assert exported["metrics"] == mine["metrics"]
    assert exported["model"]["sha256"] == mine["model"]["sha256"]
    assert Path(exported["model"]["path"]).name.isdigit()


def test_a_model_of_another_run_is_refused(
    trained_regression: Path, binary_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(trained_regression / "model")
    assert main(["evaluate", str(binary_run), "--model", model]) == 2
    assert "was trained on another run" in capsys.readouterr().err


def test_a_run_without_a_model_says_so(
    regression_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(regression_run)]) == 2
    assert "forebay train" in capsys.readouterr().err
