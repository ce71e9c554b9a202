"""The definition and the manifest of the readings' run, as they were last agreed upon.

A change of these files is a change of a format that people's runs are written in. When it is
meant: UPDATE_GOLDEN=1 make test ARGS=tests/golden, and read the difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forebay.transforms.definition.serialize import from_json, to_json

GOLDEN = Path(__file__).parent
# What differs between machines, versions and moments: only its presence and type are kept.
CHANGING = {"created", "versions", "seconds"}
Agree = Callable[[str, str], None]


@pytest.fixture
def agree() -> Agree:
    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN") == "1":
            path.write_text(text, "utf-8")
        assert text == path.read_text("utf-8")

    return compare


def test_the_definition(readings_run: Path, agree: Agree) -> None:
    agree("readings.definition.json", (readings_run / "definition.json").read_text("utf-8"))


def test_the_definition_of_then_is_read_now() -> None:
    text = (GOLDEN / "readings.definition.json").read_text("utf-8")

    assert to_json(from_json(text)) == text


def test_the_manifest(readings_run: Path, agree: Agree) -> None:
    manifest = json.loads((readings_run / "manifest.json").read_text("utf-8"))
    for entry in manifest["inputs"]:
        entry["path"] = Path(entry["path"]).name
    agree(
        "readings.manifest.json", json.dumps(_steady(manifest), indent=2, ensure_ascii=False) + "\n"
    )


def _steady(manifest: dict[str, Any]) -> dict[str, Any]:
    steady = {name: _shape(v) if name in CHANGING else v for name, v in manifest.items()}
    # TensorFlow writes other bytes with every version, and the fingerprint has a random part.
    steady["files"] = {name: _shape(entry) for name, entry in manifest["files"].items()}
    return steady


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    return type(value).__name__
