"""What Vizier is told, beside what Google's own library writes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from forebay.trainer.checkpoints.checkpoint import Evaluation, TrainingState
from forebay.trainer.workers.vizier import TrialReport

pytestmark = pytest.mark.gcp

PYTHON = Path(__file__).resolve().parents[2] / ".venv-gcp" / "bin" / "python"
THEIRS = """
import hypertune
told = hypertune.HyperTune()
for step in range(1, 121):
    told.report_hyperparameter_tuning_metric("auc", step / 7, global_step=step)
"""


def told(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "timestamp"} for line in lines]


def test_a_trial_is_reported_as_googles_library_does(tmp_path: Path) -> None:
    def variables(name: str) -> dict[str, str]:
        return {"CLOUD_ML_TRIAL_ID": "12", "CLOUD_ML_HP_METRIC_FILE": str(tmp_path / name / "m")}

    subprocess.run([PYTHON, "-c", THEIRS], check=True, env={**os.environ, **variables("theirs")})
    report, state = TrialReport(variables("ours"), "auc"), TrainingState()
    for step in range(1, 121):
        state = state.evaluated(Evaluation(step, 0.0, 0.0, 0.0, {"auc": step / 7}))
        report(state)

    ours = told(tmp_path / "ours" / "m")
    assert ours == told(tmp_path / "theirs" / "m")
    assert len(ours) == 100
