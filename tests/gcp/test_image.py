"""The image of Dataflow's workers: a linter finds nothing in its Dockerfile, and it keeps rules."""

from __future__ import annotations

import re
import subprocess
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
