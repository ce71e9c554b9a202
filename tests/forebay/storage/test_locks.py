"""Folders that one process at a time may change."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from forebay.storage import folders
from forebay.storage.entries import temporaries
from forebay.storage.locks import locked, occupied
from forebay.storage.names import LOCK_NAME, temporary_name
from forebay.transforms.errors import RunFolderError

HOLDER = """
import sys
from forebay.storage.locks import locked
with locked(sys.argv[1], sys.argv[2], shared=sys.argv[3] == "shared"):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(folder: Path, name: str = "", how: str = "alone") -> subprocess.Popen[str]:
    """Starts a process that holds a folder until its standard input ends."""
    command = [sys.executable, "-c", HOLDER, str(folder), name, how]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_is_gone_afterwards(tmp_path: Path) -> None:
    with locked(str(tmp_path), "a/b"):
        assert [path.name for path in (tmp_path / "a/b").iterdir()] == [LOCK_NAME]
    assert list(tmp_path.iterdir()) == []
    with locked(str(tmp_path), "a/b"):
        (tmp_path / "a/kept").touch()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["kept"]


def test_another_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    for end in (lambda p: p.communicate(), lambda p: (p.kill(), p.wait())):
        with hold(tmp_path) as process:
            with (
                pytest.raises(RunFolderError, match=r"another process is writing .*; wait for it"),
                locked(str(tmp_path)),
            ):
                pass
            end(process)
        with locked(str(tmp_path)):  # a killed process leaves the file, and no lock
            pass
        assert list(tmp_path.iterdir()) == []


def test_those_who_share_a_folder_keep_out_who_wants_it_alone(tmp_path: Path) -> None:
    with hold(tmp_path, "", "shared") as first:
        with locked(str(tmp_path), shared=True), locked(str(tmp_path), shared=True):
            pass
        with pytest.raises(RunFolderError, match="another process"), locked(str(tmp_path)):
            pass
        first.communicate()
    with hold(tmp_path), pytest.raises(RunFolderError), locked(str(tmp_path), shared=True):
        pass


def test_who_waits_gets_it(tmp_path: Path) -> None:
    with hold(tmp_path) as first:
        waiting = subprocess.Popen(
            [sys.executable, "-c", HOLDER.replace("shared=", "wait=True, shared="),
             str(tmp_path), "", "alone"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.3)
        first.communicate()
    assert waiting.communicate()[0] == "held\n"
    assert list(tmp_path.iterdir()) == []


def a_link(path: Path) -> None:
    (path.parent / "victim").write_text("precious")
    path.symlink_to("victim")


def a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def somebodys_file(path: Path) -> None:
    path.write_text("precious")


@pytest.mark.parametrize("obstacle", [a_link, a_dangling_link, somebodys_file, os.mkdir, os.mkfifo])
def test_what_is_no_lock_is_left_alone(tmp_path: Path, obstacle: Callable[[Path], None]) -> None:
    path = tmp_path / LOCK_NAME
    obstacle(path)
    before = {each.name: os.lstat(each) for each in tmp_path.iterdir()}
    with pytest.raises(RunFolderError, match="cannot be locked"), locked(str(tmp_path)):
        pass
    assert {each.name: os.lstat(each) for each in tmp_path.iterdir()} == before


def test_who_occupies_a_folder_finds_nothing_in_the_making(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = temporary_name()
    folders.write(str(tmp_path), f"mine/deep/{left}", b"x")
    folders.write(str(tmp_path), f"other/{temporary_name()}", b"x")
    with occupied(str(tmp_path), "mine"):
        assert temporaries(str(tmp_path), "mine") == []
    assert len(temporaries(str(tmp_path), "other")) == 1
    said = capsys.readouterr().err
    assert f"removed what a killed process left unfinished in {tmp_path}/mine" in said
    assert left in said


def test_an_object_store_is_not_locked() -> None:
    with locked("gs://bucket/run", "training"), occupied("gs://bucket/run", "model"):
        pass
