"""Vertex AI, asked through Google's own client library."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forebay.commands.vertex.spec import Request, Spec
from forebay.console.google_words import shown
from forebay.pipelines.google.account import check_access, check_file, credentials_of
from forebay.pipelines.google.checks import require_clients
from forebay.pipelines.google.failures import Service, explained, in_words
from forebay.transforms.errors import InputError, RunFailed

_SECONDS = 60.0
# How long until a job is looked at again: longer each time.
_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 30.0
# What is over, by the ends of the client's names for states: JOB_STATE_..., PIPELINE_STATE_...
OVER = ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED", "PARTIALLY_SUCCEEDED")
# The library's client for each method, and how a job of each kind is asked for and ended.
_CLIENTS = {
    "create_custom_job": "JobServiceClient",
    "create_hyperparameter_tuning_job": "JobServiceClient",
    "create_batch_prediction_job": "JobServiceClient",
    "create_pipeline_job": "PipelineServiceClient",
    "upload_model": "ModelServiceClient",
    "create_endpoint": "EndpointServiceClient",
    "deploy_model": "EndpointServiceClient",
}


@dataclass(frozen=True)
class JobKind:
    """A kind of jobs.

    Attributes:
        collection: what stands in their names, such as ``customJobs``.
        client: the library's client for them.
        noun: what its methods call one.
        page: where the console has their pages.
    """

    collection: str
    client: str
    noun: str
    page: str


JOB_KINDS = (
    JobKind("customJobs", "JobServiceClient", "custom_job", "training"),
    JobKind(
        "hyperparameterTuningJobs", "JobServiceClient", "hyperparameter_tuning_job", "training"
    ),
    JobKind(
        "batchPredictionJobs", "JobServiceClient", "batch_prediction_job", "batch-predictions"
    ),
    JobKind("pipelineJobs", "PipelineServiceClient", "pipeline_job", "pipelines/runs"),
)  # fmt: skip


@dataclass(frozen=True)
class Vertex:
    """Vertex AI in a project and a region.

    Attributes:
        project: the id of the Google Cloud project.
        region: where.
        address: another address of its API, such as a private one; None: Google's own.
    """

    project: str
    region: str
    address: str | None = None

    @property
    def service(self) -> Service:
        """How its refusals are told."""
        return Service(
            "Vertex AI", self.project, self.region, "roles/aiplatform.user",
            "give fewer --workers or --parallel trials, or a smaller --machine-type",
            f"forebay jobs list --on vertex --project {self.project} --region {self.region}",
        )  # fmt: skip

    @property
    def parent(self) -> str:
        """What all names begin with."""
        return f"projects/{self.project}/locations/{self.region}"

    def client(self, name: str) -> Any:
        """Returns one of the library's clients.

        Raises:
            InputError: it is not installed, or there are no credentials that hold.
            RunFailed: nothing answers.
        """
        require()
        from google.cloud import aiplatform_v1

        address = self.address or f"https://{self.region}-aiplatform.googleapis.com"
        return getattr(aiplatform_v1, name)(
            credentials=credentials_of(self.project),
            transport="rest",
            client_options={"api_endpoint": address.rstrip("/")},
        )

    def check_places(self, spec: Spec) -> None:
        """Checks that a spec's buckets are there, and what it reads; raises as `check_access`."""
        check_access(self.project, self.region, spec.places())
        for needed in spec.needs():
            check_file(self.project, needed)

    def send(self, requests: list[Request]) -> Iterator[str]:
        """Sends requests, one after the other, and waits until those that make something are done.

        Yields:
            The name of what each made, as soon as it is there.

        Raises:
            ForebayError: Google refuses one, or nothing answers.
        """
        from google.cloud import aiplatform_v1

        first = None
        for request in requests:
            body = dict(request.body)
            if request.method == "deploy_model":
                body.setdefault("endpoint", first)
            call = getattr(self.client(_CLIENTS[request.method]), request.method)
            message = _parsed(aiplatform_v1, request.kind, body)
            with in_words(self.service):
                if request.method == "deploy_model":
                    answer = call(request=message, timeout=_SECONDS)
                elif request.method == "upload_model":
                    message.parent = self.parent
                    answer = call(request=message, timeout=_SECONDS)
                else:
                    noun = request.method.removeprefix("create_")
                    answer = call(request={"parent": self.parent, noun: message}, timeout=_SECONDS)
                made = answer.result() if hasattr(answer, "result") else answer
            name = _name(request.method, made)
            first = first or name
            yield name

    def wait(self, name: str) -> str:
        """Waits for a job.

        Args:
            name: the job's whole name.

        Returns:
            The state that it ended in.

        Raises:
            RunFailed: the job failed, or somebody cancelled it, or nothing answers any more.
            InputError: Google refuses to tell.
        """
        seconds = _FIRST_SECONDS
        while (state := state_of(job := self.job(name))) not in OVER:
            time.sleep(seconds)
            seconds = min(2 * seconds, _LONGEST_SECONDS)
        if state == "CANCELLED":
            raise RunFailed(f"{name} was cancelled by somebody; send it again")
        if state == "SUCCEEDED":
            return state
        said = job.error.message
        told = explained(said, self.service)
        if told is not None:
            raise told
        raise RunFailed(
            f"{name} ended as {state} ({said.splitlines()[0] if said else 'no reason given'}); "
            f"look by `forebay jobs logs {name} --on vertex --project {self.project} --region "
            f"{self.region}`"
        )

    def job(self, name: str) -> Any:
        """Returns a job by its whole name; raises as `in_words` and `kind_of` do."""
        kind = kind_of(name)
        client = self.client(kind.client)
        with in_words(self.service):
            return getattr(client, f"get_{kind.noun}")(name=name, timeout=_SECONDS)


def state_of(job: Any) -> str:
    """Returns the state of a job, such as ``RUNNING``."""
    return str(job.state.name).removeprefix("JOB_STATE_").removeprefix("PIPELINE_STATE_")


def kind_of(name: str) -> JobKind:
    """Returns the kind of a job by its whole name.

    Raises:
        InputError: it is no job's name.
    """
    parts = name.split("/")
    for kind in JOB_KINDS:
        if len(parts) == 6 and parts[4] == kind.collection:
            return kind
    raise InputError(
        f"JOB {name!r}: not the whole name of a job of Vertex AI; `forebay jobs list --on vertex` "
        "tells it, such as projects/P/locations/R/customJobs/123"
    )


def require() -> None:
    """Checks that the client library is installed; raises as `require_clients` does."""
    require_clients("Vertex AI", "google.cloud.aiplatform_v1")


def checked(requests: list[Request]) -> None:
    """Holds requests against the client library's own types.

    Raises:
        InputError: the library is not installed, or a value is none of its types'.
    """
    require()
    from google.cloud import aiplatform_v1

    for request in requests:
        _parsed(aiplatform_v1, request.kind, request.body)


def _parsed(library: Any, kind: str, body: Mapping[str, Any]) -> Any:
    from google.protobuf.json_format import ParseError

    try:
        return getattr(library, kind).from_json(json.dumps(body), ignore_unknown_fields=False)
    except ParseError as error:
        said = str(error).rpartition(" field: ")[2]  # each field repeats what was said of its own
        raise InputError(
            f"Vertex AI knows no such value ({shown(said)}); correct the option that it is of"
        ) from error


def _name(method: str, made: Any) -> str:
    """Returns the name of what a request made."""
    if method == "deploy_model":
        return str(made.deployed_model.id)
    return str(made.model if method == "upload_model" else made.name)


def page_of(name: str, project: str) -> str | None:
    """Returns where the console shows a job, by its whole name; None: it is no job."""
    try:
        page = kind_of(name).page
    except InputError:
        return None
    job = name.rpartition("/")[2]
    return f"https://console.cloud.google.com/vertex-ai/{page}/{job}?project={project}"
