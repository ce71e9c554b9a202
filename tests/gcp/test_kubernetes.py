"""The manifest of Kubernetes is one by Kubernetes' own schema."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.gcp

REPOSITORY = Path(__file__).resolve().parents[2]
VALIDATE = REPOSITORY / ".venv-gcp" / "bin" / "kubernetes-validate"
MANIFEST = REPOSITORY / "deploy" / "kubernetes" / "train.yaml"


def told(path: Path) -> tuple[int, str]:
    done = subprocess.run(
        [VALIDATE, "--strict", path], capture_output=True, text=True, check=False
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_manifest_is_valid() -> None:
    status, said = told(MANIFEST)
    assert status == 0, said
    assert said.count("passed") == 2, said  # the service, and the job


def test_one_with_a_mistake_is_not(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(MANIFEST.read_text("utf-8").replace("completionMode:", "completionMoed:"))
    assert told(wrong)[0] != 0
