"""A run takes the place of another: killed at any change of the disk, one of them is whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import killed_publication
import pytest
from killed_publication import NEW, OLD, OTHERS, found, manifest_of, replace, write_run
from verdicts import contents

from forebay.storage import folders
from forebay.storage.entries import temporaries
from forebay.storage.locks import locked
from forebay.storage.names import temporary_name
from forebay.storage.run import publish
from forebay.transforms.errors import RunFolderError


@pytest.fixture(scope="module")
def deaths() -> list[dict[str, Any]]:
    """What is found after a death before every change of the disk that a publication makes."""
    # In memory, where there is such a place: some thousand files are flushed.
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=in_memory) as folder:
        command = [sys.executable, str(killed_publication.__file__), folder]
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_there_are_many_ways_to_die(deaths: list[dict[str, Any]]) -> None:
    assert len(deaths) > 30
    assert [death["died"] for death in deaths] == [True] * (len(deaths) - 1) + [False]
    assert sum(len(death["seconds"]) for death in deaths) > 100


def test_a_death_never_leaves_a_false_run(deaths: list[dict[str, Any]]) -> None:
    assert {death["after"]["run"] for death in deaths} == {"old", "none", "new"}
    for death in deaths:
        if death["after"]["run"] != "none":
            assert death["after"]["beside"] == []


def test_the_old_run_or_the_new_is_whole_after_the_next_command(
    deaths: list[dict[str, Any]],
) -> None:
    order = [death["settled"]["run"] for death in deaths]
    assert order == sorted(order, key=["old", "new"].index)
    assert set(order) == {"old", "new"}
    for death in deaths:
        assert death["settled"]["beside"] == death["left"] == []
        if death["after"]["run"] == "none":
            assert "finished the publication" in death["said"]


def test_the_next_command_may_die_as_well(deaths: list[dict[str, Any]]) -> None:
    for death in deaths:
        for second in death["seconds"]:
            assert second == death["settled"]


def test_nobody_elses_files_are_lost(deaths: list[dict[str, Any]]) -> None:
    for death in deaths:
        for state in (death["after"], death["settled"], *death["seconds"]):
            assert state["lost"] == []


# What may be replaced.


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    write_run(run, OLD)
    for name, content in OTHERS.items():
        folders.write(str(run), name, content)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/thesis").write_bytes(b"precious")
    return run


def test_a_run_is_replaced_and_nothing_else(run: Path) -> None:
    replace(run)
    assert found(run) == {"run": "new", "beside": [], "lost": []}
    assert not (run / "transform_fn/assets/old_vocabulary").exists()
    assert not (run / "examples/eval").exists()
    assert (run.parent / "theirs/thesis").read_bytes() == b"precious"


def a_file_not_listed(run: Path) -> None:
    (run / "examples/train/notes").write_text("precious")


def a_link_not_listed(run: Path) -> None:
    (run / "metadata").symlink_to("../theirs")


def a_linked_folder(run: Path) -> None:
    (run / "examples").rename(run.parent / "moved")
    (run / "examples").symlink_to("../moved")


def a_linked_file(run: Path) -> None:
    (run / "definition.json").rename(run.parent / "moved")
    (run / "definition.json").symlink_to("../moved")


def a_linked_manifest(run: Path) -> None:
    (run / "manifest.json").rename(run.parent / "moved")
    (run / "manifest.json").symlink_to("../moved")


def edit(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    change(manifest)
    (run / "manifest.json").write_text(json.dumps(manifest))


def a_strangers_manifest(run: Path) -> None:
    (run / "manifest.json").write_text('{"name": "web app"}')


def a_manifest_that_leads_outside(run: Path) -> None:
    edit(run, lambda m: m["files"].update({"examples/../../theirs/thesis": OLD_ENTRY}))


def a_manifest_with_a_path_from_the_root(run: Path) -> None:
    edit(run, lambda m: m["files"].update({str(run.parent / "theirs/thesis"): OLD_ENTRY}))


def a_manifest_that_lists_the_trainers_files(run: Path) -> None:
    edit(run, lambda m: m["files"].update({"model/1/saved_model.pb": OLD_ENTRY}))


def an_older_forebays_manifest(run: Path) -> None:
    edit(run, lambda m: m.pop("reach_us"))


def half_a_manifest(run: Path) -> None:
    text = (run / "manifest.json").read_text()
    (run / "manifest.json").write_text(text[: len(text) // 2])


def no_manifest(run: Path) -> None:
    (run / "manifest.json").unlink()


def a_manifest_that_is_a_folder(run: Path) -> None:
    (run / "manifest.json").unlink()
    (run / "manifest.json").mkdir()


OLD_ENTRY = {"size": 8, "crc32c": "00000000", "rows": None}
REFUSED = {
    a_file_not_listed: "examples/train/notes is not a file that the run's manifest lists",
    a_link_not_listed: "metadata is a link",
    a_linked_folder: "examples is a link",
    a_linked_file: "definition.json is a link",
    a_linked_manifest: "manifest.json cannot be read",
    a_strangers_manifest: "is not a manifest",
    a_manifest_that_leads_outside: "theirs/thesis', which is not a place of a run's files",
    a_manifest_with_a_path_from_the_root: "theirs/thesis', which is not a place of a run's files",
    a_manifest_that_lists_the_trainers_files: "saved_model.pb', which is not a place of a run's",
    an_older_forebays_manifest: "is not a manifest",
    half_a_manifest: "is not a manifest",
    no_manifest: "holds files that are not a run's (definition.json, evaluation, examples)",
    a_manifest_that_is_a_folder: "manifest.json cannot be read",
}


def everything(folder: Path) -> dict[str, object]:
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.is_file() and path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("change", REFUSED)
def test_what_no_manifest_of_the_run_lists_is_not_replaced(
    run: Path, change: Callable[[Path], None]
) -> None:
    change(run)
    before = everything(run.parent)
    with pytest.raises(RunFolderError) as said:
        publish.check_target(str(run), overwrite=True)
    assert REFUSED[change] in str(said.value)
    assert str(run) in str(said.value)
    with pytest.raises(RunFolderError):
        replace(run)
    assert everything(run.parent) == before


def test_a_run_is_replaced_only_where_that_is_wanted(run: Path) -> None:
    with pytest.raises(RunFolderError, match="holds a run already"):
        publish.check_target(str(run), overwrite=False)
    found = publish.check_target(str(run), overwrite=True)
    assert found is not None
    assert found.files == manifest_of(OLD).files


@pytest.mark.parametrize("name", ["nothing", "empty", "alias"])
def test_a_folder_that_is_empty_or_not_there_is_free(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "alias").symlink_to("empty")
    assert publish.check_target(str(tmp_path / name), overwrite=False) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("file", "a file"),
        ("dangling", "a link to nothing"),
        ("loop", "a link"),
        ("file/run", "file is not a folder"),
        ("dangling/run", "dangling is not a folder"),
    ],
)
def test_what_is_no_folder_is_not_taken_for_one(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(RunFolderError, match=kind):
        publish.check_target(str(tmp_path / name), overwrite=True)


def test_a_run_that_came_while_ours_was_made_is_not_replaced(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    with locked(str(run)):
        publish.check_target(str(run), overwrite=False)
        staged = temporary_name()
        write_run(run / staged, NEW)
        (run / staged / "manifest.json").unlink()
        write_run(run, OLD)
        with pytest.raises(RunFolderError, match="holds a run already"):
            publish.publish(str(run), staged, manifest_of(NEW), overwrite=False)
        publish.abandon(str(run), staged)
    assert found(run)["run"] == "old"
    assert temporaries(str(run)) == []


def test_a_run_within_a_run_is_left_alone(run: Path) -> None:
    """What another process makes there, even what it is publishing."""
    inner = run / "mine/inner"
    for staged in (temporary_name(), f"training/{temporary_name()}"):
        (inner / staged).mkdir(parents=True)
        write_run(inner / staged, NEW)
    before = contents(inner)
    ours = f"training/{temporary_name()}"
    (run / ours).mkdir(parents=True)
    publish.settle_leftovers(str(run))
    with locked(str(run)):
        publish.settle(str(run))
    assert contents(inner) == before
    assert found(run)["run"] == "old"
    assert not (run / ours).exists()


def test_what_cannot_be_moved_is_said_before_the_older_run_is_touched(run: Path) -> None:
    """A new file whose name an empty folder has: seen when the new run is whole, not after."""
    (run / "examples/test/part-00000").mkdir(parents=True)
    before = found(run)
    with pytest.raises(RunFolderError, match=r"examples/test/part-00000 is a folder"):
        replace(run)
    assert found(run) == before
