"""Whether Google knows who asks, and whether a job's buckets are there, where they should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from forebay.console.google_words import LOGIN, shown
from forebay.transforms.errors import InputError, RunFailed, first_line

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
# Locations that hold a continent's regions: what these begin with, and one of them.
_CONTINENTS = {
    "US": ("us-", "us-central1"),
    "EU": ("europe-", "europe-west1"),
    "ASIA": ("asia-", "asia-east1"),
}


@dataclass(frozen=True)
class Needed:
    """A file that makes a folder on Cloud Storage what it has to be.

    Attributes:
        flag: what gave the folder.
        folder: the folder, ``gs://BUCKET/...``.
        name: the file's name in it.
        cure: what to do where it is not there.
    """

    flag: str
    folder: str
    name: str
    cure: str


def check_access(project: str | None, region: str, places: Iterable[tuple[str, str]]) -> None:
    """Checks that there are credentials that hold, and that the buckets of a job are there.

    Args:
        project: the project that is asked for.
        region: where the job runs.
        places: the flag, and the folder ``gs://BUCKET/...`` that it gave, of each.

    Raises:
        InputError: there are none, they are refused, or a bucket is not there, not for this
            account, or in another region than the job.
        RunFailed: nothing answers.
    """
    from google.cloud import storage

    client = storage.Client(project=project, credentials=credentials_of(project))
    buckets = {place.removeprefix("gs://").partition("/")[0]: flag for flag, place in places}
    for name, flag in buckets.items():
        _check_bucket(client, flag, name, region)


def check_file(project: str | None, needed: Needed) -> None:
    """Checks that a file is on Cloud Storage.

    Raises:
        InputError: it is not.
        RunFailed: nothing answers.
    """
    from google.cloud import storage

    client = storage.Client(project=project, credentials=credentials_of(project))
    bucket, _, name = f"{needed.folder.rstrip('/')}/{needed.name}".removeprefix("gs://").partition(
        "/"
    )
    with _answers(f"Cloud Storage, asked for {needed.folder}"):
        is_there = client.bucket(bucket).blob(name).exists(timeout=30)
    if not is_there:
        raise InputError(f"{needed.flag} {needed.folder}: has no {needed.name}; {needed.cure}")


def credentials_of(project: str | None) -> Any:
    """Returns Google's application default credentials, refreshed.

    Raises:
        InputError: there are none, or Google refuses them.
        RunFailed: nothing answers.
    """
    import google.auth
    from google.auth import exceptions
    from google.auth.transport.requests import Request

    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE], quota_project_id=project)
    except exceptions.DefaultCredentialsError as error:
        raise InputError(f"no credentials for Google Cloud were found; {LOGIN}") from error
    try:
        credentials.refresh(Request())
    except exceptions.RefreshError as error:
        said = error.args[0] if error.args else error
        raise InputError(
            f"Google refuses the credentials, which may have expired ({shown(str(said))}); {LOGIN}"
        ) from error
    except exceptions.GoogleAuthError as error:
        raise _unreachable("Google's accounts", error) from error
    return credentials


def _check_bucket(client: Any, flag: str, name: str, region: str) -> None:
    from google.api_core import exceptions

    with _answers(f"Cloud Storage, asked for {name}"):
        try:
            bucket = client.get_bucket(name, timeout=30)
        except exceptions.NotFound as error:
            raise InputError(
                f"{flag} {name}: no such bucket; make it by `gcloud storage buckets create "
                f"gs://{name} --location={region}`, or correct the name"
            ) from error
        except (exceptions.Forbidden, exceptions.Unauthorized) as error:
            raise InputError(
                f"{flag} {name}: the account may not use the bucket ({_words(error)}); give it "
                "roles/storage.admin there, or name another bucket"
            ) from error
    location = (bucket.location or "").upper()
    if not _holds(location, bucket.location_type, region):
        near = _CONTINENTS[location][1] if location in _CONTINENTS else location.lower()
        raise InputError(
            f"{flag} {name}: the bucket lies in {location}, and the job runs in {region}, so that "
            f"every byte would cross; name a bucket in {region}, or a region there, such as "
            f"--region {near}"
        )


def _holds(location: str, kind: str | None, region: str) -> bool:
    """Tells whether a bucket's location holds a region; of two regions nobody tells which."""
    if location in _CONTINENTS:
        return region.startswith(_CONTINENTS[location][0])
    return kind == "dual-region" or location == region.upper()


@contextmanager
def _answers(who: str) -> Iterator[None]:
    import requests
    from google.api_core import exceptions

    try:
        yield
    except (requests.ConnectionError, exceptions.RetryError, exceptions.ServerError) as error:
        raise _unreachable(who, error) from error


def _unreachable(who: str, error: BaseException) -> RunFailed:
    return RunFailed(
        f"{who} cannot be reached ({_words(error)}); check the network and the proxy, and start "
        "again"
    )


def _words(error: BaseException) -> str:
    return first_line(error)[:200]
