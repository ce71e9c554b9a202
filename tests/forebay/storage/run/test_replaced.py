"""Runs and models that others replace while they are read: told so, or their successor is taken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from killed_publication import NEW, OLD, manifest_of, replace, write_run

from forebay.cli import main
from forebay.pipelines.transform.earlier_graph import TransformSource
from forebay.storage.run import files
from forebay.storage.run.exported import ExportedModel, newest_model, of_newest, open_exported
from forebay.storage.run.run_folder import RunFolder, open_run
from forebay.trainer.export.saved_model import export_model
from forebay.transforms.errors import RunFolderError

Copy = Callable[[Path], Path]
SAID = "was replaced by another run meanwhile; run the command again"


@pytest.fixture
def opened(tmp_path: Path) -> RunFolder:
    """A run as it was opened before another took its place."""
    run = tmp_path / "run"
    write_run(run, OLD)
    found = RunFolder(str(run), manifest_of(OLD), None)  # type: ignore[arg-type]
    with found.in_use(), found.unchanged():
        pass
    replace(run)
    return found


def test_who_opened_the_older_run_does_not_use_the_new_one(opened: RunFolder) -> None:
    with pytest.raises(RunFolderError, match=SAID), opened.in_use():
        raise AssertionError("it is used")
    with pytest.raises(RunFolderError, match=SAID), opened.unchanged():
        pass
    assert not list(Path(opened.path).glob(".forebay*"))


def test_files_are_not_blamed_for_being_anothers(opened: RunFolder) -> None:
    with pytest.raises(RunFolderError, match=SAID), opened.unchanged():
        opened.verify(OLD)


def test_what_fails_of_a_run_that_is_still_there_is_told_as_it_is(tmp_path: Path) -> None:
    write_run(tmp_path / "run", NEW)
    found = RunFolder(str(tmp_path / "run"), manifest_of(NEW), None)  # type: ignore[arg-type]
    with pytest.raises(RunFolderError, match="as it is"), found.unchanged():
        raise RunFolderError("as it is")


def test_no_graph_is_taken_of_two_runs(opened: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=SAID):
        TransformSource(opened).copy_to(str(tmp_path / "other"))


def test_a_run_that_is_replaced_while_it_is_opened(
    regression_run: Path, copy_of: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its manifest is read, and then all of it is another's."""
    run, verify = copy_of(regression_run), files.verify

    def replaced_first(*arguments: object) -> None:
        manifest = json.loads((run / "manifest.json").read_text())
        manifest["files"]["definition.json"]["crc32c"] = "00000000"
        manifest["created"] = "2030-01-01T00:00:00Z"
        (run / "manifest.json").write_text(json.dumps(manifest))
        (run / "definition.json").write_text("{}")
        verify(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "verify", replaced_first)
    with pytest.raises(RunFolderError, match=SAID):
        open_run(str(run))


def test_a_model_is_not_exported_with_the_graph_of_another_run(
    trained_regression: Path, copy_of: Copy, edit_json: Callable[..., object]
) -> None:
    copy = copy_of(trained_regression)
    run = open_run(str(copy))
    models = sorted(path.name for path in (copy / "model").iterdir())
    with edit_json(copy / "manifest.json") as manifest:  # type: ignore[attr-defined]
        manifest["created"] = "2030-01-01T00:00:00Z"
    with pytest.raises(RunFolderError, match=SAID):
        export_model(run, None)  # type: ignore[arg-type]
    assert sorted(path.name for path in (copy / "model").iterdir()) == models


def test_the_successor_of_a_model_that_goes_is_taken(
    trained_regression: Path, copy_of: Copy
) -> None:
    models = copy_of(trained_regression) / "model"
    oldest = newest_model(str(models))
    seen = []

    def read(exported: ExportedModel) -> str:
        seen.append(exported.path)
        if len(seen) == 1:  # a training exports another, and keeps one
            shutil.copytree(oldest, models / str(int(Path(oldest).name) + 1))
            shutil.rmtree(oldest)
        return open_exported(exported.path).path

    assert of_newest(str(models), read) == seen[1] == newest_model(str(models))
    assert seen[0] == oldest


def test_a_model_that_is_damaged_is_refused_as_it_was(
    trained_regression: Path, copy_of: Copy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Path(newest_model(str(copy_of(trained_regression) / "model")))
    (model / "saved_model.pb").write_bytes(b"")
    (tmp_path / "rows.jsonl").write_text("{}")
    assert main(["predict", "--model", str(model.parent), str(tmp_path / "rows.jsonl")]) == 2
    assert "saved_model.pb" in capsys.readouterr().err
