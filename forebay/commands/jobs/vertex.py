"""Jobs of Vertex AI: trainings, searches, batch predictions and pipelines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from forebay.commands.jobs.options import Entry, JobsOptions
from forebay.commands.vertex.service import JOB_KINDS, OVER, Vertex, kind_of, page_of, state_of
from forebay.console.terminal import note
from forebay.pipelines.google.account import credentials_of
from forebay.pipelines.google.failures import in_words
from forebay.transforms.errors import InputError

# Where Cloud Logging answers: it has an address of its own, whatever that of Vertex AI's API is.
LOGGING = "https://logging.googleapis.com"
_SECONDS = 60.0
# The most lines that are told, and asked for at once.
_LOG_LINES = 1000
# What Vertex AI writes its jobs' lines under, by the kind of the job.
_LOG_LABELS = {
    "customJobs": 'resource.type="ml_job" resource.labels.job_id="{id}"',
    "hyperparameterTuningJobs": 'resource.type="ml_job" resource.labels.job_id="{id}"',
    "batchPredictionJobs": 'resource.type="aiplatform.googleapis.com/BatchPredictionJob" '
    'resource.labels.batch_prediction_job_id="{id}"',
    "pipelineJobs": 'resource.type="aiplatform.googleapis.com/PipelineJob" '
    'resource.labels.pipeline_job_id="{id}"',
}


def jobs(options: JobsOptions) -> list[Entry]:
    """Does what is asked of jobs; returns and raises as `services.jobs_of` does."""
    return _ACTIONS[options.action](options, _vertex(options))


def _vertex(options: JobsOptions) -> Vertex:
    return Vertex(str(options.project), str(options.region), options.endpoint)


def _list(options: JobsOptions, vertex: Vertex) -> list[Entry]:
    return sorted(_entries(vertex), key=lambda entry: entry["created"], reverse=True)


def _entries(vertex: Vertex) -> Iterator[Entry]:
    for kind in JOB_KINDS:
        client = vertex.client(kind.client)
        with in_words(vertex.service):
            found = getattr(client, f"list_{kind.noun}s")(parent=vertex.parent, timeout=_SECONDS)
            yield from map(_entry, found)


def _describe(options: JobsOptions, vertex: Vertex) -> list[Entry]:
    job = vertex.job(str(options.job))
    labels = ",".join(f"{key}={value}" for key, value in dict(job.labels).items())
    page = page_of(job.name, vertex.project)
    more = {"labels": labels, "error": job.error.message, "page": page or ""}
    return [_entry(job) | {name: value for name, value in more.items() if value}]


def _logs(options: JobsOptions, vertex: Vertex) -> list[Entry]:
    """Reads what Cloud Logging has of a job: Vertex AI itself keeps none of its lines."""
    name = vertex.job(str(options.job)).name
    newest = list(islice(_newest_lines(vertex, name), _LOG_LINES + 1))
    if len(newest) > _LOG_LINES:
        note(f"the last {_LOG_LINES:,} lines; {page_of(name, vertex.project)} leads to all")
    return [
        {
            "time": one.get("timestamp", ""),
            "importance": one.get("severity", "DEFAULT"),
            "text": str(one.get("textPayload") or one.get("jsonPayload", {}).get("message", "")),
        }
        for one in reversed(newest[:_LOG_LINES])
    ]


def _newest_lines(vertex: Vertex, name: str) -> Iterator[dict[str, Any]]:
    """Yields what a job has written, the newest first; raises as `in_words` does."""
    import google.auth.transport.requests as transport

    asked = {
        "resourceNames": [f"projects/{vertex.project}"],
        "filter": _LOG_LABELS[kind_of(name).collection].format(id=name.rpartition("/")[2]),
        "orderBy": "timestamp desc", "pageSize": _LOG_LINES,
    }  # fmt: skip
    session = transport.AuthorizedSession(credentials_of(vertex.project))
    service = replace(vertex.service, name="Cloud Logging", role="roles/logging.viewer")
    while True:
        with in_words(service):
            answer = session.post(f"{LOGGING}/v2/entries:list", json=asked, timeout=_SECONDS)
            _raise_refusal(answer)
        told = answer.json()
        yield from told.get("entries", ())
        if not told.get("nextPageToken"):  # a page may be empty, and others follow
            return
        asked["pageToken"] = told["nextPageToken"]


def _raise_refusal(answer: Any) -> None:
    from google.api_core.exceptions import from_http_response

    if not answer.ok:
        raise from_http_response(answer)


def _cancel(options: JobsOptions, vertex: Vertex) -> list[Entry]:
    job = vertex.job(str(options.job))
    if state_of(job) in OVER:
        raise InputError(f"{job.name} is over ({state_of(job)}); there is nothing to end")
    kind = kind_of(job.name)
    client = vertex.client(kind.client)
    with in_words(vertex.service):
        getattr(client, f"cancel_{kind.noun}")(name=job.name, timeout=_SECONDS)
    return [_entry(vertex.job(job.name))]


def _entry(job: Any) -> Entry:
    return {
        "id": job.name,
        "name": job.display_name,
        "state": state_of(job),
        "created": job.create_time.rfc3339() if job.create_time else "",
    }


_ACTIONS: dict[str, Callable[[JobsOptions, Vertex], list[Entry]]] = {
    "list": _list, "describe": _describe, "logs": _logs, "cancel": _cancel,
}  # fmt: skip
