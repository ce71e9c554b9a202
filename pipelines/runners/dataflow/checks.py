"""What can be wrong with the options of ``--on dataflow``, told before Google is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from forebay.transforms.errors import Problem

if TYPE_CHECKING:
    from forebay.pipelines.runners.dataflow.engine import Dataflow
    from forebay.pipelines.runners.engine import Work

_PROJECT = re.compile(r"(?:[a-z0-9.-]+\.[a-z]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
_ZONE = re.compile(r"([a-z]+-[a-z]+[0-9]+)-[a-z]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_ACCOUNT = re.compile(r"[A-Za-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com")
_NAME = r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SUBNETWORK = re.compile(
    r"(?:https://www\.googleapis\.com/compute/v1/projects/[a-z0-9.:-]+/)?"
    rf"regions/([a-z0-9-]+)/subnetworks/{_NAME}"
)
_MACHINE = re.compile(r"[a-z][a-z0-9]*-[a-z]+(?:-[a-z0-9]+)*|custom-[0-9]+-[0-9]+")
_SMALL_MACHINE = re.compile(r"f1-micro|g1-small|e2-(?:micro|small|medium)|n1-highcpu-[0-9]+")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_MOST_LABELS = 64
_IMAGE = re.compile(
    r"[a-z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9._-]+)+(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?"
)
_SETUP_FILES = ("pyproject.toml", "setup.py")
_GS = "gs://"


def problems(on: Dataflow) -> Iterator[Problem]:
    """Yields what is wrong with the options themselves."""
    yield from where_problems(on.project, on.region)
    yield from _places(on)
    yield from _workers(on)
    yield from _labels(on.labels)
    yield from _code(on)


def place_problems(work: Work) -> Iterator[Problem]:
    """Yields what Dataflow's workers cannot reach of what a command reads and writes."""
    if not work.folder.startswith(_GS):
        yield Problem(
            "--output", work.folder, "on this machine, which workers do not see",
            "write such as gs://BUCKET/runs/NAME",
        )  # fmt: skip
    for path in work.paths:
        if "://" not in path and not path.startswith("bigquery-query:"):
            yield Problem(
                "--input or --source", path, "on this machine, which workers do not see",
                f"copy it, such as by `gcloud storage cp {path} gs://BUCKET/`, and name the copy",
            )  # fmt: skip


def where_problems(project: str | None, region: str | None) -> Iterator[Problem]:
    """Yields what is wrong with a project's id and a region."""
    if not project:
        yield Problem("--project", project, "missing", "name the Google Cloud project's id")
    elif project.isdigit():
        cure = "`gcloud projects describe NUMBER` tells its id"
        yield Problem("--project", project, "a number, not an id", cure)
    elif not _PROJECT.fullmatch(project):
        cure = "write it as the console shows it, such as my-project"
        yield Problem("--project", project, "not a project's id", cure)
    zone = _ZONE.fullmatch(region or "")
    if not region:
        yield Problem("--region", region, "missing", "name one, such as europe-west1")
    elif zone:
        yield Problem("--region", region, "a zone", f"write its region, {zone[1]}")
    elif not _REGION.fullmatch(region):
        yield Problem("--region", region, "not a region", "write such as europe-west1")


def _places(on: Dataflow) -> Iterator[Problem]:
    bucket = (on.bucket or "").removeprefix(_GS).rstrip("/")
    if not on.bucket and not on.temp_location:
        cure = "name a bucket for what jobs leave by the way, or write --temp-location gs://..."
        yield Problem("--bucket", on.bucket, "missing", cure)
    elif on.bucket and not _BUCKET.fullmatch(bucket):
        yield Problem("--bucket", on.bucket, "not a bucket's name", "write such as my-bucket")
    for flag, value in (
        ("--temp-location", on.temp_location), ("--staging-location", on.staging_location)
    ):  # fmt: skip
        name, slash, path = (value or "").removeprefix(_GS).partition("/")
        is_place = value and value.startswith(_GS) and _BUCKET.fullmatch(name) and slash and path
        if value and not is_place:
            yield Problem(flag, value, "no folder of a bucket", "write such as gs://my-bucket/temp")


def _workers(on: Dataflow) -> Iterator[Problem]:
    if on.service_account and not _ACCOUNT.fullmatch(on.service_account):
        cure = "write such as workers@my-project.iam.gserviceaccount.com"
        yield Problem("--service-account", on.service_account, "not a service account", cure)
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
    if on.num_workers and on.max_workers and on.num_workers > on.max_workers:
        cure = f"write at most {on.max_workers}, or raise --max-workers"
        yield Problem("--num-workers", on.num_workers, "more than --max-workers", cure)
    if on.job_name and not re.fullmatch(_NAME, on.job_name):
        cure = "write lower-case letters, digits and -, from a letter on, at most 63"
        yield Problem("--job-name", on.job_name, "not a job's name", cure)


def _labels(text: str | None) -> Iterator[Problem]:
    labels = read_labels(text)
    if len(labels) > _MOST_LABELS:
        yield Problem("--labels", len(labels), "too many", f"give {_MOST_LABELS} at most")
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key):
            cure = "write KEY=VALUE,... with lower-case letters, digits, _ and -, from a letter on"
            yield Problem("--labels", f"{key}={value}", f"{key!r} is no label's key", cure)
        elif not _LABEL_VALUE.fullmatch(value):
            cure = "write at most 63 lower-case letters, digits, _ and -"
            yield Problem("--labels", f"{key}={value}", f"{value!r} is no label's value", cure)


def read_labels(text: str | None) -> Mapping[str, str]:
    """Reads ``KEY=VALUE,KEY=VALUE``, as ``gcloud --labels`` does."""
    pairs = (one.partition("=") for one in (text or "").split(",") if one)
    return {key.strip(): value.strip() for key, _, value in pairs}


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
    if image and not _IMAGE.fullmatch(image):
        cure = "write such as europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0"
        yield Problem("--container-image", image, "not an image in a registry", cure)
    if setup and not (Path(setup).name in _SETUP_FILES and Path(setup).is_file()):
        cure = "name the pyproject.toml of Forebay's sources"
        yield Problem("--setup-file", setup, "no such setup file", cure)
