"""Jobs of Dataflow, asked for through Google's own client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forebay.commands.jobs.options import Entry, JobsOptions
from forebay.pipelines.google.account import credentials_of
from forebay.pipelines.google.checks import require_clients
from forebay.pipelines.google.failures import in_words
from forebay.pipelines.runners.dataflow.engine import Dataflow
from forebay.pipelines.runners.dataflow.failures import service_of
from forebay.transforms.errors import InputError

_SECONDS = 60.0


def jobs(options: JobsOptions) -> list[Entry]:
    """Does what is asked of jobs.

    Returns:
        For ``list`` the jobs, the newest first; for ``logs`` the messages, the oldest first; for
        ``describe`` and ``cancel`` the one job, as it is then.

    Raises:
        InputError: Google refuses, there is no such job, or it is over already.
        RunFailed: nothing answers.
    """
    require_clients("Dataflow", "google.cloud.dataflow")
    with in_words(service_of(options.project, options.region)):
        return _ACTIONS[options.action](options)


def _list(options: JobsOptions) -> list[Entry]:
    from google.cloud import dataflow

    request = dataflow.ListJobsRequest(project_id=options.project, location=options.region)
    found = [_entry(job) for job in _jobs_client(options).list_jobs(request, timeout=_SECONDS)]
    return sorted(found, key=lambda entry: entry["created"], reverse=True)


def _describe(options: JobsOptions) -> list[Entry]:
    job = _job(options)
    labels = ",".join(f"{key}={value}" for key, value in dict(job.labels).items())
    more = {"labels": labels, "page": Dataflow(options.project, options.region).page(job.id)}
    return [_entry(job) | {name: value for name, value in more.items() if value}]


def _logs(options: JobsOptions) -> list[Entry]:
    from google.cloud import dataflow

    client = dataflow.MessagesV1Beta3Client(**_connection(options))
    request = dataflow.ListJobMessagesRequest(
        project_id=options.project, location=options.region, job_id=options.job
    )
    return [
        {
            "time": one.time.rfc3339(),
            "importance": dataflow.JobMessageImportance(one.message_importance).name.removeprefix(
                "JOB_MESSAGE_"
            ),
            "text": one.message_text,
        }
        for one in client.list_job_messages(request, timeout=_SECONDS)
    ]


def _cancel(options: JobsOptions) -> list[Entry]:
    from google.cloud import dataflow

    before = _entry(_job(options))
    if before["state"] in _OVER:
        raise InputError(f"job {options.job} is over ({before['state']}); there is nothing to end")
    request = dataflow.UpdateJobRequest(
        project_id=options.project, location=options.region, job_id=options.job,
        job=dataflow.Job(requested_state=dataflow.JobState.JOB_STATE_CANCELLED),
    )  # fmt: skip
    return [_entry(_jobs_client(options).update_job(request, timeout=_SECONDS))]


_OVER = ("DONE", "FAILED", "CANCELLED", "UPDATED", "DRAINED")
_ACTIONS: dict[str, Callable[[JobsOptions], list[Entry]]] = {
    "list": _list, "describe": _describe, "logs": _logs, "cancel": _cancel,
}  # fmt: skip


def _job(options: JobsOptions) -> Any:
    from google.cloud import dataflow

    request = dataflow.GetJobRequest(
        project_id=options.project, location=options.region, job_id=options.job
    )
    return _jobs_client(options).get_job(request, timeout=_SECONDS)


def _entry(job: Any) -> Entry:
    from google.cloud import dataflow

    return {
        "id": job.id,
        "name": job.name,
        "state": dataflow.JobState(job.current_state).name.removeprefix("JOB_STATE_"),
        "created": job.create_time.rfc3339() if job.create_time else "",
    }


def _jobs_client(options: JobsOptions) -> Any:
    from google.cloud import dataflow

    return dataflow.JobsV1Beta3Client(**_connection(options))


def _connection(options: JobsOptions) -> dict[str, Any]:
    where = {"api_endpoint": options.endpoint.rstrip("/")} if options.endpoint else None
    return {
        "credentials": credentials_of(options.project),
        "transport": "rest",
        "client_options": where,
    }
