"""What workers install is what is tested: the same versions, by the same hashes."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def pinned(lock: Path) -> dict[str, list[str]]:
    """The hashes of each package of a lock, by its name, version and marker."""
    pins: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=\S)", lock.read_text("utf-8")):
        if "==" in entry:
            head, *hashes = re.split(r" \\\n +--hash=", entry.strip())
            pins[head.partition(" ;")[0]] = sorted(hashes)
    return pins


def test_workers_install_what_is_tested() -> None:
    tested = pinned(ROOT / "requirements.lock")
    workers = pinned(ROOT / "deploy" / "requirements.lock")
    assert len(workers) > 100
    assert {one: workers[one] for one in workers if tested.get(one) != workers[one]} == {}
    names = {one.partition("==")[0] for one in workers}
    assert {"apache-beam", "tensorflow-transform", "google-cloud-storage"} <= names
    assert names.isdisjoint({"pytest", "ruff", "sphinx"})
