"""Places that cannot be written to: every command says so before its work, in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_work import lay_out
from tampering import readers, write_rows
from verdicts import contents, wrong_with

from forebay.cli import main

# The folders below a run that a command writes to.
FOLDERS = {
    "train --fresh": ("training", "model", "evaluation"), "evaluate": ("evaluation",),
    "sweep": ("sweep",), "lr-find": ("learning-rate",),
}  # fmt: skip
NAMED = {
    "report": ["--plot"], "explain": ["--plot"], "predict": ["--output"],
    "init": ["--overwrite", "--output"],
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(trained_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unwritable") / "place"
    lay_out(folder)
    write_rows(folder / "trips.csv")
    (folder / "link").symlink_to("precious.txt")
    (folder / "dangling").symlink_to("nowhere")
    shutil.copytree(trained_binary, folder / "run")
    return folder


@pytest.fixture
def place(whole: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same for all: what is refused changes nothing, as every test sees."""
    monkeypatch.chdir(whole)
    return whole


def commands(place: Path) -> dict[str, list[str]]:
    """Every command that writes, all but where a file goes that it is told to write."""
    of_run = readers(place / "run", place / "trips.csv", place / "made")
    found = {name: [*name.split(), *arguments] for name, arguments in of_run.items()}
    found["predict"] = ["predict", "--model", "run/model", "rows.jsonl"]
    found["init"] = ["init", "trips.csv"]
    found["preprocess"] = ["preprocess", "run/definition.json", "--input", "trips.csv", "--output"]
    return found


def refused(
    capfd: pytest.CaptureFixture[str], arguments: list[str], *words: str, status: int = 2
) -> None:
    before = contents(Path())
    capfd.readouterr()
    found = main(arguments)
    out, err = capfd.readouterr()
    assert found == status, err
    assert not wrong_with(found, err)
    done = [line for line in err.splitlines() if not line.endswith(" …")]
    assert (out, len(done)) == ("", 1), "the work was begun"
    assert all(word in err for word in words), err
    assert contents(Path()) == before


def a_file(path: Path) -> None:
    path.write_text("precious")


def a_link(path: Path) -> None:
    path.symlink_to("transform_fn")


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("become", [a_file, a_link, a_link_to_nothing])
@pytest.mark.parametrize(("name", "folder"), [(n, f) for n in FOLDERS for f in FOLDERS[n]])
def test_a_folder_of_a_run_that_is_none(
    place: Path, capfd: pytest.CaptureFixture[str], name: str, folder: str,
    become: Callable[[Path], None],
) -> None:  # fmt: skip
    path, kept = place / "run" / folder, place / "kept"
    if path.exists():
        path.rename(kept)
    become(path)
    try:
        refused(capfd, commands(place)[name], folder)
    finally:
        path.unlink()
        if kept.exists():
            kept.rename(path)


ODD = {
    "below a file": ("precious.txt/out", "precious.txt"),
    "in no folder": ("nowhere/out", "nowhere"),
    "in /proc": ("/proc/forebay-out", "/proc"),
    "a folder": ("mine", "folder"),
    "a link": ("link", "link"),
    "nothing": ("", "''"),
    "blank": (" ", "' '"),
    "here": (".", "'.'"),
    "above": ("..", "'..'"),
    "the root": ("/", "'/'"),
    "too long": ("x" * 300, "too long"),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", NAMED)
def test_a_named_file_that_cannot_be(
    place: Path, capfd: pytest.CaptureFixture[str], name: str, odd: str
) -> None:
    path, word = ODD[odd]
    words = () if name == "init" else (word,)  # which asks for a module's name first
    refused(capfd, [*commands(place)[name], *NAMED[name], path], *words)


RUNS = {
    "below a file": ("precious.txt/out", "precious.txt"),
    "a file": ("precious.txt", "precious.txt"),
    "in /proc": ("/proc/forebay-out", "/proc"),
    "/dev/full": ("/dev/full", "/dev/full"),
    "a folder of one's own": ("mine", "mine"),
    "a link to nothing": ("dangling", "dangling"),
    "nothing": ("", "''"),
    "blank": (" ", "' '"),
    "here": (".", "."),
    "the root": ("/", "/"),
    "too long": ("x" * 300, "too long"),
}


@pytest.mark.parametrize("odd", RUNS)
def test_a_run_that_cannot_be(place: Path, capfd: pytest.CaptureFixture[str], odd: str) -> None:
    path, word = RUNS[odd]
    refused(capfd, [*commands(place)["preprocess"], path, "--overwrite"], word)


@pytest.fixture
def read_only(place: Path) -> Iterator[Path]:
    """The place, where nobody may write."""
    if os.geteuid() != 0:
        for path in (place, *filter(Path.is_dir, place.rglob("*"))):
            path.chmod(0o555)
        yield place
        for path in (place, *filter(Path.is_dir, place.rglob("*"))):
            path.chmod(0o755)
        return
    os.chdir("/")
    try:
        for options in (["--bind"], ["-o", "remount,bind,ro"]):
            subprocess.run(["mount", *options, str(place), str(place)], check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted read-only here")
    os.chdir(place)
    yield place
    os.chdir("/")
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("name", [*FOLDERS, *NAMED, "preprocess"])
def test_a_place_where_nobody_may_write(
    read_only: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    arguments = commands(read_only)[name]
    if name == "preprocess":
        arguments = [*arguments, "new"]
    elif name in NAMED:
        arguments = [*arguments, *NAMED[name], "out"]
    refused(capfd, arguments)


@pytest.mark.parametrize("name", ["report", "explain", "predict"])
def test_a_device_that_is_full(place: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    status = main([*commands(place)[name], *NAMED[name], "/dev/full"])
    said = capfd.readouterr().err
    assert (status, wrong_with(status, said)) == (1, "")
    assert "/dev/full: no space left on device" in said
