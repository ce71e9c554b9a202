"""The image of Dataflow's workers: a linter finds nothing in its Dockerfile, and it keeps rules."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

pytestmark = pytest.mark.gcp

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKERFILE = REPOSITORY / "deploy" / "Dockerfile"


def test_a_linter_finds_nothing() -> None:
    hadolint = REPOSITORY / ".venv-gcp" / "bin" / "hadolint"
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_its_last_stage_has_beams_version_no_compiler_and_no_rights() -> None:
    text = DOCKERFILE.read_text("utf-8")
    assert re.findall(r"apache/beam_python.*_sdk:([\d.]+)", text) == [
        metadata.version("apache-beam")
    ]
    last = text[text.rindex("FROM ") :]
    assert "pip install" not in last
    assert re.findall(r"^USER (\S+)$", last, re.M) == ["10001"]
    assert last.index("USER") > last.rindex("RUN")


def test_what_it_copies_is_there_and_is_not_ignored() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text("utf-8"), re.M)
    copied = [name.removeprefix("./") for line in lines for name in line.split()]
    assert {"deploy/requirements.lock", "pyproject.toml", "forebay", "pipelines"} <= set(copied)
    assert all((REPOSITORY / name).exists() for name in copied)
    assert not set(copied) & set(ignored)


@pytest.mark.timeout(3600)
def test_its_commands_make_an_environment_that_starts(tmp_path: Path) -> None:
    """In a folder for its root, in which an environment stands for the Python of the image.

    Left out are what is copied out of other images, and users and their rights.
    """
    root = tmp_path / "root"
    try:
        venv.create(root / "usr/local", with_pip=True)
        *_, build, last = DOCKERFILE.read_text("utf-8").split("\nFROM ")
        for instruction in (*instructions(build), *instructions(last)):
            follow(instruction, root)
        assert "forebay preprocess" in said(root, "forebay", "preprocess", "--help")
        assert "--learning-rate" in said(
            root, "python", "-m", "forebay.trainer.task", "train", "-h"
        )
        assert "No broken requirements found" in said(root, "python", "-m", "pip", "check")
        # What Beam's boot program starts on a worker, and what Google's launcher does.
        said(root, "python", "-c", "import apache_beam.runners.worker.sdk_worker_main")
        told = said(root, "python", f"{root}/opt/forebay/launch.py", "--modle=none", status=2)
        assert "required: --model" in told
    finally:
        shutil.rmtree(root)  # it takes gigabytes


def instructions(stage: str) -> Iterator[str]:
    """Yields a stage's instructions, a line each."""
    lines = [line for line in stage.splitlines()[1:] if not line.startswith("#")]
    yield from filter(None, "\n".join(lines).replace("\\\n", " ").splitlines())


def follow(instruction: str, root: Path) -> None:
    """Follows a COPY or a ``RUN pip`` below a folder."""

    def place(path: str) -> Path:
        return root / (path[1:] if path.startswith("/") else f"src/{path}")

    verb, *words = shlex.split(instruction)
    if verb == "RUN" and words[0] == "pip":
        words = [word.replace("--prefix=/", f"--prefix={root}/") for word in words]
        said(root, "python", "-m", *words, folder=root / "src")
    elif verb == "COPY" and words[0] == "--from=build":
        shutil.copytree(place(words[1]), place(words[2]), copy_function=os.link, dirs_exist_ok=True)
    elif verb == "COPY" and not words[0].startswith("--"):
        *names, to = words
        for path in (REPOSITORY / name for name in names):
            into = place(to) / path.name if to.endswith("/") else place(to)
            into.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(path, into, symlinks=True, ignore=ignored)
            else:
                shutil.copy(path, into)


def said(root: Path, *words: str, status: int = 0, folder: Path | None = None) -> str:
    """Starts a program of the image, and returns what it says."""
    local = root / "usr/local/bin"
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [local / words[0], *words[1:]], cwd=folder or root, capture_output=True, text=True,
        check=False, env={**outside, "PATH": f"{local}:/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == status, (words, done.stderr[-2000:])
    return done.stdout + done.stderr
