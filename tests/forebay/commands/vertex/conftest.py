"""A stand-in for Vertex AI, and credentials that it gives tokens for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_vertex import Fake, fake_vertex, key


@pytest.fixture(scope="session")
def service() -> Iterator[Fake]:
    with fake_vertex() as fake:
        yield fake


@pytest.fixture
def vertex(service: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """The stand-in, as if nothing had been asked of it."""
    service.requests.clear()
    service.made.clear()
    service.has_expired = False
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", key(tmp_path, f"{service.address}/token"))
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", service.address)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    return service
