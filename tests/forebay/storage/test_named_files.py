"""Files that a user names: whole or not at all, through no link, and never over an input."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from forebay.storage.named_files import check_output, write_whole, written_whole
from forebay.transforms.errors import InputError, RunFailed


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "input").write_bytes(b"precious")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("input")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "hard").hardlink_to(tmp_path / "input")
    (tmp_path / "older").write_bytes(b"older")
    os.chmod(tmp_path / "older", 0o640)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def everything(folder: Path) -> dict[str, object]:
    return {
        p.name: os.readlink(p) if p.is_symlink() else p.is_file() and p.read_bytes()
        for p in sorted(folder.iterdir())
    }


@pytest.mark.parametrize("name", ["new", "older", "./folder/../new", "folder/new"])
def test_a_file_is_written_or_replaced(place: Path, name: str) -> None:
    write_whole(name, b"content", "--output", ["input"])
    assert Path(name).read_bytes() == b"content"
    assert not list(place.rglob("*.tmp"))
    assert (place / "older").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "names no file"), (" ", "names no file"), ("input", "one of the files that are read"),
        ("./folder/../input", "one of the files that are read"),
        ("link", "one of the files that are read"), ("hard", "one of the files that are read"),
        ("dangling", "is a link"), ("folder", "is a folder"), ("nowhere/x", "is not a folder"),
        ("older/x", "is not a folder"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("write", [check_output, lambda *a: write_whole(a[0], b"new", *a[1:])])
def test_what_is_read_or_no_file_is_left_alone(
    place: Path, name: str, words: str, write: Callable[..., None]
) -> None:
    before = everything(place)
    with pytest.raises(InputError, match=f"--output '.*{words}"):
        write(name, "--output", ["input"])
    assert everything(place) == before


def test_a_link_to_another_file_is_not_written_through(place: Path) -> None:
    before = everything(place)
    with pytest.raises(InputError, match="is a link, and nothing is written through links"):
        write_whole("link", b"new", "--plot", ["older"])
    assert everything(place) == before


def test_the_file_that_standard_input_is_is_not_replaced(place: Path) -> None:
    before = everything(place)
    write = (
        "from forebay.storage.named_files import write_whole\n"
        "write_whole('older', b'new', '--output')"
    )
    with (place / "older").open("rb") as source:
        ended = subprocess.run(
            [sys.executable, "-c", write], stdin=source, stderr=subprocess.PIPE, text=True,
            check=False,
        )  # fmt: skip
    assert "--output 'older' is one of the files that are read" in ended.stderr
    assert everything(place) == before


def test_what_fails_leaves_the_older_file(place: Path) -> None:
    before = everything(place)
    with written_whole("older", "--output") as stream:
        stream.write(b"half")
        during = everything(place)
        with pytest.raises(TypeError), written_whole("older", "--output") as another:
            another.write("text, not bytes")
        assert everything(place) == during
    assert {name: c for name, c in during.items() if name in before} == before
    assert (place / "older").read_bytes() == b"half"


def test_a_device_is_written_to(place: Path) -> None:
    before = everything(place)
    write_whole(os.devnull, b"x", "--output")
    (place / "null").symlink_to(os.devnull)
    write_whole("null", b"x", "--output")
    (place / "null").unlink()
    assert everything(place) == before


def test_what_a_killed_process_left_is_removed(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = place / f".forebay-output-{'0' * 16}.tmp"
    left.write_bytes(b"half")
    others = [place / ".forebay-output-mine.tmp", place / f".forebay-{'0' * 16}.tmp"]
    for other in others:
        other.write_bytes(b"somebody's")
    link = place / f".forebay-output-{'1' * 16}.tmp"
    link.symlink_to("input")
    before = everything(place)

    with written_whole("new", "--output") as stream:
        write_whole("another", b"whole", "--output")  # while the first is in the making
        stream.write(b"whole")

    assert everything(place) == {
        **{name: content for name, content in before.items() if name != left.name},
        "new": b"whole",
        "another": b"whole",
    }
    assert f"left unfinished in .: {left.name}\n" in capsys.readouterr().err


def test_a_file_that_appears_meanwhile_is_not_replaced_unasked(place: Path) -> None:
    path = place / "draft.py"

    def write() -> None:
        with written_whole(str(path), "--output", replaces=False) as stream:
            stream.write(b"ours")
            path.write_text("somebody's")

    with pytest.raises(InputError, match="is there already, written meanwhile"):
        write()
    assert path.read_text() == "somebody's"
    assert [one.name for one in place.iterdir() if one.name.startswith(".forebay")] == []
    write_whole(str(place / "new.py"), b"ours", "--output", replaces=False)
    assert (place / "new.py").read_bytes() == b"ours"


def test_a_device_is_blamed_for_what_it_refuses_only(place: Path) -> None:
    with pytest.raises(RunFailed, match="/dev/full: no space left on device"):
        write_whole("/dev/full", b"content", "--output")

    def copy_what_fails() -> None:
        with written_whole("/dev/null", "--output") as stream:
            stream.write(b"content")
            raise OSError(errno.EIO, "of the input")

    with pytest.raises(OSError, match="of the input") as caught:
        copy_what_fails()
    assert not isinstance(caught.value, RunFailed)
    with (
        pytest.raises(RunFailed, match="/dev/full"),
        written_whole("/dev/full", "--output") as stream,
    ):
        stream.write(b"x" * (1 << 20))  # more than is held back
