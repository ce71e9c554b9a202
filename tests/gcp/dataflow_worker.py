"""What a Dataflow worker does, for the stand-in: installs what was staged, and runs the graph.

    python dataflow_worker.py JOB.json

It knows of a job what the request says, and of the definition what was staged. Beam's local runner
does the work, in this process.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any


def main(request: Path) -> None:
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.portability import python_urns
    from apache_beam.portability.api import beam_runner_api_pb2
    from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

    options = json.loads(request.read_text())["environment"]["sdkPipelineOptions"]["options"]
    with FileSystems.open(options["pipelineUrl"]) as source:
        graph = beam_runner_api_pb2.Pipeline.FromString(source.read())
    site = tempfile.mkdtemp(prefix="worker-")
    sys.path.insert(0, site)
    for environment in graph.components.environments.values():
        _install(environment, site, FileSystems)
        environment.urn, environment.payload = python_urns.EMBEDDED_PYTHON, b""
        del environment.dependencies[:]
    FnApiRunner().run_via_runner_api(graph, PipelineOptions([])).wait_until_finish()


def _install(environment: Any, site: str, file_systems: Any) -> None:
    from apache_beam.portability.api import beam_runner_api_pb2

    for one in environment.dependencies:
        url = beam_runner_api_pb2.ArtifactUrlPayload.FromString(one.type_payload).url
        if url.endswith(".whl"):
            path = os.path.join(site, "package.whl")
            with file_systems.open(url) as source, open(path, "wb") as kept:
                kept.write(source.read())
            with zipfile.ZipFile(path) as archive:
                archive.extractall(site)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
