"""Evaluation: the files it writes, the baselines beside the model, which model it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as peer

from forebay.storage.run.run_folder import open_run
from forebay.trainer.evaluation.find_model import find_model
from forebay.trainer.evaluation.predictions import predict_split
from forebay.trainer.options import TrainOptions
from forebay.trainer.task import main
from forebay.trainer.training.train import train

Copy = Callable[[Path], Path]
Rows = dict[str, Any]
# The rows of the test split, in the order of its examples.
TEST = slice(5_000, 6_000)


def evaluate(run: Path, *flags: str) -> dict[str, Any]:
    assert main(["evaluate", str(run), *flags]) == 0
    split = flags[flags.index("--split") + 1] if "--split" in flags else "test"
    return json.loads((run / f"evaluation/{split}.json").read_text())  # type: ignore[no-any-return]


def predictions(path: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    run = open_run(str(path))
    predicted = predict_split(run, find_model(run, None)[0], split)
    return predicted.label, predicted.prediction


def test_a_regression_beats_its_baselines(trained_regression: Path, rows: Rows) -> None:
    report = evaluate(trained_regression)
    label, guess = rows["delay"][TEST], rows["guess"][TEST]
    mean, column = report["baselines"]
    assert report["metrics"]["rows"] == 1_000
    assert mean["value"] == pytest.approx(rows["delay"][:4_000].mean(dtype=np.float64))
    assert mean["metrics"]["rmse"] == pytest.approx(np.sqrt(np.mean((label - mean["value"]) ** 2)))
    assert column["rows_missing"] == int(np.isnan(guess).sum()) > 0
    assert column["metrics"]["rmse"] == pytest.approx(np.sqrt(np.nanmean((guess - label) ** 2)))
    assert column["model"]["rows"] == 1_000 - column["rows_missing"]
    assert report["metrics"]["rmse"] < min(mean["metrics"]["rmse"], column["metrics"]["rmse"])
    assert report["model"]["step"] > 0
    assert report["resampling"] is None
    assert (trained_regression / "evaluation/test.png").read_bytes()[:4] == b"\x89PNG"


def test_a_classification_is_measured_at_the_threshold(
    trained_binary: Path, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    report = evaluate(trained_binary, "--threshold", "0.3", "--json")
    assert json.loads(capsys.readouterr().out) == report
    share, guess = report["baselines"]
    assert report["metrics"]["auc"] > max(0.8, guess["metrics"]["auc"])
    assert report["metrics"]["log_loss"] < share["metrics"]["log_loss"]
    assert report["metrics"]["recall"] > evaluate(trained_binary)["metrics"]["recall"]
    assert share["metrics"]["auc"] == 0.5
    there = ~np.isnan(rows["guess"][TEST])
    assert guess["metrics"]["auc"] == pytest.approx(
        peer.roc_auc_score(rows["late"][TEST][there], rows["guess"][TEST][there])
    )


def test_a_threshold_is_chosen_on_eval_and_applied_to_test(
    trained_binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = evaluate(trained_binary, "--threshold-for", "f1")
    label, probability = predictions(trained_binary, "eval")
    f1 = [
        2 * label[probability >= t].sum() / ((probability >= t).sum() + label.sum())
        for t in np.sort(probability)
    ]
    best = np.sort(probability)[np.argmax(f1)]
    assert report["threshold"] == {"value": best, "chosen_for": "f1", "chosen_on": "eval"}
    label, probability = predictions(trained_binary, "test")
    assert report["metrics"]["f1"] == pytest.approx(peer.f1_score(label, probability >= best))
    assert "flatters" not in capsys.readouterr().out
    evaluate(trained_binary, "--threshold-for", "f1", "--split", "eval")
    assert "chosen for f1 on the eval split: these very rows" in capsys.readouterr().out


def test_slices_and_intervals_are_of_the_rows(trained_regression: Path, rows: Rows) -> None:
    flags = ["--slice", "line_id", "--slice", "left_at", "--bootstrap-by", "line_id"]
    report = evaluate(trained_regression, *flags, "--bootstrap", "200", "--seed", "3")
    label, prediction = predictions(trained_regression, "test")
    error, lines = prediction - label, rows["line"][TEST]
    found = {one["value"]: one for one in report["slices"]["line_id"]}
    red = found["red"]
    assert red["rows"] == (lines == b"red").sum()
    assert red["metrics"]["mae"] == pytest.approx(np.abs(error[lines == b"red"]).mean())
    assert found["(missing)"]["rows"] == (lines == b"\xff").sum()
    assert found["(missing)"]["few_rows"] is True
    assert red["few_rows"] is False
    assert sum(one["rows"] for one in found.values()) == 1_000
    assert sum(one["rows"] for one in report["slices"]["left_at"]) == 1_000
    low, high = report["intervals"]["rmse"]
    assert low < report["metrics"]["rmse"] < high
    assert report["resampling"]["by"] == "line_id"
    assert report["resampling"]["groups"] == len(found)
    assert {"line_id", "left_at"} == {
        path.stem.removeprefix("test-by-")
        for path in (trained_regression / "evaluation").glob("test-by-*.png")
    }


def test_two_models_are_compared_on_the_same_rows(
    trained_regression: Path, regression_run: Path, copy_of: Copy,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    other = copy_of(regression_run)
    train(open_run(str(other)), TrainOptions(model="linear", max_steps=60, batch_size=64))
    report = evaluate(trained_regression, "--compare", str(other), "--bootstrap", "200")
    found = report["comparison"]["scores"]
    label, prediction = predictions(other, "test")
    assert found["rmse"]["other"] == pytest.approx(np.sqrt(np.mean((prediction - label) ** 2)))
    assert found["rmse"]["model"] == report["metrics"]["rmse"]
    assert found["rmse"]["better"] == "model"
    assert found["rmse"]["interval"][1] < 0
    assert report["comparison"]["run"] == str(other)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[0] == "rmse" and line.endswith("better") for line in lines if line)


def test_several_classes_are_measured_each(multiclass_run: Path, copy_of: Copy) -> None:
    path = copy_of(multiclass_run)
    options = TrainOptions(model="linear", max_steps=120, batch_size=128, learning_rate=0.02)
    train(open_run(str(path)), options)
    report = evaluate(path, "--top-k", "2", "--slice", "line_id", "--bootstrap", "100")
    label, probability = predictions(path, "test")
    called, classes = probability.argmax(axis=1), report["metrics"]["classes"]
    assert report["metrics"]["accuracy"] == pytest.approx((called == label).mean())
    for i, name in enumerate(classes):
        found = report["metrics"]["per_class"][name]
        assert found["recall"] == pytest.approx((called[label == i] == i).mean())
    assert report["metrics"]["accuracy"] < report["metrics"]["top_2_accuracy"] < 1
    shares, *_ = report["baselines"]
    assert sum(shares["value"]) == pytest.approx(1)
    assert shares["metrics"]["accuracy"] == (label == np.argmax(shares["value"])).mean()
    assert shares["metrics"]["log_loss"] > report["metrics"]["log_loss"]
    low, high = report["intervals"]["accuracy"]
    assert low < report["metrics"]["accuracy"] < high
    assert sum(one["rows"] for one in report["slices"]["line_id"]) == 1_000


def test_an_exported_model_is_evaluated_and_compared_by_name(trained_regression: Path) -> None:
    model = str(trained_regression / "model")
    mine = evaluate(trained_regression, "--split", "eval")
    exported = evaluate(
        trained_regression, "--split", "eval", "--model", model, "--compare", model,
        "--bootstrap", "100",
    )  # fmt: skip
    assert exported["metrics"] == mine["metrics"]
    assert exported["model"]["sha256"] == mine["model"]["sha256"]
    assert Path(exported["model"]["path"]).name.isdigit()
    assert {one["difference"] for one in exported["comparison"]["scores"].values()} == {0.0}


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


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--slice", "wagon"], ["--slice 'wagon'", "trip_id", "line_id", "passthrough=['wagon']"]),
        (["--slice", "distance_number"], ["--slice 'distance_number'"]),
        (["--bootstrap-by", "day"], ["--bootstrap-by 'day'", "day_day_of_week"]),
        (["--threshold-for", "f1"], ["--threshold-for f1", "not a binary one (regression)"]),
        (["--threshold", "0.5"], ["--threshold 0.5", "not a binary one"]),
    ],
)
def test_what_a_run_cannot_do_is_refused(
    trained_regression: Path, flags: list[str], words: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main(["evaluate", str(trained_regression), *flags]) == 2
    error = capsys.readouterr().err
    assert all(word in error for word in words)


def test_runs_with_other_labels_are_not_compared(
    trained_regression: Path, trained_binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(trained_regression), "--compare", str(trained_binary)]) == 2
    assert "one predicts 'delay'" in capsys.readouterr().err


def test_a_run_of_test_rows_only_is_measured_by_the_model_of_another(
    trained_regression: Path,
    rows: Rows,
    copy_of: Callable[[Path], Path],
    edit_json: Callable[[Path], AbstractContextManager[Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As `preprocess --from --to --transform-fn` makes one of a later month."""
    run = copy_of(trained_regression)
    for name in ("model", "training"):
        shutil.rmtree(run / name)
    with edit_json(run / "manifest.json") as manifest:
        for name in [name for name in manifest["files"] if "/train/" in name or "/eval/" in name]:
            del manifest["files"][name]
            (run / name).unlink()
        manifest["rows"] |= {"train": 0, "eval": 0}
        manifest["transform_of"] = {"run": str(trained_regression), "created": "2024-01-01"}
    model = str(trained_regression / "model")

    report = evaluate(run, "--model", model)

    label = rows["delay"][TEST]
    constant, _ = report["baselines"]
    assert constant["name"] == "mean of test"
    assert constant["value"] == pytest.approx(label.mean(dtype=np.float64))
    assert constant["metrics"]["rmse"] == pytest.approx(label.std(dtype=np.float64))
    assert report["metrics"] == evaluate(trained_regression, "--model", model)["metrics"]
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 2
    said = capsys.readouterr().err
    assert f"were transformed as those of {trained_regression}; name a model of that run" in said
