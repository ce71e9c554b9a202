"""Jobs of a Flink cluster, asked for through the REST API of its job manager."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from forebay.commands.jobs.options import Entry, JobsOptions
from forebay.pipelines.runners.flink.cluster import CURE, ENDED, Cluster, Job
from forebay.pipelines.runners.portable import answering
from forebay.transforms.errors import InputError, RunFailed

_CANCEL_SECONDS = 30.0
_POLL_SECONDS = 0.5


def jobs(options: JobsOptions) -> list[Entry]:
    """Does what is asked of jobs; returns and raises as `services.jobs_of` does."""
    cluster = Cluster(str(options.flink_master))
    with _in_words(options):
        return _ACTIONS[options.action](options, cluster)


def _list(options: JobsOptions, cluster: Cluster) -> list[Entry]:
    found = sorted(cluster.jobs(), key=lambda job: job.started, reverse=True)
    return [_entry(job) for job in found]


def _describe(options: JobsOptions, cluster: Cluster) -> list[Entry]:
    job = _job(options, cluster)
    newest = next(cluster.dated_failures(job.id), None)
    error = newest.text.strip().partition("\n")[0] if newest else ""
    tasks = ", ".join(f"{count} {state}" for state, count in cluster.tasks(job.id).items() if count)
    more = {"tasks": tasks, "error": error, "page": f"{cluster.address}/#/job/{job.id}"}
    return [_entry(job) | {name: value for name, value in more.items() if value}]


def _logs(options: JobsOptions, cluster: Cluster) -> list[Entry]:
    """Tells what went wrong in a job: a cluster's other lines are of no job of their own."""
    job = _job(options, cluster)
    return [
        {"time": _instant(one.at), "importance": "ERROR", "text": one.text.strip()}
        for one in reversed(list(cluster.dated_failures(job.id)))
    ]


def _cancel(options: JobsOptions, cluster: Cluster) -> list[Entry]:
    job = _job(options, cluster)
    if job.state in ENDED:
        raise InputError(f"job {job.id} is over ({job.state}); there is nothing to end")
    cluster.cancel(job.id)
    end = time.monotonic() + _CANCEL_SECONDS
    while (job := _job(options, cluster)).state not in ENDED and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
    return [_entry(job)]


def _job(options: JobsOptions, cluster: Cluster) -> Job:
    found = next((job for job in cluster.jobs() if job.id == options.job), None)
    if found is None:
        raise InputError(
            f"JOB {options.job!r}: the cluster at {cluster.master} knows no such job; `forebay "
            f"jobs list --on flink --flink-master {cluster.master}` tells those that it remembers"
        )
    return found


def _entry(job: Job) -> Entry:
    return {"id": job.id, "name": job.name, "state": job.state, "created": _instant(job.started)}


def _instant(milliseconds: int) -> str:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC).isoformat(timespec="milliseconds")


def _in_words(options: JobsOptions) -> AbstractContextManager[None]:
    """Says in a line what asking a cluster raises."""
    return answering(f"--flink-master {options.flink_master}", "Flink", CURE, RunFailed)


_ACTIONS: dict[str, Callable[[JobsOptions, Cluster], list[Entry]]] = {
    "list": _list, "describe": _describe, "logs": _logs, "cancel": _cancel,
}  # fmt: skip
