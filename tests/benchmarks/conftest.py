"""The benchmarks as their scripts see each other: their folder is on the import path."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def import_from(folder: Path, module: str) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield importlib.import_module(module)


def import_benchmark(module: str) -> Iterator[ModuleType]:
    yield from import_from(ROOT / "benchmarks", module)


@pytest.fixture(scope="session")
def paired_days() -> Iterator[ModuleType]:
    yield from import_benchmark("paired_days")


@pytest.fixture(scope="session")
def lightgbm_model() -> Iterator[ModuleType]:
    yield from import_benchmark("lightgbm_model")


@pytest.fixture(scope="session")
def model_report() -> Iterator[ModuleType]:
    yield from import_benchmark("model_report")


@pytest.fixture(scope="session")
def model_quality() -> Iterator[ModuleType]:
    yield from import_benchmark("model_quality")


@pytest.fixture(scope="session")
def flights_example() -> Iterator[ModuleType]:
    yield from import_from(ROOT / "examples/flights", "flights")


@pytest.fixture(scope="session")
def window_kernels() -> Iterator[ModuleType]:
    yield from import_benchmark("window_kernels")


@pytest.fixture(scope="session")
def read_inputs() -> Iterator[ModuleType]:
    yield from import_benchmark("inputs")


@pytest.fixture(scope="session")
def run() -> Iterator[ModuleType]:
    yield from import_benchmark("run")
