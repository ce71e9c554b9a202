"""Files below a folder that is ours: whole, removed by name, and never through a link."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.storage import folders
from forebay.storage.entries import entries_below, identity, temporaries
from forebay.storage.names import is_inside, is_temporary, matches, temporary_name
from forebay.transforms.errors import RunFolderError

PRECIOUS = b"precious"


def snapshot(folder: Path) -> dict[str, object]:
    """What is below a folder: the content of files, where links lead, and folders."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A folder that is ours, beside one that is not."""
    (tmp_path / "theirs/deep").mkdir(parents=True)
    (tmp_path / "theirs/deep/thesis").write_bytes(PRECIOUS)
    (tmp_path / "ours").mkdir()
    return tmp_path / "ours"


# Names.


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "/", "/etc/passwd", "../x", "a/../b", "a/..", "./a", "a//b", "a/", "a\nb",
        "a\x00b", "a\x1b[2J", "\udcff",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere(name: str) -> None:
    assert not is_inside(name)


@pytest.mark.parametrize("name", ["a", "a/b.c", "größe", "a b", "...", "a\u3000b", "-", "~", "$x"])
def test_names_that_stay(name: str) -> None:
    assert is_inside(name)


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b", "..."]), min_size=1, max_size=6))
def test_a_name_that_stays_is_its_own_normal_form(parts: list[str]) -> None:
    name = "/".join(parts)
    if is_inside(name):
        assert os.path.normpath(f"/top/folder/{name}") == f"/top/folder/{name}"


def test_temporary_names_are_new() -> None:
    names = {temporary_name() for _ in range(100)}
    assert len(names) == 100
    assert all(map(is_temporary, names))
    for other in (".forebay-.tmp", ".forebay-0123456789abcdef.tmp.bak", "x.tmp", "forebay.tmp"):
        assert not is_temporary(other)


# Writing.


def test_a_file_is_written_with_its_folders_and_replaced(ours: Path) -> None:
    for content in (b"first", b"second"):
        folders.write(str(ours), "a/b/c.bin", content)
        assert snapshot(ours) == {"a": None, "a/b": None, "a/b/c.bin": content}


def link_folder(ours: Path) -> None:
    (ours / "a").symlink_to(ours.parent / "theirs")


def link_deep(ours: Path) -> None:
    (ours / "a").mkdir()
    (ours / "a/deep").symlink_to("../../theirs/deep")


def link_file(ours: Path) -> None:
    (ours / "a/deep").mkdir(parents=True)
    (ours / "a/deep/thesis").symlink_to(ours.parent / "theirs/deep/thesis")


def folder_there(ours: Path) -> None:
    (ours / "a/deep/thesis").mkdir(parents=True)


def file_there(ours: Path) -> None:
    (ours / "a").write_bytes(PRECIOUS)


def pipe_there(ours: Path) -> None:
    (ours / "a/deep").mkdir(parents=True)
    os.mkfifo(ours / "a/deep/thesis")


OBSTACLES = [link_folder, link_deep, link_file, folder_there, file_there, pipe_there]


def move_there(folder: str, name: str, content: bytes) -> None:
    folders.write(folder, "new", content)
    try:
        folders.move(folder, "new", name)
    finally:
        os.unlink(os.path.join(folder, "new"))


@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("write", [folders.write, move_there])
def test_nothing_is_written_through_links_or_over_what_is_no_file(
    ours: Path,
    obstacle: Callable[[Path], None],
    write: Callable[[str, str, bytes], None],
) -> None:
    obstacle(ours)
    before = snapshot(ours.parent) if obstacle is not pipe_there else None
    with pytest.raises(RunFolderError, match=r"is a link|is a folder|is a file|is neither") as said:
        write(str(ours), "a/deep/thesis", b"new")
    assert str(ours / "a") in str(said.value)
    if before is not None:
        assert snapshot(ours.parent) == before


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_what_is_in_the_way_is_seen_before_the_work(
    ours: Path, obstacle: Callable[[Path], None]
) -> None:
    obstacle(ours)
    with pytest.raises(RunFolderError):
        folders.check_place(str(ours), "a/deep/thesis")
    folders.check_place(str(ours), "b/c")
    if obstacle in (link_folder, link_deep, file_there):
        with pytest.raises(RunFolderError):
            folders.check_writable(str(ours), "a/deep")


def test_looking_whether_a_folder_can_be_written_leaves_nothing(ours: Path) -> None:
    folders.check_writable(str(ours), "a/b")
    folders.check_writable(str(ours))
    assert snapshot(ours) == {}


def test_a_link_to_the_folder_itself_is_followed(ours: Path) -> None:
    (ours.parent / "alias").symlink_to("ours")
    folders.write(str(ours.parent / "alias"), "a/b", b"x")
    assert snapshot(ours) == {"a": None, "a/b": b"x"}


def test_a_name_too_long_is_said(ours: Path) -> None:
    with pytest.raises(RunFolderError, match="cannot be written"):
        folders.write(str(ours), "x" * 300, b"")
    assert snapshot(ours) == {}


# Removing.


def test_listed_files_are_removed_and_folders_that_are_empty_then(ours: Path) -> None:
    for name in ("a/b/one", "a/b/two", "a/kept", "c/d/three"):
        folders.write(str(ours), name, b"x")
    folders.remove(str(ours), ["a/b/one", "a/b/two", "c/d/three", "a/gone", "nowhere/x"])
    assert snapshot(ours) == {"a": None, "a/kept": b"x"}


def test_nothing_is_removed_through_links(ours: Path) -> None:
    (ours / "a").symlink_to(ours.parent / "theirs")
    (ours / "b").symlink_to(ours.parent / "theirs/deep/thesis")
    with pytest.raises(RunFolderError, match="is a link"):
        folders.remove(str(ours), ["a/deep/thesis"])
    folders.remove(str(ours), ["b"])
    assert (ours.parent / "theirs/deep/thesis").read_bytes() == PRECIOUS
    assert list(snapshot(ours)) == ["a"]


def test_what_is_in_the_making_is_removed_and_links_in_it_lead_nowhere(ours: Path) -> None:
    name = temporary_name()
    folders.write(str(ours), f"{name}/x/y", b"x")
    (ours / name / "link").symlink_to(ours.parent / "theirs")
    (ours / temporary_name()).symlink_to(ours.parent / "theirs")
    folders.write(str(ours), f"kept/{temporary_name()}", b"x")
    found = temporaries(str(ours))
    assert len(found) == 3
    assert all(re.fullmatch(r"(kept/)?\.forebay-.*\.tmp", each) for each in found)
    for each in found:
        folders.remove_temporary(str(ours), each)
    assert snapshot(ours) == {"kept": None}
    assert (ours.parent / "theirs/deep/thesis").read_bytes() == PRECIOUS
    with pytest.raises(ValueError, match="kept"):
        folders.remove_temporary(str(ours), "kept")


def test_entries_are_what_they_are(ours: Path) -> None:
    folders.write(str(ours), "a/file", b"x")
    (ours / "a/link").symlink_to(ours.parent / "theirs")
    os.mkfifo(ours / "a/pipe")
    found = {entry.name: entry.kind for entry in entries_below(str(ours))}
    assert found == {
        "a": "a folder", "a/file": "a file", "a/link": "a link",
        "a/pipe": "neither a file nor a folder",
    }  # fmt: skip
    assert list(entries_below(str(ours), "nothing")) == []
    assert [entry.name for entry in entries_below(str(ours), "a/link")] == ["a/link"]


def test_all_names_of_a_file_have_one_identity(ours: Path) -> None:
    folders.write(str(ours), "a/file", b"x")
    (ours / "hard").hardlink_to(ours / "a/file")
    (ours / "soft").symlink_to("a/file")
    names = ["a/file", "hard", "soft", "a/../a/./file"]
    assert len({identity(str(ours / name)) for name in names}) == 1
    assert identity(str(ours / "nothing")) is None
    shutil.copy(ours / "hard", ours / "copy")
    assert identity(str(ours / "copy")) != identity(str(ours / "hard"))


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("a/b", "a/*", True), ("a/b/c", "a/*", False), ("a", "*", True), ("a/b", "*", False),
        ("logs/events.1", "logs/events.*", True), ("a.tmp", "b.tmp", False),
    ],
)  # fmt: skip
def test_patterns_match_part_by_part(name: str, pattern: str, expected: bool) -> None:
    assert matches(name, pattern) is expected
