"""The flights as the local engine makes them: what every other engine has to make, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from same_runs import preprocessed, some_flights


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some_flights(tmp_path_factory.mktemp("flights"))


@pytest.fixture(scope="session")
def local(flights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return preprocessed(flights, tmp_path_factory.mktemp("runs") / "local")
