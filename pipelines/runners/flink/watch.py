"""A job on a cluster, watched: what somebody has to mend is not tried again and again."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from forebay.console.machine import refusal_in
from forebay.pipelines.runners.failures import TRACEBACK, raised_in
from forebay.pipelines.runners.flink.cluster import ENDED, Cluster, Job
from forebay.pipelines.runners.portable import NO_ANSWER
from forebay.transforms.errors import ForebayError, UserError

_POLL_SECONDS = 1.0


class Watch:
    """Looks at the newest job of a name until it is told to stop.

    Flink starts failed work anew as often as its restart strategy says. Where a step says what the
    user has to mend, or a disk is full, that is in vain: then the job is cancelled.

    Args:
        cluster: where.
        name: the job's.
        explain: says what a stack trace means that is none of our own exceptions.

    Attributes:
        has_cancelled: whether this has cancelled the job.
    """

    def __init__(
        self, cluster: Cluster, name: str, explain: Callable[[str], ForebayError | None]
    ) -> None:
        self.has_cancelled = False
        self._failure: Exception | None = None
        self._cluster = cluster
        self._name = name
        self._explain = explain
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Looks once.

        Raises:
            OSError: the cluster does not answer.
        """
        job = self._job()
        if job is None:
            return
        texts = self._cluster.failures(job.id)
        known = [one for one in map(self._meaning, texts) if one is not None]
        in_vain = next(filter(_is_in_vain, known), None)
        self._failure = in_vain or next(iter(known), self._failure)
        if in_vain is not None and job.state not in ENDED:
            self._cluster.cancel(job.id)
            self.has_cancelled = True

    def reraise(self, error: Exception, *, is_cancelled: bool) -> NoReturn:
        """Raises what the cluster says of a failure, which is more than the runner does.

        Args:
            error: the runner's.
            is_cancelled: whether that says that the job was cancelled.
        """
        with suppress(*NO_ANSWER):  # the runner's words then
            self.look()
        if self._failure is not None and is_cancelled == self.has_cancelled:
            raise self._failure from error
        raise error

    def _meaning(self, text: str) -> Exception | None:
        """Returns what a stack trace says; None: no more than the runner does."""
        told = raised_in(text) or self._explain(text)
        if told is None and (TRACEBACK in text or refusal_in(text) is not None):
            return RuntimeError(text)
        return told

    def _job(self) -> Job | None:
        ours = [job for job in self._cluster.jobs() if job.name == self._name]
        return max(ours, key=lambda job: job.started, default=None)

    def _look(self) -> None:
        while not (self._stop.wait(_POLL_SECONDS) or self.has_cancelled):
            with suppress(*NO_ANSWER):  # the job goes on all the same, and so does the run
                self.look()


def _is_in_vain(failure: Exception) -> bool:
    """Tells whether what failed fails again until somebody mends it."""
    refusal = refusal_in(str(failure))
    return isinstance(failure, UserError) or (refusal is not None and refusal.is_lasting)
