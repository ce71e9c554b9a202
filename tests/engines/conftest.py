"""The flights as the local engine makes them: what every other engine has to make, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from same_runs import Answers, answered, preprocessed, some_flights, trained


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some_flights(tmp_path_factory.mktemp("flights"))


@pytest.fixture(scope="session")
def local(flights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return preprocessed(flights, tmp_path_factory.mktemp("runs") / "local")


@pytest.fixture(scope="session")
def model(local: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(local, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def local_answers(model: Path, flights: Path, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return answered(model, flights, tmp_path_factory.mktemp("answers") / "local")
