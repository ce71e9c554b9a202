"""A worker fetches what was staged with a job, before it does anything of it.

Beam's own services stage and serve the files; who provides the job's particulars is the test.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from apache_beam.portability.api.org.apache.beam.model.fn_execution.v1 import (
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
)
from apache_beam.portability.api.org.apache.beam.model.job_management.v1 import (
    beam_artifact_api_pb2_grpc,
)
from apache_beam.runners.portability import artifact_service
from apache_beam.runners.portability.stager import Stager
from made_runs import make_dataset

from forebay.pipelines.runners.own_code import pack_own_code
from forebay.pipelines.runners.workers.versions import VERSIONS_NAME, versions
from forebay.pipelines.runners.workers.worker import Started, _prepare
from forebay.transforms.definition.columns import String
from forebay.transforms.definition.sources import Derive
from forebay.transforms.errors import InputError

ENVIRONMENT = (
    "WORKER_ID", "PIPELINE_OPTIONS", "LOGGING_API_SERVICE_DESCRIPTOR",
    "CONTROL_API_SERVICE_DESCRIPTOR", "RUNNER_CAPABILITIES",
)  # fmt: skip
MODULE = """
from pathlib import Path

def zones(batch):
    return Path(__file__).with_name("staged_zones.csv").read_text()
"""


class Provision(beam_provision_api_pb2_grpc.ProvisionServiceServicer):
    def __init__(self, info: Any) -> None:
        self.info = info

    def GetProvisionInfo(self, request: Any, context: Any) -> Any:
        assert dict(context.invocation_metadata())["worker_id"] == "2-1"
        return beam_provision_api_pb2.GetProvisionInfoResponse(info=self.info)


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Started]]:
    """Serves files as a job server does; gives what an engine says when it wants a worker."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, "")
    server = grpc.server(ThreadPoolExecutor(4))
    address = f"localhost:{server.add_insecure_port('localhost:0')}"

    def serve(*files: Path) -> Started:
        staged = [Stager._create_file_stage_to_artifact(str(one), one.name) for one in files]
        info = beam_provision_api_pb2.ProvisionInfo(dependencies=staged)
        info.pipeline_options.update({"beam:option:job_name:v1": "trips"})
        beam_provision_api_pb2_grpc.add_ProvisionServiceServicer_to_server(Provision(info), server)
        beam_artifact_api_pb2_grpc.add_ArtifactRetrievalServiceServicer_to_server(
            artifact_service.ArtifactRetrievalService(
                artifact_service.BeamFilesystemHandler(None).file_reader
            ),
            server,
        )
        server.start()
        return Started("2-1", "localhost:7", "localhost:8", address, address)

    yield serve
    server.stop(0).wait()


def versions_file(folder: Path, **other: str) -> Path:
    path = folder / VERSIONS_NAME
    path.write_text(json.dumps(versions() | other))
    return path


def test_a_definitions_modules_and_the_files_beside_them_are_there(
    started: Callable[..., Started], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, packed, worker = (tmp_path / name for name in ("own", "packed", "worker"))
    for folder in (own, packed, worker):
        folder.mkdir()
    (own / "staged_definition.py").write_text(MODULE)
    (own / "staged_zones.csv").write_text("JFK,America/New_York")
    with monkeypatch.context() as at_home:
        at_home.syspath_prepend(own)
        derive = (Derive("staged_definition:zones", ["line"], {"zone": String()}),)
        wheel = pack_own_code(replace(make_dataset("regression"), derive=derive), packed)
    assert wheel is not None

    _prepare(started(wheel, versions_file(packed)), worker)

    definition = importlib.import_module("staged_definition")
    assert definition.zones(None) == "JFK,America/New_York"
    assert worker in Path(definition.__file__).parents


def test_a_worker_of_other_versions_does_not_begin(
    started: Callable[..., Started], tmp_path: Path
) -> None:
    file = versions_file(tmp_path, **{"apache-beam": "2.1.0"})
    worker = tmp_path / "worker"
    worker.mkdir()

    with pytest.raises(InputError, match=r"the worker 2-1 on .* has apache-beam .*, not 2\.1\.0 "):
        _prepare(started(file), worker)


def test_beams_worker_finds_what_its_container_would_tell(
    started: Callable[..., Started], tmp_path: Path
) -> None:
    _prepare(started(), tmp_path)

    found = {name: os.environ[name] for name in ENVIRONMENT}
    assert json.loads(found.pop("PIPELINE_OPTIONS")) == {"beam:option:job_name:v1": "trips"}
    assert found == {
        "WORKER_ID": "2-1",
        "LOGGING_API_SERVICE_DESCRIPTOR": 'url: "localhost:8"',
        "CONTROL_API_SERVICE_DESCRIPTOR": 'url: "localhost:7"',
        "RUNNER_CAPABILITIES": "",
    }
