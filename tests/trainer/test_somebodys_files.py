"""What the trainer's commands find in a run folder and may not touch: they refuse before any work.

Every test looks at all of a scratch folder before and after.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from later_trips import EARLIER, LATER, text
from made_runs import EMPTY_LINE

from forebay.cli import main
from forebay.storage.run.exported import newest_model

Case = Callable[[Path], list[str]]
FLAGS = ["--max-steps", "20", "--eval-every", "20", "--batch-size", "64"]


def everything(folder: Path) -> dict[str, object]:
    """Content of files, where links lead, and folders."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else "folder"
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def place(trained_regression: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trained run, and what is precious, in the current folder."""
    shutil.copytree(trained_regression, tmp_path / "run")
    (tmp_path / "home/logs").mkdir(parents=True)
    (tmp_path / "home/thesis").write_text("precious")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def replaced_by_link(path: Path, target: str = "home") -> None:
    """Puts a link to what is precious where a command writes."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(Path.cwd() / target)


def train_fresh() -> list[str]:
    return ["train", "run", "--fresh", *FLAGS]


def train_without_a_name(place: Path) -> list[str]:
    os.chdir(place / "run")
    return ["train", "", *FLAGS]


def evaluate_without_a_name(place: Path) -> list[str]:
    os.chdir(place / "run")
    return ["evaluate", ""]


def fresh_with_a_link_in_the_training(place: Path) -> list[str]:
    (place / "run/training/link").symlink_to(place / "home")
    return train_fresh()


def fresh_with_a_link_in_the_logs(place: Path) -> list[str]:
    (place / "run/training/logs/events.out.tfevents.1").symlink_to(place / "home/thesis")
    return train_fresh()


def fresh_with_events_of_another_program(place: Path) -> list[str]:
    (place / "run/training/logs/events.out.tfevents.1.here").write_text("precious")
    return train_fresh()


def fresh_with_notes_in_the_shared_logs(place: Path) -> list[str]:
    assert main(["train", "run", "--fresh", *FLAGS, "--logs", "home/logs"]) == 0
    (logs,) = (place / "home/logs").iterdir()
    (logs / "notes.txt").write_text("precious")
    return [*train_fresh(), "--logs", "home/logs"]


def fresh_with_notes_in_the_training(place: Path) -> list[str]:
    (place / "run/training/notes.txt").write_text("precious")
    return train_fresh()


def fresh_with_a_folder_of_ones_own(place: Path) -> list[str]:
    (place / "run/training/logs/mine").mkdir()
    (place / "run/training/logs/mine/events.out.tfevents.1").write_text("precious")
    return train_fresh()


def a_training_elsewhere(place: Path) -> list[str]:
    replaced_by_link(place / "run/training")
    return train_fresh()


def a_checkpoint_elsewhere(place: Path) -> list[str]:
    path = place / "run/training/checkpoint.npz"
    path.rename(place / "home/checkpoint.npz")
    replaced_by_link(path, "home/checkpoint.npz")
    return ["train", "run", "--max-steps", "700", "--eval-every", "200", "--batch-size", "128"]


def logs_elsewhere(place: Path) -> list[str]:
    replaced_by_link(place / "run/training/logs", "home/logs")
    return ["train", "run", "--max-steps", "700", "--eval-every", "200", "--batch-size", "128"]


def a_lock_elsewhere(place: Path) -> list[str]:
    (place / "run/training/.forebay.lock").symlink_to(place / "home/thesis")
    return train_fresh()


def a_lock_of_the_run_elsewhere(place: Path) -> list[str]:
    (place / "run/.forebay.lock").symlink_to(place / "home/thesis")
    return train_fresh()


def models_elsewhere(place: Path) -> list[str]:
    replaced_by_link(place / "run/model")
    return train_fresh()


def best_models_elsewhere(place: Path) -> list[str]:
    replaced_by_link(place / "run/export/best")
    return [*train_fresh(), "--exporter", "best"]


def evaluations_elsewhere(place: Path) -> list[str]:
    replaced_by_link(place / "run/evaluation")
    return train_fresh()


def evaluate_elsewhere(place: Path) -> list[str]:
    replaced_by_link(place / "run/evaluation")
    return ["evaluate", "run"]


def a_report_elsewhere(place: Path) -> list[str]:
    replaced_by_link(place / "run/evaluation/eval.json", "home/thesis")
    return ["evaluate", "run", "--split", "eval"]


def a_picture_elsewhere(place: Path) -> list[str]:
    replaced_by_link(place / "run/evaluation/test-by-trip_id.png", "home/thesis")
    return ["evaluate", "run", "--split", "test", "--slice", "trip_id"]


def sweep(*flags: str) -> list[str]:
    return ["sweep", "run", "--trials", "1", "--search", "learning-rate", "1e-3..1e-2", *flags]


def a_sweep_elsewhere(place: Path) -> list[str]:
    replaced_by_link(place / "run/sweep")
    return sweep("--fresh")


def a_journal_elsewhere(place: Path) -> list[str]:
    replaced_by_link(place / "run/sweep/journal.log", "home/thesis")
    return sweep()


def fresh_with_notes_in_the_sweep(place: Path) -> list[str]:
    (place / "run/sweep/trial-000").mkdir(parents=True)
    (place / "run/sweep/trial-000/notes.txt").write_text("precious")
    return sweep("--fresh")


def rates_elsewhere(place: Path) -> list[str]:
    replaced_by_link(place / "run/learning-rate")
    return ["lr-find", "run", "--steps", "100"]


def predict_into_its_input(place: Path) -> list[str]:
    (place / "rows.jsonl").write_text('{"trip_id": "a"}\n')
    return ["predict", "--model", "run/model", "rows.jsonl", "--output", "./home/../rows.jsonl"]


def predict_into_its_model(place: Path) -> list[str]:
    return ["predict", "--model", "run/model", os.devnull, "--output",
            f"{newest_model('run/model')}/saved_model.pb"]  # fmt: skip


def predict_a_table_into_one_of_several(place: Path) -> list[str]:
    rows = place / "trips"
    rows.mkdir()
    for name in ("a", "b"):
        (rows / f"{name}.csv").write_text(text(LATER))
    return ["predict", "--model", "run/model", "--input", "tri*/*.csv", "--output", "trips/b.csv"]


def predict_rejects_into_the_history(place: Path) -> list[str]:
    (place / "new.csv").write_text(text(LATER))
    (place / "earlier.csv").write_text(text(EARLIER))
    return ["predict", "--model", "run/model", "--input", "new.csv", "--history", "earl*",
            "--output", "answers.csv", "--rejects", "earlier.csv"]  # fmt: skip


def predict_into_its_definition(place: Path) -> list[str]:
    (place / "new.csv").write_text(text(LATER))
    return ["predict", "--model", "run/model", "--definition", "run/definition.json", "--input",
            "new.csv", "--output", "run/definition.json"]  # fmt: skip


def predict_lines_into_their_definition(place: Path) -> list[str]:
    return ["predict", "--model", "run/model", "--definition", "run/definition.json", os.devnull,
            "--output", "run/definition.json"]  # fmt: skip


def predict_through_a_link(place: Path) -> list[str]:
    (place / "answers").symlink_to("home/thesis")
    return ["predict", "--model", "run/model", os.devnull, "--output", "answers"]


def predict_to_no_name(place: Path) -> list[str]:
    return ["predict", "--model", "run/model", os.devnull, "--output", ""]


def a_manifest_that_leads_outside(place: Path) -> list[str]:
    path = place / "run/manifest.json"
    manifest: dict[str, Any] = json.loads(path.read_text())
    manifest["files"]["transform_fn/../../home/thesis"] = {"size": 8, "crc32c": "0" * 8}
    path.write_text(json.dumps(manifest))
    return ["train", "run", *FLAGS]


def other_words_in_a_vocabulary(place: Path) -> list[str]:
    swap_lines(place / "run/transform_fn/assets/line_id")
    return train_fresh()


def swap_lines(path: Path) -> None:
    first, second, *rest = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([second, first, *rest]))


CASES: dict[Case, str] = {
    train_without_a_name: "'' names no folder",
    evaluate_without_a_name: "'' names no folder",
    fresh_with_a_link_in_the_training: "run/training/link (a link) was not written by this",
    fresh_with_a_link_in_the_logs: "run/training/logs/events.out.tfevents.1 (a link)",
    fresh_with_events_of_another_program: "run/training/logs/events.out.tfevents.1.here (a file)",
    fresh_with_notes_in_the_shared_logs: "/notes.txt (a file) was not written by this",
    fresh_with_notes_in_the_training: "run/training/notes.txt (a file) was not written by this",
    fresh_with_a_folder_of_ones_own: "run/training/logs/mine/events.out.tfevents.1 (a file)",
    a_training_elsewhere: "run/training is a link",
    a_checkpoint_elsewhere: "run/training/checkpoint.npz is a link",
    logs_elsewhere: "run/training/logs is a link",
    a_lock_elsewhere: "run/training/.forebay.lock cannot be locked",
    a_lock_of_the_run_elsewhere: "run/.forebay.lock cannot be locked",
    models_elsewhere: "run/model is a link",
    best_models_elsewhere: "run/export/best is a link",
    evaluations_elsewhere: "run/evaluation is a link",
    evaluate_elsewhere: "run/evaluation is a link",
    a_report_elsewhere: "run/evaluation/eval.json is a link",
    a_picture_elsewhere: "run/evaluation/test-by-trip_id.png is a link",
    a_sweep_elsewhere: "run/sweep is a link",
    a_journal_elsewhere: "run/sweep/journal.log is a link",
    fresh_with_notes_in_the_sweep: "run/sweep/trial-000/notes.txt (a file) was not written",
    rates_elsewhere: "run/learning-rate is a link",
    predict_into_its_input: "rows.jsonl' is one of the files that are read",
    predict_into_its_model: "saved_model.pb' is one of the files that are read",
    predict_a_table_into_one_of_several: "b.csv' is one of the files that are read",
    predict_rejects_into_the_history: "--rejects 'earlier.csv' is one of the files that are read",
    predict_into_its_definition: "definition.json' is one of the files that are read",
    predict_lines_into_their_definition: "definition.json' is one of the files that are read",
    predict_through_a_link: "--output 'answers' is a link",
    predict_to_no_name: "--output '' names no file",
    a_manifest_that_leads_outside: "which is not a place of a run's files",
    other_words_in_a_vocabulary: "transform_fn/assets/line_id has the checksum",
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_somebody_elses_is_refused(
    place: Path, capfd: pytest.CaptureFixture[str], case: Case
) -> None:
    arguments = case(place)
    before = everything(place)
    capfd.readouterr()
    status = main(arguments)
    out, err = capfd.readouterr()
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert (status, out, len(errors)) == (2, "", 1), err
    assert CASES[case] in errors[0]
    assert "unexpected" not in errors[0]
    assert everything(place) == before


@pytest.mark.parametrize(
    "name", ["saved_model.pb", "variables/variables.data-00000-of-00001", "assets/line_id",
             "assets.extra/model.keras"],
)  # fmt: skip
def test_a_model_with_other_bytes_is_not_used(
    place: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    path = Path(newest_model("run/model")) / name
    if name.startswith("assets/"):
        swap_lines(path)
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    for arguments in (
        ["predict", "--model", "run/model", os.devnull],
        ["evaluate", "run", "--model", "run/model"],
        ["train", "run", "--fresh", "--warm-start", "run/model", *FLAGS],
    ):
        before = everything(place)
        assert main(arguments) == 2
        assert f"{path} has the checksum" in capfd.readouterr().err
        assert everything(place) == before


def test_a_model_may_have_files_beside_its_own(place: Path) -> None:
    """As TensorFlow Serving wants its warm-up requests in ``assets.extra/``."""
    (Path(newest_model("run/model")) / "assets.extra/tf_serving_warmup_requests").touch()
    (place / "line.jsonl").write_text(EMPTY_LINE)
    assert main(["predict", "--model", "run/model", "line.jsonl"]) == 0
