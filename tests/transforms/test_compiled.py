"""Compiled code that is kept: never another's, never that of what has changed, never damaged."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from failing_calls import largest_file

from forebay.transforms.compiled import _Files, compiled

KERNELS = {
    "kept_inner": """
from forebay.transforms.compiled import compiled
FACTOR = 2
@compiled
def inner(x):
    return x * FACTOR
""",
    "kept_outer": """
import numpy as np
from forebay.transforms.compiled import compiled
from kept_inner import inner
TABLE = np.array([10, 20])
@compiled
def outer(x, i):
    return inner(x) + TABLE[i]
""",
}
Load = Callable[..., Any]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Writes the modules, of which something is replaced, and imports them as a new process."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def loaded(old: str = "", new: str = "") -> Any:
        for name, text in KERNELS.items():
            monkeypatch.delitem(sys.modules, name, raising=False)
            (tmp_path / f"{name}.py").write_text(text.replace(old, new) if old else text)
        importlib.invalidate_caches()
        return importlib.import_module("kept_outer").outer

    return loaded


def hits(function: Any) -> int:
    return sum(function.stats.cache_hits.values())


def test_what_is_kept_is_taken_by_the_next_process(load: Load) -> None:
    first = load()
    assert (first(1, 0), first(1.5, 1), hits(first)) == (12, 23.0, 0)
    again = load()
    assert (again(1, 0), again(1.5, 1), hits(again)) == (12, 23.0, 2)


@pytest.mark.parametrize(
    ("old", "new", "right"),
    [
        ("return x * FACTOR", "return x - FACTOR", 9),
        ("FACTOR = 2", "FACTOR = 3", 13),
        ("10, 20", "30, 20", 32),
        ("+ TABLE[i]", "+ TABLE[i] + 7", 19),
    ],
)
def test_what_it_was_compiled_of_has_changed(load: Load, old: str, new: str, right: int) -> None:
    load()(1, 0)
    assert load(old, new)(1, 0) == right
    assert load()(1, 0) == 12  # and back


def test_only_what_is_current_is_kept(load: Load, tmp_path: Path) -> None:
    for factor in range(2, 6):
        load("FACTOR = 2", f"FACTOR = {factor}")(1, 0)
    names = sorted(path.name.split(".")[1] for path in (tmp_path / "__pycache__").iterdir())
    assert names == ["inner", "outer"]


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:40], lambda b: b[:-9] + b"x" * 9])
def test_a_damaged_file_is_compiled_anew(
    load: Load, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    load()(1, 0)
    for path in (tmp_path / "__pycache__").iterdir():
        path.write_bytes(damage(path.read_bytes()))
    again = load()
    assert (again(1, 0), hits(again)) == (12, 0)
    assert (load()(1, 0), hits(load())) == (12, 0)
    mended = load()
    assert (mended(1, 0), hits(mended)) == (12, 1)


def test_a_full_disk_costs_time_only(load: Load, tmp_path: Path) -> None:
    outer = load()
    with largest_file(100):
        assert outer(1, 0) == 12
    assert not list((tmp_path / "__pycache__").iterdir())


def test_processes_that_compile_at_once_keep_their_own(tmp_path: Path) -> None:
    def function() -> None:
        """Compiled for other arguments by each process."""

    variants = [f"{number:032x}" for number in range(64)]

    def one_process(variant: str) -> Any:
        own = _Files(tmp_path, function)
        own.save(variant, {"compiled for": variant})
        return own.load(variant)

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(one_process, variants)) == [{"compiled for": v} for v in variants]
    assert [_Files(tmp_path, function).load(v) for v in variants] == [
        {"compiled for": v} for v in variants
    ]


def test_what_nobody_can_tell_apart_is_not_compiled() -> None:
    @compiled
    def of_a_module(x: int) -> int:
        return x + sys.maxsize

    with pytest.raises(TypeError, match="refers to <module 'sys'"):
        of_a_module(np.int64(1))
