"""A training by Vertex AI's conventions: what it writes where, and what Vizier is told."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import tensorflow as tf

from forebay.storage.run.exported import newest_model
from forebay.trainer.task import main
from forebay.trainer.workers.shares import Worker
from forebay.trainer.workers.team import worker_of
from forebay.trainer.workers.vertex import vertex_task
from forebay.trainer.workers.vizier import TrialReport

FLAGS = (
    "--model",
    "linear",
    "--max-steps",
    "40",
    "--eval-every",
    "20",
    "--drop-features",
    "line_*",
)


def listing(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in listing(folder)}


def test_a_trial_leaves_the_run_as_it_is_and_everything_where_vertex_looks(
    regression_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    base = tmp_path / "3"
    told = tmp_path / "hypertune" / "output.metrics"
    for name, value in {
        # As Vertex AI writes them: folders end in a slash.
        "AIP_MODEL_DIR": f"{base}/model/",
        "AIP_CHECKPOINT_DIR": f"{base}/checkpoints/",
        "AIP_TENSORBOARD_LOG_DIR": f"{base}/logs/",
        "CLOUD_ML_TRIAL_ID": "3",
        "CLOUD_ML_HP_METRIC_FILE": str(told),
        "TF_CONFIG": json.dumps({
            "cluster": {"chief": ["here:2222"]}, "environment": "cloud",
            "task": {"type": "chief", "index": 0, "trial": "3"}, "job": "{}",
        }),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    before = listing(regression_run)
    words = ["train", str(regression_run), *FLAGS, "--learning-rate=0.05"]

    assert main(words) == 0

    assert listing(regression_run) == before
    record = json.loads((base / "checkpoints/training/model.json").read_text())
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    assert [
        (line["trial"], int(line["global_step"]), float(line["loss"])) for line in lines
    ] == [("3", one["step"], one["eval_loss"]) for one in record["history"]]  # fmt: skip
    assert len(lines) == 2
    (logs,) = (base / "logs").iterdir()  # a folder of the training's own
    assert logs.name.startswith(f"{regression_run.name}-")
    assert list(logs.glob("events.out.tfevents.*"))
    assert not (base / "checkpoints/training/logs").exists()
    signatures = tf.saved_model.load(str(base / "model")).signatures
    assert set(signatures) >= {"serving_default", "serve_examples"}
    (exported,) = (base / "checkpoints/model").iterdir()
    assert {p.name for p in exported.iterdir()} == {p.name for p in (base / "model").iterdir()}

    shutil.rmtree(base / "model")  # as if it had been killed before that was written
    capsys.readouterr()
    assert main(words) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert (base / "model/saved_model.pb").exists()


def test_another_trainings_model_is_replaced(trained_regression: Path, tmp_path: Path) -> None:
    exported, there = Path(newest_model(str(trained_regression / "model"))), tmp_path / "model"
    shutil.copytree(exported, there)
    record = there / "assets.extra/forebay.json"
    record.write_text(re.sub(r'"sha256": "\w', '"sha256": "_', record.read_text()))
    (there / "saved_model.pb").write_bytes(b"another")
    task = vertex_task({"AIP_MODEL_DIR": f"{there}/"})

    task.hand_over(str(exported))

    assert contents(there) == contents(exported)
    before = listing(there)
    task.hand_over(str(exported))
    assert listing(there) == before


@pytest.mark.parametrize("name", ["AIP_MODEL_DIR", "AIP_CHECKPOINT_DIR", "AIP_TENSORBOARD_LOG_DIR"])
def test_a_folder_that_cannot_be_written_to_is_told_before_the_work(
    name: str, regression_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("AIP_CHECKPOINT_DIR", str(tmp_path))
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv(name, f"{tmp_path}/taken/folder/")
    assert main(["train", str(regression_run), *FLAGS]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[-1] == (
        f"error: {name} = '{tmp_path}/taken/folder': cannot be written to (not a directory); name "
        "a folder that can, or leave the variable out"
    )
    assert not any(line.startswith("step") for line in told)


def test_what_vizier_is_told_is_what_was_asked_for(tmp_path: Path) -> None:
    from forebay.trainer.checkpoints.checkpoint import Evaluation, TrainingState

    path = tmp_path / "m"
    environment = {"CLOUD_ML_TRIAL_ID": "7", "CLOUD_ML_HP_METRIC_FILE": str(path)}
    report, state = TrialReport(environment, "auc"), TrainingState()
    for step in range(1, 151):
        state = state.evaluated(Evaluation(step, 0.1, 0.2, -0.5, {"auc": step / 1000}))
        report(state)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 100
    assert [line["auc"] for line in lines[-2:]] == ["0.149", "0.15"]


@pytest.mark.parametrize(
    ("kind", "index", "worker"), [("chief", 0, Worker(0, 3)), ("worker", 1, Worker(2, 3))]
)
def test_vertex_says_more_in_tf_config_than_who_is_who(
    kind: str, index: int, worker: Worker
) -> None:
    text = {
        "cluster": {"chief": ["c:2222"], "worker": ["a:2222", "b:2222"]}, "environment": "cloud",
        "task": {"type": kind, "index": index, "trial": "1"},
        "job": json.dumps({"scale_tier": "CUSTOM"}),
    }  # fmt: skip
    assert worker_of(json.dumps(text)) == worker
