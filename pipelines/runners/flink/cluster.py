"""A Flink cluster, asked through the REST API of its job manager."""

import json
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from forebay.pipelines.runners.portable import answering

_SECONDS = 10.0
_POLL_SECONDS = 0.2
CURE = "start the cluster, or name its job manager's REST address"
# A job in one of these does not change any more.
ENDED = ("FINISHED", "CANCELED", "FAILED", "SUSPENDED")


@dataclass(frozen=True)
class Overview:
    """What a cluster says of itself.

    Attributes:
        version: Flink's, such as ``1.19.3``.
        task_managers, slots: how many it has.
    """

    version: str
    task_managers: int
    slots: int


@dataclass(frozen=True)
class Job:
    """One job of a cluster.

    Attributes:
        id: Flink's name for it.
        name: ours.
        state: such as ``RUNNING``.
        started: when it was, in milliseconds since 1970.
    """

    id: str
    name: str
    state: str
    started: int


@dataclass(frozen=True)
class Failure:
    """What made a job fail, or start some of its work anew.

    Attributes:
        at: when, in milliseconds since 1970.
        text: the stack trace, or what else the cluster has.
    """

    at: int
    text: str


class Cluster:
    """The cluster of a job manager.

    Args:
        master: HOST:PORT of its REST API.
    """

    def __init__(self, master: str) -> None:
        self.master = master
        self.address = (master if "://" in master else f"http://{master}").rstrip("/")

    def overview(self) -> Overview:
        """Asks what the cluster is.

        Raises:
            InputError: nothing answers, or it is no job manager.
        """
        with answering(f"--flink-master {self.master}", "Flink", CURE):
            told = self._ask("/v1/overview")
            return Overview(told["flink-version"], told["taskmanagers"], told["slots-total"])

    def jobs(self) -> Iterator[Job]:
        """Yields the jobs that the cluster remembers.

        Raises:
            OSError: nothing answers.
        """
        for told in self._ask("/v1/jobs/overview")["jobs"]:
            yield Job(told["jid"], told["name"], told["state"], told["start-time"])

    def tasks(self, job: str) -> dict[str, int]:
        """Returns how many of a job's tasks are in each state.

        Raises:
            OSError: nothing answers.
        """
        counts = self._ask(f"/v1/jobs/{job}")["status-counts"]
        return {str(state).lower(): int(count) for state, count in counts.items()}

    def failures(self, job: str) -> Iterator[str]:
        """Yields what made a job fail, or start some of its work anew, newest first.

        Raises:
            OSError: nothing answers.
        """
        yield from (failure.text for failure in self.dated_failures(job))

    def dated_failures(self, job: str) -> Iterator[Failure]:
        """Yields the same, and when it was.

        Raises:
            OSError: nothing answers.
        """
        told = self._ask(f"/v1/jobs/{job}/exceptions")
        for entry in told.get("exceptionHistory", {}).get("entries", ()):
            text = entry.get("stacktrace") or entry.get("exceptionName", "")
            yield Failure(int(entry.get("timestamp", 0)), text)

    def cancel(self, job: str) -> None:
        """Asks the cluster to cancel a job.

        Raises:
            OSError: nothing answers.
        """
        self._ask(f"/v1/jobs/{job}?mode=cancel", method="PATCH")

    def cancel_all(self, name: str) -> None:
        """Cancels what has not ended of the jobs of a name, and waits a while for their ends.

        Raises:
            OSError: nothing answers.
        """
        given_up = time.monotonic() + _SECONDS
        asked: set[str] = set()
        while left := {j.id for j in self.jobs() if j.name == name and j.state not in ENDED}:
            for job in left - asked:
                self.cancel(job)
            asked |= left
            if time.monotonic() > given_up:
                return
            time.sleep(_POLL_SECONDS)

    def _ask(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(self.address + path, method=method)  # noqa: S310
        opened = urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310
        with opened as response:
            return json.loads(response.read() or b"{}")
