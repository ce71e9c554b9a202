"""The engine of a Flink cluster."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from forebay.console.terminal import note
from forebay.pipelines.runners.engine import Engine, Work, option
from forebay.pipelines.runners.job_server import (
    check_answering,
    check_java,
    is_address,
    job_server,
    opened_jar,
)
from forebay.pipelines.runners.portable import (
    HUNG_UP,
    NO_ANSWER,
    check_address,
    job_name,
    portable_options,
    published_jar,
    without_workers,
)
from forebay.pipelines.sources.arguments import positive
from forebay.transforms.errors import ForebayError, InputError, RunFailed

# What it takes to ask a cluster is loaded when one is asked: help has these flags, too.
if TYPE_CHECKING:
    from forebay.pipelines.runners.flink.cluster import Cluster, Overview

# What the job server says of a job that was cancelled, which differs with the moment.
_CANCELLED = re.compile(r"failed in state CANCELLED|JobCancellationException")
# A worker waits so long for the next stage, where Beam's classes are the cluster's own. One that is
# lost is missed no sooner, so that a cluster has to wait longer before it begins work anew.
_WORKER_WAITS = "--environment_cache_millis=2000"
# It translates two pipelines and ends: compiling Java well takes longer than what that gains.
_JAVA = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_RUNNER = re.compile(r"META-INF/maven/org\.apache\.beam/beam-runners-flink-(\d+\.\d+)/pom\.xml")
# What the cluster lost on the way: a task manager, its answers, or a worker.
_LOST = re.compile(
    r"(?:TimeoutException: Heartbeat|TimeoutException: The TaskExecutor is shutting"
    r"|RemoteTransportException|JobMasterException: TaskManager|No client connected within timeout"
    r"|PartitionNotFound|AskTimeoutException|ConnectionException: Connection to TaskManager).*"
)


@dataclass(frozen=True)
class Flink(Engine):
    """A Flink cluster that runs already.

    Attributes:
        master: HOST:PORT of the REST API of the cluster's job manager.
        job_server: Beam's job server: its jar for the cluster's version, which is started here
            with Java, or HOST:PORT of one that runs; None: Beam downloads the jar.
        workers: HOST:PORT of the pool of Python workers beside each task manager, as the task
            manager sees it.
        parallelism: how many pieces of work run at once; None: as many as the cluster has slots.
    """

    name: ClassVar[str] = "flink"

    master: str | None = option("--flink-master", "HOST:PORT")
    job_server: str | None = option("--flink-job-server", "JAR")
    workers: str = option("--flink-workers", "HOST:PORT", "localhost:50000")
    parallelism: int | None = option("--flink-parallelism", "N", read=positive)

    def check_account(self) -> None:
        """Checks the options.

        Raises:
            InputError: one is missing or wrong.
        """
        if self.master is None:
            raise InputError(
                "--on flink needs --flink-master HOST:PORT, the address of its job manager's REST "
                "API; give it"
            )
        check_address("--flink-master", self.master, "job-manager:8081")
        check_address("--flink-workers", self.workers, "localhost:50000")
        if not self._is_served:
            check_java(self.name)

    @property
    def _is_served(self) -> bool:
        """Whether a job server runs already."""
        return self.job_server is not None and is_address(self.job_server)

    def check(self, work: Work) -> None:
        """Asks the cluster, and compares its version with the job server's.

        Raises:
            InputError: nothing answers, there are too few task managers, or versions differ; or
                nothing answers where a job server is said to run.
        """
        found = self._cluster.overview()
        if not found.slots:
            raise InputError(
                f"--flink-master {self.master}: the cluster has no task manager; start one, or "
                "look into its log"
            )
        if self.parallelism is not None and self.parallelism > found.slots:
            raise InputError(
                f"--flink-parallelism {self.parallelism} is more than the {found.slots} slots of "
                "the cluster; ask for as many at most, or start task managers"
            )
        if self.job_server is not None:
            if self._is_served:
                check_answering(self.job_server, self.name)
            else:
                self._check_version(found, flink_version_of(self.job_server))

    def _check_version(self, found: Overview, version: str | None) -> None:
        if version is not None and version != _minor(found.version):
            raise InputError(
                f"--flink-master {self.master} runs Flink {found.version}, and --flink-job-server "
                f"{self.job_server} is for {version}; name the job server for "
                f"{_minor(found.version)}"
            )

    @property
    def _cluster(self) -> Cluster:
        from forebay.pipelines.runners.flink.cluster import Cluster

        return Cluster(str(self.master))

    @contextmanager
    def open(self, work: Work) -> Iterator[Sequence[str]]:
        """Starts the job server, and packs what travels; no job outlives what ends early."""
        found, name = self._cluster.overview(), job_name(work)
        with (
            self._job_server(found, work) as endpoint,
            portable_options(work, name, endpoint, self.workers) as options,
        ):
            try:
                yield (
                    *options,
                    f"--parallelism={self.parallelism or found.slots}",
                    _WORKER_WAITS,
                )
            except BaseException:  # before all else: after Ctrl-C there is little time
                with suppress(*NO_ANSWER):
                    self._cluster.cancel_all(name)
                raise

    @contextmanager
    def _job_server(self, found: Overview, work: Work) -> Iterator[str]:
        if self.job_server is not None and self._is_served:
            yield self.job_server
            return
        jar = self.job_server or _published(_minor(found.version))
        artifacts = os.path.join(work.folder, work.temporary, "staged")
        arguments = ("--flink-master", str(self.master), "--artifacts-dir", artifacts)
        with job_server(os.path.abspath(jar), self.name, arguments, java=_JAVA) as address:
            yield address

    @contextmanager
    def watched(self, result: Any) -> Iterator[None]:
        """Ends the job where a user has to mend something.

        Args:
            result: Beam's `PipelineResult`.
        """
        from forebay.pipelines.runners.flink.watch import Watch

        name = result._job_id.rpartition("_")[0]  # what was asked for, and a number
        note(f"Flink job {name}: {self._cluster.address}")
        with Watch(self._cluster, name, self.explain) as watch:
            try:
                yield
            except Exception as error:
                watch.reraise(error, is_cancelled=bool(_CANCELLED.search(str(error))))

    def explain(self, failure: str) -> ForebayError | None:
        """Says in one line what a failure of a job means."""
        if _CANCELLED.search(failure):
            return RunFailed(
                f"--flink-master {self.master}: somebody cancelled the job; nothing was published; "
                "start it again"
            )
        missing = without_workers(self.name, self.workers, "task manager", failure)
        if missing is not None:
            return missing
        if "NoResourceAvailable" in failure:
            return RunFailed(
                f"--flink-master {self.master}: other jobs have its slots, or task managers are "
                "gone; nothing was published; start it again when there are slots, or with "
                "fewer by --flink-parallelism"
            )
        lost = _LOST.search(failure)
        if lost is not None or HUNG_UP.search(failure):
            told = "a Python worker has ended" if lost is None else lost[0].strip()
            return RunFailed(
                f"--flink-master {self.master}: the job failed ({told}); nothing was published; "
                "start it again, and give the cluster a restart-strategy of more attempts"
            )
        return None


def flink_version_of(jar: str) -> str | None:
    """Returns the version of Flink that a job server's jar is for, such as ``1.19``.

    Returns:
        The version; None: the jar does not say.

    Raises:
        InputError: it is no jar.
    """
    with opened_jar(jar, "--flink-job-server") as archive:
        found = {match[1] for match in map(_RUNNER.fullmatch, archive.namelist()) if match}
    return found.pop() if len(found) == 1 else None


def _minor(version: str) -> str:
    """Returns the first two numbers of a version."""
    return ".".join(version.split(".")[:2])


def _published(version: str) -> str:
    """Returns the jar of the job server that Beam publishes for a version of Flink.

    Raises:
        InputError: there is none, or it cannot be downloaded.
    """
    from apache_beam.options.pipeline_options import FlinkRunnerOptions

    known = FlinkRunnerOptions.PUBLISHED_FLINK_VERSIONS
    if version not in known:
        raise InputError(
            f"the cluster runs Flink {version}, for which this version of Beam has no job server; "
            f"it has them for {', '.join(known)}"
        )
    return published_jar(f":runners:flink:{version}:job-server:shadowJar", Flink.name)
