"""Files that are somebody else's: what a command may not touch it refuses before any work.

Every test looks at all of a scratch folder before and after.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from killed_publication import OLD, write_run
from small_orders import LINES, ORDERS

from forebay.cli import main
from forebay.transforms.definition.serialize import to_json

Case = Callable[[Path], list[str]]


def everything(folder: Path) -> dict[str, object]:
    """Content of files, where links lead, and folders; what Python itself keeps left out."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else "folder"
        for path in sorted(folder.rglob("*"))
        if "__pycache__" not in path.parts
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A definition, its input, a run, and what is precious, in the current folder."""
    (tmp_path / "orders.json").write_text(to_json(ORDERS))
    (tmp_path / "orders.csv").write_text("\n".join(LINES))
    table = "\n".join(LINES).encode()
    files = {"occupancy.json": table + b"\n", "examples/train/part-00000": table}
    write_run(tmp_path / "run", {**OLD, **files})
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis").write_text("precious")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(
    place: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """Runs a command that must be refused, with such words, and with nothing changed."""
    before = everything(place)
    capfd.readouterr()
    status = main(arguments)
    out, err = capfd.readouterr()
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert (status, out, len(errors)) == (2, "", 1), err
    assert words in errors[0]
    assert "unexpected" not in errors[0]
    assert everything(place) == before


def preprocess(output: str, *options: str, inputs: str = "orders.csv") -> list[str]:
    return [
        "preprocess", "orders.json", "--input", inputs, "--output", output, *options,
    ]  # fmt: skip


def an_empty_name(place: Path) -> list[str]:
    (place / "examples").mkdir()
    (place / "examples/mine").write_text("precious")
    return preprocess("", "--overwrite")


def blanks_for_a_name(place: Path) -> list[str]:
    return preprocess("  ")


def a_folder_of_ones_own(place: Path) -> list[str]:
    (place / "mine/examples").mkdir(parents=True)
    (place / "mine/examples/photo").write_text("precious")
    return preprocess("mine")


def here(place: Path) -> list[str]:
    return preprocess(".", "--overwrite")


def a_web_apps_manifest(place: Path) -> list[str]:
    (place / "app/examples").mkdir(parents=True)
    (place / "app/examples/page").write_text("precious")
    (place / "app/manifest.json").write_text('{"name": "web app"}')
    return preprocess("app", "--overwrite")


def examples_that_are_a_link(place: Path) -> list[str]:
    (place / "run/examples").rename(place / "moved")
    (place / "run/examples").symlink_to("../moved")
    return preprocess("run", "--overwrite")


def a_link_beside_the_examples(place: Path) -> list[str]:
    (place / "run/examples/train/link").symlink_to("../../../home")
    return preprocess("run", "--overwrite")


def a_lock_that_is_a_link(place: Path) -> list[str]:
    (place / "new").mkdir()
    (place / "new/.forebay.lock").symlink_to("../home/thesis")
    return preprocess("new")


def a_lock_with_something_in_it(place: Path) -> list[str]:
    (place / "run/.forebay.lock").write_text("precious")
    return preprocess("run", "--overwrite")


def a_link_to_nothing(place: Path) -> list[str]:
    (place / "dangling").symlink_to("nowhere")
    return preprocess("dangling")


def an_input_of_the_run(place: Path) -> list[str]:
    return preprocess("run", "--overwrite", inputs="run/occupancy.json")


def an_input_linked_to_the_run(place: Path) -> list[str]:
    (place / "data.csv").symlink_to("run/examples/train/part-00000")
    return preprocess("run", "--overwrite", inputs="data.csv")


def an_input_that_is_a_hard_link(place: Path) -> list[str]:
    (place / "data.csv").hardlink_to("run/examples/train/part-00000")
    return preprocess("./home/../run/", "--overwrite", inputs="data.csv")


def an_input_in_the_output(place: Path) -> list[str]:
    (place / "in").mkdir()
    shutil.move("orders.csv", "in/orders.csv")
    return preprocess("in", inputs="in/orders.csv")


def a_transform_that_is_the_output(place: Path) -> list[str]:
    (place / "alias").symlink_to("run")
    return preprocess("run", "--overwrite", "--transform-fn", "alias")


CASES: dict[Case, str] = {
    an_empty_name: "--output '' names no folder",
    blanks_for_a_name: "--output '  ' names no folder",
    a_folder_of_ones_own: "mine holds files that are not a run's (examples)",
    here: ". holds files that are not a run's",
    a_web_apps_manifest: "app/manifest.json is not a manifest",
    examples_that_are_a_link: "run/examples is a link",
    a_link_beside_the_examples: "run/examples/train/link is a link",
    a_lock_that_is_a_link: "new/.forebay.lock cannot be locked",
    a_lock_with_something_in_it: "run/.forebay.lock cannot be locked (it is not a lock of ours)",
    a_link_to_nothing: "dangling is a link to nothing",
    an_input_of_the_run: "run/occupancy.json is occupancy.json of the run that would be replaced",
    an_input_linked_to_the_run: "data.csv is examples/train/part-00000 of the run",
    an_input_that_is_a_hard_link: "data.csv is examples/train/part-00000 of the run",
    an_input_in_the_output: "in holds files that are not a run's (orders.csv)",
    a_transform_that_is_the_output: "--transform-fn 'alias' is the run to be written",
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_somebody_elses_is_refused(
    place: Path, capfd: pytest.CaptureFixture[str], case: Case
) -> None:
    refused(place, capfd, case(place), CASES[case])
