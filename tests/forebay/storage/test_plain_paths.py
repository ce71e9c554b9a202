"""Folders whose names are patterns: libraries are given another path of the same folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from forebay.storage.plain_paths import plain_path
from forebay.transforms.errors import InputError


@pytest.mark.parametrize("name", ["[1]", "a*", "?", "{a,b}", "back\\slash"])
def test_what_is_written_there_is_there(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    plain = plain_path(str(folder))
    assert plain == plain_path(str(folder))
    tf.train.Checkpoint(x=tf.Variable(7)).write(f"{plain}/check")
    read = tf.train.Checkpoint(x=tf.Variable(0))
    read.read(f"{plain}/check").assert_consumed()
    assert read.x.numpy() == 7
    assert {path.name for path in folder.iterdir()} == {"check.index", "check.data-00000-of-00001"}


def test_other_paths_stay_as_they_are() -> None:
    for path in ("run", "a/run+1 ü=%", "gs://bucket/run"):
        assert plain_path(path) == path


def test_other_file_systems_have_no_links() -> None:
    with pytest.raises(InputError, match=r"'gs://bucket/run\[1\]' has one of the characters"):
        plain_path("gs://bucket/run[1]")


def test_other_machines_have_no_links(tmp_path: Path) -> None:
    assert plain_path(str(tmp_path), is_here=False) == str(tmp_path)
    with pytest.raises(InputError, match=r"/run\[1\]' has one of the characters"):
        plain_path(str(tmp_path / "run[1]"), is_here=False)


def test_no_link_outlives_its_process(tmp_path: Path) -> None:
    (tmp_path / "[1]").mkdir()
    (tmp_path / "temporary").mkdir()
    code = (
        "import sys; from forebay.storage.plain_paths import plain_path; "
        "print(plain_path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "[1]"], capture_output=True, text=True, check=True,
        env={"TMPDIR": str(tmp_path / "temporary")},
    )  # fmt: skip
    assert done.stdout.startswith(str(tmp_path / "temporary"))
    assert not list((tmp_path / "temporary").iterdir())
    assert (tmp_path / "[1]").is_dir()
