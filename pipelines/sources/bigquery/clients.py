"""How BigQuery is reached, and what it answers put into words.

Google's clients are loaded when they are first used: they come with the extra ``gcp``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from forebay.transforms.errors import ForebayError, InputError, RunFailed

# An emulator's addresses: the first is the one that Google's own client heeds.
REST_VARIABLE = "BIGQUERY_EMULATOR_HOST"
STORAGE_VARIABLE = "BIGQUERY_STORAGE_EMULATOR_HOST"
# The project that pays, as Google's clients name it.
PROJECT_VARIABLE = "GOOGLE_CLOUD_PROJECT"
# Requests that fail for a moment are made again for so long; none takes longer.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Clients:
    """Makes the clients of BigQuery; it travels to workers, which make their own.

    Attributes:
        rest: the address of an emulator's REST interface; None: Google's.
        storage: that of its Storage Read API, HOST:PORT; None: Google's.
        project: the project that pays; None: the one that the credentials name.
        attempts: how often a stream may break without a row in between.
        first_delay_seconds: how long to wait when a stream has broken; it doubles each time.
    """

    rest: str | None = None
    storage: str | None = None
    project: str | None = None
    attempts: int = 8
    first_delay_seconds: float = 0.5

    @classmethod
    def from_environment(cls) -> Clients:
        """Returns what makes clients of Google's, or of an emulator that the environment names."""
        told = os.environ
        return cls(told.get(REST_VARIABLE), told.get(STORAGE_VARIABLE), told.get(PROJECT_VARIABLE))

    def bigquery(self, otherwise: str = "") -> Any:
        """Returns a client for tables and queries, ``google.cloud.bigquery.Client``.

        Args:
            otherwise: the project that pays where none is named.

        Raises:
            InputError: no project is named at all.
        """
        with _extra_told():
            from google.auth.credentials import AnonymousCredentials
            from google.cloud import bigquery
        project = self.project or otherwise
        if self.rest is None:
            try:
                return bigquery.Client(project=self.project)
            except OSError as error:  # the credentials name none
                if otherwise:
                    return bigquery.Client(project=otherwise)
                raise _no_project() from error
        if not project:
            raise _no_project()
        endpoint = {"api_endpoint": self.rest}
        return bigquery.Client(project, AnonymousCredentials(), client_options=endpoint)

    def storage_read(self) -> Any:
        """Returns a client for reading streams; its calls are made once, whatever happens."""
        with _extra_told():
            from google.cloud.bigquery_storage_v1.services import big_query_read
            from google.cloud.bigquery_storage_v1.services.big_query_read import transports
        if self.storage is None:
            return big_query_read.BigQueryReadClient()
        transport = transports.BigQueryReadGrpcTransport(channel=self._channel())
        return big_query_read.BigQueryReadClient(transport=transport)

    def storage_write(self) -> Any:
        """Returns a client for writing streams."""
        with _extra_told():
            from google.cloud.bigquery_storage_v1.services import big_query_write
            from google.cloud.bigquery_storage_v1.services.big_query_write import transports
        if self.storage is None:
            return big_query_write.BigQueryWriteClient()
        transport = transports.BigQueryWriteGrpcTransport(channel=self._channel())
        return big_query_write.BigQueryWriteClient(transport=transport)

    def _channel(self) -> Any:
        import grpc

        unlimited = [("grpc.max_receive_message_length", -1)]
        return grpc.insecure_channel(self.storage, options=unlimited)


def _no_project() -> InputError:
    return InputError(
        f"no project is named that pays for the query; set {PROJECT_VARIABLE}, or run 'gcloud "
        "config set project PROJECT'"
    )


def patience() -> dict[str, Any]:
    """Returns how Google's client repeats a request of REST that fails for a moment."""
    from google.cloud.bigquery.retry import DEFAULT_RETRY

    return {"retry": DEFAULT_RETRY.with_timeout(PATIENCE_SECONDS), "timeout": PATIENCE_SECONDS}


@contextmanager
def _extra_told() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise InputError(
            f"BigQuery needs Google's clients ({error}); pip install 'forebay[gcp]'"
        ) from error


class Rights(NamedTuple):
    """What may be refused.

    Attributes:
        denied: what may not be done.
        roles: whom to ask for what.
    """

    denied: str
    roles: str


READER = Rights(
    "may not be read",
    "ask for the roles BigQuery Data Viewer on the table, and BigQuery Read Session User and Job "
    "User on the project that pays",
)
WRITER = Rights("may not be written", "ask for the role BigQuery Data Editor on the dataset")


@contextmanager
def faults_told(name: str, bad_request: str, rights: Rights = READER) -> Iterator[None]:
    """Puts what BigQuery answers into one line.

    Args:
        name: the input or the sink, as people call it.
        bad_request: the cure where BigQuery does not understand what it is asked.
        rights: what is asked for.

    Raises:
        InputError: the user can mend it.
        RunFailed: BigQuery did not answer, or said that it failed.
    """
    try:
        yield
    except ForebayError:
        raise
    except Exception as error:
        told = _told(error, name, bad_request, rights)
        if told is None:
            raise
        raise told from error


def _told(error: Exception, name: str, bad_request: str, rights: Rights) -> ForebayError | None:
    with _extra_told():
        from google.api_core import exceptions as api
        from google.auth import exceptions as auth

    said = _said(error)
    if isinstance(error, (auth.GoogleAuthError, api.Unauthorized)):
        return InputError(
            f"{name}: the credentials are missing, wrong or expired ({said}); run 'gcloud auth "
            "application-default login', or name a key by GOOGLE_APPLICATION_CREDENTIALS"
        )
    if isinstance(error, api.NotFound):
        return InputError(
            f"{name}: is not there, or no longer ({said}); check project, dataset and table"
        )
    if isinstance(error, api.TooManyRequests) or _QUOTA.search(said):
        return RunFailed(
            f"{name}: a quota of BigQuery is used up ({said}); wait until it is there again, or "
            "ask for a greater one"
        )
    if isinstance(error, api.Forbidden):
        cure = rights.roles
        if "column" in said:
            cure = "leave the column out of the definition, or ask for Fine-Grained Reader on it"
        return InputError(f"{name}: {rights.denied} ({said}); {cure}")
    if isinstance(error, (api.BadRequest, api.Conflict)):
        return InputError(f"{name}: {said}; {bad_request}")
    if isinstance(error, (api.GoogleAPIError, ConnectionError)):
        return RunFailed(f"{name}: BigQuery failed ({said}); try again later")
    return None


def _said(error: Exception) -> str:
    """Returns what an error says, on one line, without the request and the trace."""
    error = getattr(error, "cause", None) or error  # of one that was met again and again
    said = str(getattr(error, "message", None) or error) or type(error).__name__
    said = _REQUEST.sub("", said).partition("Location:")[0]
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return " ".join(lines[:2])[:_LONGEST] or type(error).__name__


_QUOTA = re.compile("quota exceeded|exceeded (quota|rate limit)", re.IGNORECASE)
_REQUEST = re.compile(r"^(GET|POST) \S+: ")
_LONGEST = 300
