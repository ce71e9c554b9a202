"""The examples as their users have them: folders on the import path, data that is really there."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest

from forebay.transforms.definition.functions import resolve

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def import_example(folder: str, module: str) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES / folder))
        yield importlib.import_module(module)


@pytest.fixture(scope="session")
def flights() -> Iterator[ModuleType]:
    yield from import_example("flights", "flights")


@pytest.fixture(scope="session")
def sales() -> Iterator[ModuleType]:
    yield from import_example("sales", "sales")


@pytest.fixture(scope="session")
def derived(flights: ModuleType) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """Runs the derive steps of the flights as a pipeline does: each on its own inputs."""

    def with_derived(batch: pa.RecordBatch) -> pa.RecordBatch:
        for step in flights.departure.derive:
            columns = resolve(str(step.function))(batch.select(list(step.inputs)))
            assert set(columns) == set(step.outputs)
            for name, kind in step.outputs.items():
                assert columns[name].type == kind.arrow_type
                batch = batch.append_column(name, columns[name])
        return batch

    return with_derived


@pytest.fixture(scope="session")
def prepare() -> Iterator[ModuleType]:
    yield from import_example("flights", "prepare")


@pytest.fixture(scope="session")
def generate() -> Iterator[ModuleType]:
    yield from import_example("sales", "generate")


@pytest.fixture(scope="session")
def taxifare() -> Iterator[ModuleType]:
    yield from import_example("taxifare", "taxifare")


@pytest.fixture(scope="session")
def rides_generator() -> ModuleType:
    """The generator of the taxi rides, under another name than that of the sales."""
    path = EXAMPLES / "taxifare" / "generate.py"
    spec = importlib.util.spec_from_file_location("taxifare_generate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
