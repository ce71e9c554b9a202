"""One name is installed, all of it; and the tests' folders are those of the source."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from setuptools import find_packages

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
# At the top of the checkout, and in forebay/ as links to there.
LINKED = ("pipelines", "trainer", "transforms")
# Tests of no one folder.
WHOLE = {
    "benchmarks", "conformance", "docs", "end_to_end", "engines", "examples", "faults", "gcp",
    "golden", "support",
}  # fmt: skip


def source_folders() -> set[str]:
    """The folders that hold a module, as ``forebay/storage`` and ``pipelines/sources/csv``."""
    found = set()
    for top in ("forebay", *LINKED):
        for folder, _, files in os.walk(ROOT / top):  # follows no link
            if any(name.endswith(".py") for name in files):
                found.add(str(Path(folder).relative_to(ROOT)))
    return found


def test_a_wheel_holds_every_folder_under_one_name() -> None:
    find = PYPROJECT["tool"]["setuptools"]["packages"]["find"]
    assert find.pop("namespaces") is False
    packages = find_packages(str(ROOT), **find)
    names = {f if f.split("/")[0] == "forebay" else f"forebay/{f}" for f in source_folders()}

    assert set(packages) == {name.replace("/", ".") for name in names}


def test_every_folder_of_ours_says_what_it_is_for() -> None:
    inits = [ROOT / folder / "__init__.py" for folder in source_folders()]
    assert all(path.exists() and ast.get_docstring(ast.parse(path.read_text())) for path in inits)


def test_tests_lie_in_folders_of_the_source() -> None:
    tests = {
        str(path.parent.relative_to(ROOT / "tests")) for path in ROOT.glob("tests/**/test_*.py")
    }
    strays = {f for f in tests - source_folders() - {"."} if f.split("/")[0] not in WHOLE}
    assert not strays


def test_names_of_ours_do_not_hide_a_users_own(tmp_path: Path) -> None:
    for name in (*LINKED, "storage", "console", "serving"):
        (tmp_path / f"{name}.py").write_text(f"OWNER = 'the user, of {name}'\n")
    program = (
        "import forebay, transforms, pipelines, trainer, storage, console, serving\n"
        "forebay.Dataset, forebay.ReadTable\n"
        "import forebay.trainer.task, forebay.serving.predictor\n"
        "print(transforms.OWNER, pipelines.OWNER, trainer.OWNER, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        f"the user, of {name}" for name in ("transforms", "pipelines", "trainer")
    ]


def test_the_trainer_runs_from_the_checkout_by_its_short_name() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-m", module, "train", "--help"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout
        for module in ("trainer.task", "forebay.trainer.task")
    ]  # fmt: skip
    assert said[0] == said[1]
    assert said[0].startswith("usage: python -m trainer.task train")


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_lock_has_what_beam_wants_of_each_python(version: str) -> None:
    """Beam asks for other versions of some libraries on other Pythons."""
    python = {"python_version": version, "python_full_version": f"{version}.0"}
    lines = re.findall(r"^[a-z].*?(?= \\$)", (ROOT / "requirements.lock").read_text("utf-8"), re.M)
    locked = [Requirement(line) for line in lines]
    pins = {
        canonicalize_name(one.name): next(iter(one.specifier)).version
        for one in locked
        if one.marker is None or one.marker.evaluate({**python, "extra": ""})
    }
    for text in metadata.requires("apache-beam") or ():
        wanted = Requirement(text)
        extras = [{**python, "extra": extra} for extra in ("", "gcp")]
        if wanted.marker is None or any(map(wanted.marker.evaluate, extras)):
            assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), text


def test_the_images_lock_has_all_that_forebay_needs_in_the_versions_that_are_tested() -> None:
    """`make lock` writes both; one that is edited or left behind makes an image that fails."""

    def pinned(path: Path) -> dict[str, str]:
        return dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", path.read_text("utf-8"), re.M))

    image = pinned(ROOT / "deploy" / "requirements.lock")
    assert image.items() <= pinned(ROOT / "requirements.lock").items()
    needed = map(Requirement, metadata.requires("forebay") or ())
    wanted = {
        canonicalize_name(one.name)
        for one in needed
        if one.marker is None or one.marker.evaluate({"extra": "gcp"})
    }
    assert len(wanted) > 10
    assert wanted - image.keys() == set()
