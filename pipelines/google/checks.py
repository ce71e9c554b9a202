"""What can be wrong with what services of Google are told; found before they are asked."""

from __future__ import annotations

import difflib
import importlib.util
import re
from collections.abc import Iterator, Mapping

from forebay.transforms.errors import InputError, Problem

GS = "gs://"
_PROJECT = re.compile(r"(?:[a-z0-9.-]+\.[a-z]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
# What the names of all regions begin with.
_CONTINENTS = (
    "africa", "asia", "australia", "europe", "me", "northamerica", "southamerica", "us",
)  # fmt: skip
_ZONE = re.compile(r"([a-z]+-[a-z]+[0-9]+)-[a-z]")
_ACCOUNT = re.compile(r"[A-Za-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_MOST_LABELS = 64
BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_IMAGE = re.compile(
    r"[a-z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9._-]+)+(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?"
)


def require_clients(service: str, module: str) -> None:
    """Checks that Google's clients are installed.

    Raises:
        InputError: they are not.
    """
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # not even a package above it
        found = None
    if found is None:
        raise InputError(
            f"{service} needs Google's clients; install them by `pip install 'forebay[gcp]'`"
        )


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
    elif region.partition("-")[0] not in _CONTINENTS:
        name, _, rest = region.partition("-")
        near = difflib.get_close_matches(name, _CONTINENTS, 1)
        cure = f"did you mean {near[0]}-{rest}?" if near else "write such as europe-west1"
        yield Problem("--region", region, "not a region", cure)


def label_problems(text: str | None) -> Iterator[Problem]:
    """Yields what is wrong with labels, KEY=VALUE,..."""
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


def account_problems(email: str | None) -> Iterator[Problem]:
    """Yields what is wrong with a service account's name."""
    if email and not _ACCOUNT.fullmatch(email):
        cure = "write such as workers@my-project.iam.gserviceaccount.com"
        yield Problem("--service-account", email, "not a service account", cure)


def folder_problems(flag: str, folder: str | None) -> Iterator[Problem]:
    """Yields what is wrong with a folder on Cloud Storage."""
    name, slash, path = (folder or "").removeprefix(GS).partition("/")
    is_place = folder and folder.startswith(GS) and BUCKET.fullmatch(name) and slash and path
    if folder and not is_place:
        yield Problem(flag, folder, "no folder of a bucket", "write such as gs://my-bucket/temp")


def image_problems(flag: str, image: str | None) -> Iterator[Problem]:
    """Yields what is wrong with the name of a container image."""
    if image and not _IMAGE.fullmatch(image):
        cure = "write such as europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0"
        yield Problem(flag, image, "not an image in a registry", cure)
