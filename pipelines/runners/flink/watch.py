"""A job on a cluster, watched: what a user has to mend is not tried again and again."""

import threading
from contextlib import suppress
from typing import NoReturn

from forebay.pipelines.runners.failures import raised_in
from forebay.pipelines.runners.flink.cluster import ENDED, Cluster
from forebay.transforms.errors import ForebayError, UserError

_POLL_SECONDS = 1.0


class Watch:
    """Looks at the jobs of a name until it is told to stop.

    Flink starts failed work anew as often as its restart strategy says. Where a step says what the
    user has to mend, that is in vain: then the job is cancelled.

    Args:
        cluster: where.
        name: the jobs'.

    Attributes:
        failure: what was found, and the job cancelled for.
    """

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.failure: ForebayError | None = None
        self._cluster = cluster
        self._name = name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def cancel(self) -> None:
        """Cancels the jobs that have not ended."""
        for job in self._cluster.jobs():
            if job.name == self._name and job.state not in ENDED:
                self._cluster.cancel(job.id)

    def reraise(self, error: Exception) -> NoReturn:
        """Raises what was found in place of what the runner says of the cancelled job."""
        if self.failure is not None:
            raise self.failure from error
        raise error

    def _look(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            with suppress(OSError, ValueError, KeyError):  # the job goes on, and so does the run
                if self._find():
                    return

    def _find(self) -> bool:
        for job in self._cluster.jobs():
            if job.name != self._name or job.state in ENDED:
                continue
            for text in self._cluster.failures(job.id):
                found = raised_in(text)
                if isinstance(found, UserError):
                    self.failure = found
                    self._cluster.cancel(job.id)
                    return True
        return False
