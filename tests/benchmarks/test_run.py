"""What the benchmark says before it begins."""

from __future__ import annotations

from types import ModuleType

GIB = 1 << 30


def test_a_disk_that_is_too_small_is_told_beforehand(run: ModuleType) -> None:
    said = run.lack_of_room(100, 10 * GIB, "/work")
    assert said.startswith("/work: 100 years of flights need 57.8 GiB there, and 10.0 GiB are free")
    assert run.lack_of_room(100, 58 * GIB, "/work") is None
    assert run.lack_of_room(1, 1 * GIB, "/work") is None
