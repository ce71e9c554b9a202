"""The job that Dataflow would be given, written to a folder: nobody is asked, nothing is sent.

What is written is made by the code of Beam that submits jobs, up to the point where it would speak
to Google.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, TestOptions
from apache_beam.runners.dataflow.internal import apiclient
from tensorflow_transform.graph_context import TFGraphContext

from forebay.console.shared import shared
from forebay.pipelines.runners.engine import Engine
from forebay.pipelines.runners.run import Build, as_outside_notebooks, built

JOB, GRAPH, STEPS, STAGED = "job.json", "pipeline.pb", "steps.txt", "staged"


@dataclass(frozen=True)
class DrawnJob:
    """A job that was written to a folder.

    Attributes:
        steps: the names of its steps.
        graph_bytes: how long its graph is.
        staged: the files that would be staged for the workers, and their sizes.
    """

    steps: tuple[str, ...]
    graph_bytes: int
    staged: dict[str, int]


class _OnPaper(apiclient.DataflowApplicationClient):
    """Beam's client of Dataflow that stages into a folder and talks to nobody."""

    def __init__(self, options: PipelineOptions, root: str, folder: Path) -> None:
        google = options.view_as(GoogleCloudOptions)
        google.no_auth = True
        super().__init__(options, root)
        google.no_auth = False
        self._folder = folder

    def stage_file(
        self, gcs_or_local_path: str, file_name: str, stream: BinaryIO, *_: Any, **__: Any
    ) -> None:
        """Keeps what would be staged in a bucket."""
        with open(self._folder / file_name, "wb") as kept:
            shutil.copyfileobj(stream, kept)


def write_job(build: Build, engine: Engine, arguments: Sequence[str], folder: Path) -> DrawnJob:
    """Writes the job that a pipeline would be.

    Args:
        build: applies the steps to the pipeline it is given.
        engine: Dataflow.
        arguments: Beam's own options, for it.
        folder: is made. ``job.json`` is the request to Dataflow's API; ``pipeline.pb`` the graph,
            as Beam's proto; ``steps.txt`` the names of its steps; ``staged`` holds what would be
            staged for the workers.
    """
    staged = folder / STAGED
    staged.mkdir(parents=True)
    options = PipelineOptions(list(arguments))
    options.view_as(TestOptions).dry_run = True
    with as_outside_notebooks(), _nothing_written_by_the_way():
        job = built(build, engine, options).run().job
        job.options.view_as(TestOptions).dry_run = False  # it is the job's own copy
        _OnPaper(job.options, job.root_staging_location, staged).create_job_description(job)
    os.rename(staged / GRAPH, folder / GRAPH)
    graph = job.proto_pipeline
    named = [
        each
        for key, each in graph.components.transforms.items()
        if key not in graph.root_transform_ids
    ]
    steps = tuple(sorted(each.unique_name for each in named))
    (folder / STEPS).write_text("\n".join(steps) + "\n", "utf-8")
    (folder / JOB).write_text(json.dumps(json.loads(job.json()), indent=2) + "\n", "utf-8")
    return DrawnJob(
        steps,
        (folder / GRAPH).stat().st_size,
        {path.name: path.stat().st_size for path in sorted(staged.iterdir())},
    )


@shared
@contextmanager
def _nothing_written_by_the_way() -> Iterator[None]:
    """Keeps tf.Transform, as it builds a pipeline, from writing to where the workers would.

    It makes the folder at once, and stand-ins in it for vocabularies that are yet to be found.
    """
    kept = tft_beam.Context.create_base_temp_dir, TFGraphContext.get_or_create_temp_dir
    with tempfile.TemporaryDirectory(prefix="forebay-") as folder:
        tft_beam.Context.create_base_temp_dir = classmethod(_planned_folder)
        TFGraphContext.get_or_create_temp_dir = classmethod(lambda cls: folder)
        try:
            yield
        finally:
            tft_beam.Context.create_base_temp_dir, TFGraphContext.get_or_create_temp_dir = kept


def _planned_folder(context: Any) -> str:
    """Returns the folder that tf.Transform would make."""
    state = context._get_topmost_state_frame()
    return os.path.join(str(state.temp_dir), str(context._TEMP_SUBDIR))
