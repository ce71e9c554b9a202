"""One worker process: fetches what was staged, compares versions, and does what it is told."""

import json
import os
import shutil
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import grpc
from apache_beam.portability import common_urns
from apache_beam.portability.api.org.apache.beam.model.fn_execution.v1 import (
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
)
from apache_beam.portability.api.org.apache.beam.model.job_management.v1 import (
    beam_artifact_api_pb2,
    beam_artifact_api_pb2_grpc,
)
from apache_beam.portability.api.org.apache.beam.model.pipeline.v1 import beam_runner_api_pb2
from google.protobuf import json_format


@dataclass(frozen=True)
class Started:
    """What an engine says when it wants a worker.

    Attributes:
        worker_id: the engine's name for it.
        control, logging, artifacts, provision: where it is told what to do, sends its log, finds
            what was staged, and learns of the job.
    """

    worker_id: str
    control: str
    logging: str
    artifacts: str
    provision: str


@dataclass(frozen=True)
class Ended:
    """What a worker says when it begins to work, or cannot.

    Attributes:
        error: why it cannot; empty: it works.
    """

    error: str = ""


def work(started: Started, to_pool: Connection) -> None:
    """Is a worker until the engine closes its connection; the process ends with it."""
    folder = tempfile.mkdtemp(prefix="forebay-worker-")
    status = 1
    try:
        try:
            _prepare(started, Path(folder))
        except Exception as error:
            to_pool.send(Ended(named(error)))
            status = 0
            return
        to_pool.send(Ended())
        from apache_beam.runners.worker import sdk_worker_main

        with suppress(grpc.RpcError):  # the engine is done with it
            sdk_worker_main.main([])
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(status)  # what its threads wait for does not come any more


def named(error: Exception) -> str:
    """Returns an exception as the end of its traceback has it, from which it is found again."""
    return f"{type(error).__module__}.{type(error).__name__}: {error}"


def _prepare(started: Started, folder: Path) -> None:
    """Fetches what was staged, and leaves for Beam's worker what it looks for."""
    named = (("worker_id", started.worker_id),)
    info = (
        beam_provision_api_pb2_grpc.ProvisionServiceStub(grpc.insecure_channel(started.provision))
        .GetProvisionInfo(beam_provision_api_pb2.GetProvisionInfoRequest(), metadata=named)
        .info
    )
    _fetch(info.dependencies, info.artifact_endpoint.url or started.artifacts, folder, named)
    for wheel in folder.glob("*.whl"):  # as files: a module may read one beside itself
        place = folder / f"{wheel.stem}-unpacked"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place)
        sys.path.insert(0, str(place))
    os.environ.update(_environment(started, info))


def _environment(started: Started, info: Any) -> Mapping[str, str]:
    """What Beam's worker reads from the environment, as its container's start program has it."""
    return {
        "WORKER_ID": started.worker_id,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "LOGGING_API_SERVICE_DESCRIPTOR": _address(info.logging_endpoint.url or started.logging),
        "CONTROL_API_SERVICE_DESCRIPTOR": _address(info.control_endpoint.url or started.control),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }


def _address(url: str) -> str:
    return f"url: {json.dumps(url)}"


def _fetch(
    dependencies: Any, endpoint: str, folder: Path, named: tuple[tuple[str, str], ...]
) -> None:
    """Fetches what was staged into a folder, by the names it was staged under."""
    if not dependencies:
        return
    service = beam_artifact_api_pb2_grpc.ArtifactRetrievalServiceStub(
        grpc.insecure_channel(endpoint)
    )
    asked = beam_artifact_api_pb2.ResolveArtifactsRequest(artifacts=dependencies)
    for one in service.ResolveArtifacts(asked, metadata=named).replacements:
        if one.role_urn != common_urns.artifact_roles.STAGING_TO.urn:
            continue
        role = beam_runner_api_pb2.ArtifactStagingToRolePayload.FromString(one.role_payload)
        request = beam_artifact_api_pb2.GetArtifactRequest(artifact=one)
        with (folder / os.path.basename(role.staged_name)).open("wb") as sink:
            for block in service.GetArtifact(request, metadata=named):
                sink.write(block.data)
