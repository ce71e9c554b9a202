"""``jobs`` and ``vertex``, from Python."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from forebay.commands.jobs.options import JobsOptions
from forebay.commands.vertex.options import SPECS
from forebay.console.arguments import did_you_mean
from forebay.functions.signatures import takes
from forebay.transforms.errors import InputError


@takes(JobsOptions)
def jobs(options: JobsOptions) -> list[dict[str, str]]:
    """Shows and ends jobs on Dataflow, on Vertex AI or on a Flink cluster.

    Returns:
        For ``list`` the jobs, the newest first; for ``logs`` the messages, the oldest first; for
        ``describe`` and ``cancel`` the one job, as it is then.

    Raises:
        InputError: the service refuses, there is no such job, or it is over already.
        RunFailed: nothing answers.
    """
    from forebay.commands.jobs.services import jobs_of

    return jobs_of(options)


def vertex(action: str, *, submit: bool = False, wait: bool = False, **options: Any) -> Any:
    """Writes, and sends, what trains and serves on Vertex AI.

    Args:
        action: ``train``, ``tune``, ``upload``, ``endpoint``, ``predict`` or ``pipeline``.
        submit: send it, after a look at credentials and buckets.
        wait: with ``submit``, wait for the job's end.
        options: the options of the action, by the names of its flags; those of a training as
            ``train``, a `TrainOptions`, and of a search as ``sweep``, a `SweepOptions`.

    Returns:
        The spec in the words of Vertex AI's REST API; of what was sent, the names of what was made.

    Raises:
        InputError: options, credentials, buckets, project or region are not as they must be.
        RunFailed: nothing answers; or the job that is waited for failed.
    """
    from forebay.commands.vertex.command import submit as send
    from forebay.commands.vertex.service import checked

    if action not in SPECS:
        raise InputError(f"vertex: action={action!r} is none; use one of {', '.join(SPECS)}")
    kind = SPECS[action]
    known = {one.name for one in fields(kind)}
    for name in options:
        if name not in known:
            raise TypeError(f"vertex has no option {name!r}{did_you_mean(name, known)}")
    spec = kind(**options)
    checked(spec.requests())
    return send(spec, wait=wait).names if submit else spec.file()
