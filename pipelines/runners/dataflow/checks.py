"""What can be wrong with the options of ``--on dataflow``, told before Google is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from forebay.pipelines.google.checks import (
    BUCKET,
    GS,
    account_problems,
    folder_problems,
    image_problems,
    label_problems,
    where_problems,
)
from forebay.transforms.errors import Problem

if TYPE_CHECKING:
    from forebay.pipelines.runners.dataflow.engine import Dataflow
    from forebay.pipelines.runners.engine import Work

_NAME = r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SUBNETWORK = re.compile(
    r"(?:https://www\.googleapis\.com/compute/v1/projects/[a-z0-9.:-]+/)?"
    rf"regions/([a-z0-9-]+)/subnetworks/{_NAME}"
)
_MACHINE = re.compile(r"[a-z][a-z0-9]*-[a-z]+(?:-[a-z0-9]+)*|custom-[0-9]+-[0-9]+")
_SMALL_MACHINE = re.compile(r"f1-micro|g1-small|e2-(?:micro|small|medium)|n1-highcpu-[0-9]+")
_SETUP_FILES = ("pyproject.toml", "setup.py")


def problems(on: Dataflow) -> Iterator[Problem]:
    """Yields what is wrong with the options themselves."""
    yield from where_problems(on.project, on.region)
    yield from _places(on)
    yield from _workers(on)
    yield from label_problems(on.labels)
    yield from _code(on)


def place_problems(work: Work) -> Iterator[Problem]:
    """Yields what Dataflow's workers cannot reach of what a command reads and writes."""
    if not work.folder.startswith(GS):
        yield Problem(
            "--output", work.folder, "on this machine, which workers do not see",
            "write such as gs://BUCKET/runs/NAME",
        )  # fmt: skip
    for path in work.paths:
        if "://" not in path and not path.startswith("bigquery-query:"):
            yield Problem(
                "what is read", path, "on this machine, which workers do not see",
                f"copy it, such as by `gcloud storage cp --recursive {path} gs://BUCKET/`, and "
                "name the copy",
            )  # fmt: skip


def _places(on: Dataflow) -> Iterator[Problem]:
    bucket = (on.bucket or "").removeprefix(GS).rstrip("/")
    if not on.bucket and not on.temp_location:
        cure = "name a bucket for what jobs leave by the way, or write --temp-location gs://..."
        yield Problem("--bucket", on.bucket, "missing", cure)
    elif on.bucket and not BUCKET.fullmatch(bucket):
        yield Problem("--bucket", on.bucket, "not a bucket's name", "write such as my-bucket")
    yield from folder_problems("--temp-location", on.temp_location)
    yield from folder_problems("--staging-location", on.staging_location)


def _workers(on: Dataflow) -> Iterator[Problem]:
    yield from account_problems(on.service_account)
    if on.network and not re.fullmatch(_NAME, on.network):
        yield Problem("--network", on.network, "not a network's name", "write such as default")
    subnetwork = _SUBNETWORK.fullmatch(on.subnetwork or "")
    if on.subnetwork and not subnetwork:
        cure = "write regions/REGION/subnetworks/NAME, or its whole https:// address"
        yield Problem("--subnetwork", on.subnetwork, "not a subnetwork", cure)
    elif subnetwork and on.region and subnetwork[1] != on.region:
        yield Problem(
            "--subnetwork", on.subnetwork, f"of {subnetwork[1]}, and the job runs in {on.region}",
            f"name a subnetwork of {on.region}",
        )  # fmt: skip
    machine = on.worker_machine_type
    if machine and _SMALL_MACHINE.fullmatch(machine):
        cure = "give 2 GB or more for each core, such as n2-standard-4"
        yield Problem("--worker-machine-type", machine, "too little memory for TensorFlow", cure)
    elif machine and not _MACHINE.fullmatch(machine):
        cure = "write such as n2-standard-4"
        yield Problem("--worker-machine-type", machine, "not a machine type", cure)
    for flag, count in (("--num-workers", on.num_workers), ("--max-workers", on.max_workers)):
        if count is not None and count < 1:
            yield Problem(flag, count, "no number of workers", "give 1 or more")
    if on.num_workers and on.max_workers and 0 < on.max_workers < on.num_workers:
        cure = f"write at most {on.max_workers}, or raise --max-workers"
        yield Problem("--num-workers", on.num_workers, "more than --max-workers", cure)
    if on.job_name and not re.fullmatch(_NAME, on.job_name):
        cure = "write lower-case letters, digits and -, from a letter on, at most 63"
        yield Problem("--job-name", on.job_name, "not a job's name", cure)


def _code(on: Dataflow) -> Iterator[Problem]:
    image, setup = on.container_image, on.setup_file
    if image and setup:
        yield Problem("--setup-file", setup, "beside --container-image", "leave one of them out")
    elif not image and not setup:
        yield Problem(
            "--container-image", None, "missing: workers would have no Forebay",
            "name an image that has it, or for a first trial --setup-file PATH/TO/pyproject.toml "
            "of Forebay's sources",
        )  # fmt: skip
    yield from image_problems("--container-image", image)
    if setup and not (Path(setup).name in _SETUP_FILES and Path(setup).is_file()):
        cure = "name the pyproject.toml of Forebay's sources"
        yield Problem("--setup-file", setup, "no such setup file", cure)
