"""BigQuery, Cloud Storage and S3 as stand-ins in processes of their own: see emulators.py.

Nothing here is skipped: where the stand-ins do not start, the tests fail.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest
from apache_beam.internal.gcp import auth

from forebay.pipelines.sources.bigquery.address import BigQuery
from forebay.pipelines.sources.bigquery.clients import Clients

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / ".venv-gcp" / "bin" / "python"
START_SECONDS = 120


@dataclass(frozen=True)
class Emulators:
    """Where the stand-ins answer."""

    bigquery: str
    bigquery_storage: str
    storage: str
    s3: str
    proxy: str
    ca: str
    credentials: str
    requests: str
    project: str
    bucket: str

    @property
    def clients(self) -> Clients:
        return Clients(
            self.bigquery, self.bigquery_storage, self.project, attempts=4, first_delay_seconds=0.0
        )

    @property
    def environment(self) -> dict[str, str]:
        """What programs need that know nothing of the stand-ins, TensorFlow's file system too."""
        return {
            "BIGQUERY_EMULATOR_HOST": self.bigquery,
            "BIGQUERY_STORAGE_EMULATOR_HOST": self.bigquery_storage,
            "GOOGLE_CLOUD_PROJECT": self.project,
            "STORAGE_EMULATOR_HOST": self.storage,
            "GOOGLE_APPLICATION_CREDENTIALS": self.credentials,
            "NO_GCE_CHECK": "true",
            "https_proxy": self.proxy,
            "no_proxy": "localhost,127.0.0.1",
            "CURL_CA_BUNDLE": self.ca,
            "REQUESTS_CA_BUNDLE": self.ca,
            "AWS_ENDPOINT_URL": self.s3,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        }


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    if not PYTHON.exists():
        pytest.fail(f"{PYTHON} is missing: run `make test-gcp`", pytrace=False)
    folder = tmp_path_factory.mktemp("emulators")
    command = [str(PYTHON), str(REPOSITORY / "tests" / "gcp" / "emulators.py"), str(folder)]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        yield Emulators(**_ready(process, folder))
    finally:
        process.kill()
        process.wait()


def _ready(process: subprocess.Popen[bytes], folder: Path) -> dict[str, str]:
    end = time.monotonic() + START_SECONDS
    while not (folder / "ready.json").exists():
        if process.poll() is not None or time.monotonic() > end:
            said = (folder / "log").read_text()[-2000:]
            pytest.fail(f"the stand-ins for Google Cloud did not start:\n{said}", pytrace=False)
        time.sleep(0.05)
    return json.loads((folder / "ready.json").read_text())


class Warehouse:
    """Tables of BigQuery that tests make."""

    def __init__(self, emulators: Emulators) -> None:
        self.emulators = emulators
        self.client = emulators.clients.bigquery()

    def load(self, name: str, schema: Sequence[Any], rows: pa.Table, dataset: str = "d") -> str:
        """Makes a table, in place of one that is there, and returns its address."""
        from google.cloud import bigquery

        project = self.emulators.project
        self.client.create_dataset(f"{project}.{dataset}", exists_ok=True)
        table = f"{project}.{dataset}.{name}"
        self.client.delete_table(table, not_found_ok=True)
        self.client.create_table(bigquery.Table(table, schema=schema))
        self.append(table, rows)
        return f"bigquery://{table}"

    def append(self, table: str, rows: pa.Table) -> None:
        from google.cloud import bigquery

        data = io.BytesIO()
        pa_parquet.write_table(rows, data)
        data.seek(0)
        config = bigquery.LoadJobConfig(source_format="PARQUET", autodetect=True)
        self.client.load_table_from_file(data, table, job_config=config).result()

    def input(self, name: str, *parameters: str) -> BigQuery:
        """Returns an input that reaches the stand-in."""
        return BigQuery(name, parameters, self.emulators.clients)


@pytest.fixture(scope="session")
def warehouse(emulators: Emulators) -> Warehouse:
    return Warehouse(emulators)


@pytest.fixture
def without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beam as it is before it looks for credentials: it keeps what it found, for the process."""
    monkeypatch.setattr(auth._Credentials, "_credentials_init", False)
    monkeypatch.setattr(auth._Credentials, "_credentials", None)


@pytest.fixture
def in_emulators(
    emulators: Emulators, without_credentials: None, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The environment of commands that reach the stand-ins."""
    for name, value in emulators.environment.items():
        monkeypatch.setenv(name, value)
    return {**os.environ}
