"""Memory of windows over a hot key, as docs/concepts/memory.md says, on a much larger table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("hot_key.py")
ROOT = SCRIPT.parents[2]
ROWS = 1_000_000
MIB = 1 << 20
SMALL, AMPLE = 32 * MIB, 1024 * MIB
# What docs/concepts/memory.md allows beside the windows' memory: the shard and the batches in work.
BESIDE = 80 * MIB

Totals = dict[str, float]


def measure(folder: Path, memory_bytes: int) -> Totals:
    """Runs the windows in a process of their own."""
    command = [sys.executable, str(SCRIPT), str(folder), str(ROWS), str(memory_bytes)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found: Totals = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Totals:
    return measure(tmp_path_factory.mktemp("small"), SMALL)


@pytest.fixture(scope="module")
def ample(tmp_path_factory: pytest.TempPathFactory) -> Totals:
    return measure(tmp_path_factory.mktemp("ample"), AMPLE)


def test_memory_stays_within_its_bound(small: Totals) -> None:
    assert small["compiled"] == 0, "the warm-up does not reach all kernels"
    assert small["taken_bytes"] <= SMALL + BESIDE


def test_without_a_bound_the_same_table_takes_several_times_as_much(
    small: Totals, ample: Totals
) -> None:
    assert ample["taken_bytes"] > 3 * (SMALL + BESIDE)


def test_the_bound_changes_no_value(small: Totals, ample: Totals) -> None:
    names = [name for name in ample if name.startswith("price_")]
    assert names
    assert small.keys() == ample.keys()
    assert small["rows"] == ample["rows"] == ROWS
    for name in names:
        assert small[name] == pytest.approx(ample[name], rel=1e-12), name
