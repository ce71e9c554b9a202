from __future__ import annotations

import re
from pathlib import Path

import pytest

from forebay.pipelines.sources.files import find_files
from forebay.transforms.errors import InputError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.csv", "b.csv", "[a].csv", "more/c.csv", "more/d.csv.gz"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    (tmp_path / "link.csv").symlink_to("a.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(*patterns: str) -> list[str]:
    files = find_files(list(patterns))
    assert [file.number for file in files] == list(range(len(files)))
    assert [file.size for file in files] == [Path(file.path).stat().st_size for file in files]
    return [file.path for file in files]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["b.csv", "a.csv"], ["b.csv", "a.csv"]),
        (["more/*"], ["more/c.csv", "more/d.csv.gz"]),
        (["?.csv"], ["a.csv", "b.csv"]),
        (["[b].csv"], ["b.csv"]),
        (["b.csv", "more/*.csv"], ["b.csv", "more/c.csv"]),
        (["[ab]*", "**/*.gz"], ["a.csv", "b.csv", "more/d.csv.gz"]),
        (
            ["more/*.gz", "b.csv", "**/*.csv"],
            ["more/d.csv.gz", "b.csv", "[a].csv", "a.csv", "more/c.csv"],
        ),
        (["m*"], []),
    ],
)
def test_names_and_patterns(patterns: list[str], expected: list[str]) -> None:
    if expected:
        assert paths(*patterns) == expected
    else:  # folders that match a pattern are not files
        with pytest.raises(InputError, match="matches no file"):
            find_files(patterns)


def test_a_file_is_read_once_however_it_is_named(folder: Path) -> None:
    (folder / "hard.csv").hardlink_to("a.csv")
    same = ["a.csv", "./a.csv", "more/../a.csv", "link.csv", str(folder / "a.csv"), "hard.csv",
            "?.csv"]  # fmt: skip

    assert paths(*same) == ["a.csv", "b.csv"]


@pytest.mark.usefixtures("folder")
def test_a_name_that_looks_like_a_pattern_means_the_file() -> None:
    assert paths("[a].csv") == ["[a].csv"]


def test_a_folder_that_looks_like_a_pattern_means_the_folder(folder: Path) -> None:
    for name in ("x[1]{a}*/y.csv", "x1a/y.csv", "x[1]{a}*/[z]/z.csv"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(name)
    assert paths("x[1]{a}*/*.csv") == ["x[1]{a}*/y.csv"]
    assert paths(f"{folder}/x[1]{{a}}*/[z]/?.csv") == [f"{folder}/x[1]{{a}}*/[z]/z.csv"]
    assert paths("x[1]a/*.csv") == ["x1a/y.csv"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("more", "'more' is a folder; name its files, as by 'more/*.csv'"),
        (".", "'.' is a folder"),
        ("z*", "'z*' matches no file"),
        ("nothing://bucket/x", "'nothing://bucket/x' cannot be read"),
    ],
)
def test_what_is_no_file(pattern: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        find_files([pattern])


def test_a_file_is_found_from_any_working_folder(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = find_files(["more/c.csv"])
    monkeypatch.chdir(tmp_path_factory.mktemp("of a worker"))

    assert found.open().read() == b"more/c.csv"
    assert found.path == "more/c.csv"
    found.check_unchanged()
    (folder / "more/c.csv").write_text("longer than before")
    with pytest.raises(InputError, match=r"^more/c\.csv: the file has changed"):
        found.check_unchanged()
