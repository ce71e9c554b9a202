"""The job that Dataflow would be given, written to a folder: nobody is asked, nothing is sent.

What is written is made by the code of Beam that submits jobs, up to the point where it would speak
to Google: so Beam's version is pinned.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, TestOptions
from apache_beam.runners.dataflow.internal import apiclient

JOB, GRAPH, STEPS, STAGED = "job.json", "pipeline.pb", "steps.txt", "staged"


class _OnPaper(apiclient.DataflowApplicationClient):  # type: ignore[misc]
    """Beam's client of Dataflow that stages into a folder and talks to nobody."""

    def __init__(self, options: PipelineOptions, root: str, folder: Path) -> None:
        google = options.view_as(GoogleCloudOptions)
        google.no_auth = True
        try:
            super().__init__(options, root)
        finally:
            google.no_auth = None
        self._folder = folder

    def stage_file(
        self, gcs_or_local_path: str, file_name: str, stream: BinaryIO, *_: Any, **__: Any
    ) -> None:
        """Keeps what would be staged under a bucket."""
        with open(self._folder / file_name, "wb") as kept:
            shutil.copyfileobj(stream, kept)


def write_job_graph(
    build: Callable[[beam.Pipeline], None], arguments: Sequence[str], folder: Path
) -> list[str]:
    """Writes the job that a pipeline would be.

    Args:
        build: applies the steps to the pipeline it is given.
        arguments: Beam's own options, for Dataflow.
        folder: is made. ``job.json`` is the request to Dataflow's API; ``pipeline.pb`` the graph,
            as Beam's proto; ``steps.txt`` the names of its steps; ``staged`` holds what would be
            staged for the workers.

    Returns:
        The names of the steps, outermost first.
    """
    staged = folder / STAGED
    staged.mkdir(parents=True)
    options = PipelineOptions([*arguments, "--dry_run=True"])
    pipeline = beam.Pipeline(options=options)
    build(pipeline)
    job = pipeline.run().job
    options.view_as(TestOptions).dry_run = False
    _OnPaper(options, job.root_staging_location, staged).create_job_description(job)
    os.rename(staged / GRAPH, folder / GRAPH)
    steps = sorted(
        each.unique_name for each in job.proto_pipeline.components.transforms.values()
        if each.unique_name
    )  # fmt: skip
    (folder / STEPS).write_text("\n".join(steps) + "\n", "utf-8")
    (folder / JOB).write_text(json.dumps(json.loads(job.json()), indent=2) + "\n", "utf-8")
    return steps
