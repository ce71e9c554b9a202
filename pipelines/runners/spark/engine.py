"""The engine of a standalone Spark cluster."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

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
    check_address,
    job_name,
    portable_options,
    published_jar,
    without_workers,
)
from forebay.transforms.errors import ForebayError, InputError, RunFailed

_UI_PORT = 8080
_MASTER = re.compile(r"spark://[\w.-]+:\d+(?:,[\w.-]+:\d+)*")
_VERSION_FILE = "spark-version-info.properties"
# What Java 17 lets Spark reach only where it is told to; what spark-submit would say.
_OPENED = tuple(
    f"--add-opens=java.base/{name}=ALL-UNNAMED"
    for name in (
        "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio",
        "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch",
        "sun.nio.cs", "sun.security.action", "sun.util.calendar",
    )
)  # fmt: skip
# The application is over: somebody ended it, or the master is gone.
_ENDED = re.compile(
    r"(?:Master removed our application: \w+|All masters are unresponsive"
    r"|cancelled because SparkContext was shut down|Application has been killed).*"
)
# What the cluster lost more often than it tries again.
_LOST = re.compile(r"(?:ExecutorLostFailure|FetchFailedException).*")


@dataclass(frozen=True)
class Spark(Engine):
    """A standalone Spark cluster that runs already.

    Attributes:
        master: spark://HOST:PORT of the cluster's master.
        ui: HOST:PORT of the master's web pages, which say what the cluster is; None: port 8080
            of the master's host.
        job_server: Beam's job server: its jar, which is started here with Java and is the Spark
            application's driver, or HOST:PORT of one that runs; None: Beam downloads the jar.
        workers: HOST:PORT of the pool of Python workers beside each executor, as the executor
            sees it.
    """

    name: ClassVar[str] = "spark"

    master: str | None = option("--spark-master", "URL")
    ui: str | None = option("--spark-ui", "HOST:PORT")
    job_server: str | None = option("--spark-job-server", "JAR")
    workers: str = option("--spark-workers", "HOST:PORT", "localhost:50000")

    def check_account(self) -> None:
        """Checks the options.

        Raises:
            InputError: one is missing or wrong.
        """
        if self.master is None or not _MASTER.fullmatch(self.master):
            given = "" if self.master is None else f", not {self.master}"
            raise InputError(
                f"--on spark needs --spark-master spark://HOST:PORT{given}: the address that the "
                "web page of a standalone cluster's master shows; give it"
            )
        check_address("--spark-workers", self.workers, "localhost:50000")
        if self.ui is not None:
            check_address("--spark-ui", self.ui, "master:8080")
        if not self._is_served:
            check_java(self.name)

    @property
    def _is_served(self) -> bool:
        """Whether a job server runs already."""
        return self.job_server is not None and is_address(self.job_server)

    def check(self, work: Work) -> None:
        """Asks the cluster, and compares its version with the job server's.

        Raises:
            InputError: nothing answers, nobody works for it, or versions differ; or nothing
                answers where a job server is said to run.
        """
        from forebay.pipelines.runners.spark.master import check_listening, overview

        master = str(self.master)
        check_listening(master)
        host = master.removeprefix("spark://").split(",")[0].rsplit(":", 1)[0]
        found = overview(self.ui or f"{host}:{_UI_PORT}")
        if not found.workers:
            raise InputError(
                f"--spark-master {master}: the cluster has no worker; start one, or look into its "
                "log"
            )
        if self.job_server is not None:
            if self._is_served:
                check_answering(self.job_server, self.name)
            else:
                self._check_version(found.version, spark_version_of(self.job_server))
        if not found.free_cores:
            note(
                f"--spark-master {master}: other applications have all of its cores "
                f"({found.cores}); the job waits until one is free"
            )

    def _check_version(self, cluster: str | None, jar: str | None) -> None:
        if cluster is not None and jar is not None and cluster != jar:
            raise InputError(
                f"--spark-master {self.master} runs Spark {cluster}, and --spark-job-server "
                f"{self.job_server} is of {jar}, which it does not understand; name a job server "
                f"made with {cluster}"
            )

    @contextmanager
    def open(self, work: Work) -> Iterator[Sequence[str]]:
        """Starts the job server, and packs what travels."""
        with (
            self._job_server(work) as endpoint,
            portable_options(work, job_name(work), endpoint, self.workers) as options,
        ):
            yield options

    @contextmanager
    def _job_server(self, work: Work) -> Iterator[str]:
        if self.job_server is not None and self._is_served:
            yield self.job_server
            return
        jar = self.job_server or published_jar(":runners:spark:3:job-server:shadowJar", self.name)
        artifacts = os.path.join(work.folder, work.temporary, "staged")
        arguments = ("--spark-master-url", str(self.master), "--artifacts-dir", artifacts)
        with job_server(os.path.abspath(jar), self.name, arguments, java=_OPENED) as address:
            yield address

    @contextmanager
    def watched(self, result: Any) -> Iterator[None]:
        """Cancels the job where the command ends early: a job server that runs already stays."""
        try:
            yield
        except BaseException:
            if self._is_served:
                with suppress(Exception):  # what made the command end is what is told
                    result.cancel()
            raise

    def explain(self, failure: str) -> ForebayError | None:
        """Says in one line what a failure of a job means."""
        ended = _ENDED.search(failure)
        if ended is not None:
            return RunFailed(
                f"--spark-master {self.master}: the cluster ended the application "
                f"({ended[0].strip()}); nothing was published; start it again"
            )
        missing = without_workers(self.name, self.workers, "Spark worker", failure)
        if missing is not None:
            return missing
        lost = _LOST.search(failure)
        if lost is None and not HUNG_UP.search(failure):
            return None
        told = "a Python worker has ended" if lost is None else lost[0].strip()
        return RunFailed(
            f"--spark-master {self.master}: the job failed ({told}); nothing was "
            "published; start it again, and look into the executors' logs for what ends them"
        )


def spark_version_of(jar: str) -> str | None:
    """Returns the version of Spark that a job server's jar has inside, such as ``3.5.0``.

    Returns:
        The version; None: the jar does not say.

    Raises:
        InputError: it is no jar.
    """
    with opened_jar(jar, "--spark-job-server") as archive:
        if _VERSION_FILE not in archive.namelist():
            return None
        found = re.search(r"^version=(\S+)", archive.read(_VERSION_FILE).decode(), re.M)
    return found[1] if found else None
