"""A worker fetches what was staged with a job, before it does anything of it.

Beam's own services stage and serve the files; who provides the job's particulars is the test.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from apache_beam.portability.api.org.apache.beam.model.fn_execution.v1 import (
    beam_fn_api_pb2,
    beam_fn_api_pb2_grpc,
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
)
from apache_beam.portability.api.org.apache.beam.model.job_management.v1 import (
    beam_artifact_api_pb2_grpc,
)
from apache_beam.runners.portability import artifact_service
from apache_beam.runners.portability.stager import Stager
from made_runs import make_dataset

from forebay.pipelines.runners.failures import raised_in
from forebay.pipelines.runners.own_code import pack_own_code
from forebay.pipelines.runners.versions import versions
from forebay.pipelines.runners.workers.pool import Pool, when_ended
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

    _prepare(started(wheel), worker)

    definition = importlib.import_module("staged_definition")
    assert definition.zones(None) == "JFK,America/New_York"
    assert worker in Path(definition.__file__).parents


def test_a_worker_of_other_versions_is_not_started() -> None:
    pool = Pool()
    asked = beam_fn_api_pb2.StartWorkerRequest(
        worker_id="2-1", params=versions() | {"apache-beam": "2.1.0"}
    )

    told = raised_in(pool.StartWorker(asked, None).error)

    assert isinstance(told, InputError)
    assert str(told).startswith(f"the worker 2-1 on {platform.node()} has apache-beam ")
    assert ", not 2.1.0 as the submitter has" in str(told)
    assert pool.started == 0


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


def test_what_takes_seconds_to_import_is_there_before_a_worker_is(tmp_path: Path) -> None:
    pool, told = Pool(), tmp_path / "modules"
    pool.warm_up()
    code = f"import pathlib, sys; pathlib.Path({str(told)!r}).write_text(' '.join(sys.modules))"
    copy = pool._context.Process(target=exec, args=(code,))
    copy.start()
    copy.join()

    assert {
        "apache_beam.runners.worker.sdk_worker",
        "forebay.pipelines.preprocess",
        "numba",
        "tensorflow",
        "tensorflow_transform.beam",
    } <= {*told.read_text().split()}


class Control(beam_fn_api_pb2_grpc.BeamFnControlServicer):
    """What an engine listens with: who connected, and hung up."""

    def __init__(self) -> None:
        self.gone: list[str] = []

    def Control(self, requests: Any, context: Any) -> Iterator[Any]:
        assert list(requests) == []
        self.gone.append(dict(context.invocation_metadata())["worker_id"])
        return iter(())


@pytest.mark.parametrize(("signal_number", "told"), [(signal.SIGKILL, ["2-1"]), (None, [])])
def test_an_engine_learns_of_a_worker_that_is_killed(
    signal_number: int | None, told: list[str]
) -> None:
    """It would wait without end for one that is killed before it connects."""
    server = grpc.server(ThreadPoolExecutor(4))
    control = Control()
    beam_fn_api_pb2_grpc.add_BeamFnControlServicer_to_server(control, server)
    address = f"localhost:{server.add_insecure_port('localhost:0')}"
    server.start()
    started = Started("2-1", address, "", "", "")
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0.01,))
    process.start()
    if signal_number is not None:
        assert process.pid is not None
        os.kill(process.pid, signal_number)

    when_ended(process, started)

    server.stop(0).wait()
    assert control.gone == told
