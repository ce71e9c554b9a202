"""The flights on a Flink cluster of this machine, parts of which are killed: `make test-flink`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flink_cluster
import pytest
from flink_cluster import JOB_SERVER, LOGS, MASTER, WORKERS
from same_runs import command, content, preprocessed

pytestmark = [pytest.mark.flink, pytest.mark.timeout(2 * 2400)]

FLAGS = (
    "--on", "flink", "--flink-master", MASTER, "--flink-workers", WORKERS,
    "--flink-job-server", str(JOB_SERVER), "--flink-parallelism", "2",
)  # fmt: skip
_LIVES = ("CREATED", "RUNNING", "RESTARTING")
_SECONDS = 2400


@pytest.fixture(autouse=True)
def cluster() -> Iterator[None]:
    """The whole cluster, before and after each test."""
    flink_cluster.start()
    yield
    for job in jobs():
        if job["state"] in _LIVES:
            cancel(job["jid"])


def jobs() -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"http://{MASTER}/v1/jobs/overview") as answer:
        return list(json.loads(answer.read())["jobs"])


def cancel(job: str) -> None:
    asked = urllib.request.Request(f"http://{MASTER}/v1/jobs/{job}?mode=cancel", method="PATCH")
    urllib.request.urlopen(asked).close()


def until(found: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
    """Waits for something to be found while a process runs."""
    for _ in range(_SECONDS * 5):
        what = found()
        if what:
            return what
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.2)
    raise AssertionError("nothing was found")


class Started:
    """A preprocess on the cluster, under way."""

    def __init__(self, flights: Path, run: Path) -> None:
        self.run = run
        self.process = subprocess.Popen(
            command(flights, run, FLAGS), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def until_transform(self) -> None:
        """Waits until the second pipeline's first stage has ended."""
        until(lambda: list(self.run.glob(".forebay-*/temporary/tft/*")), self.process)

    def until_job(self) -> str:
        """Waits for the first job, and returns its name."""
        until(lambda: [job for job in jobs() if job["state"] == "RUNNING"], self.process)
        return next(job["jid"] for job in jobs() if job["state"] == "RUNNING")

    def end(self) -> tuple[int, str]:
        """Waits for the end; returns the status and the last line of standard error."""
        told = self.process.communicate(timeout=_SECONDS)[1]
        return self.process.returncode, told.strip().splitlines()[-1]


@pytest.fixture
def started(flights: Path, tmp_path: Path) -> Iterator[Started]:
    under_way = Started(flights, tmp_path / "flink")
    yield under_way
    under_way.process.kill()
    under_way.process.wait()


def newest_worker() -> int:
    """Returns the process of the worker that was started last and still runs; 0: none does."""
    found = re.findall(r"process (\d+)", (LOGS / "workers.log").read_text())
    return next((int(n) for n in reversed(found) if Path(f"/proc/{n}").exists()), 0)


def test_the_run_is_that_of_the_local_engine(flights: Path, local: Path, tmp_path: Path) -> None:
    run = preprocessed(flights, tmp_path / "flink", FLAGS)

    assert content(run) == content(local)
    assert sorted(path.name for path in run.iterdir()) == sorted(
        path.name for path in local.iterdir()
    )


def test_what_is_killed_half_way_changes_nothing(started: Started, local: Path) -> None:
    """A worker while rows are read, another and a task manager while they are transformed."""
    started.until_job()
    os.kill(until(newest_worker, started.process), signal.SIGKILL)
    started.until_transform()
    os.kill(until(newest_worker, started.process), signal.SIGKILL)
    os.kill(flink_cluster.processes()["task-manager-1"], signal.SIGKILL)

    assert started.end()[0] == 0
    assert content(started.run) == content(local)


def test_a_job_that_somebody_cancels_ends_in_a_line_and_no_run(started: Started) -> None:
    cancel(started.until_job())

    assert started.end() == (
        1,
        f"error: --flink-master {MASTER}: somebody cancelled the job; no run was made; start it "
        "again",
    )
    assert not started.run.exists()


def test_workers_that_are_not_there_are_named(flights: Path, tmp_path: Path) -> None:
    words = command(flights, tmp_path / "flink", [*FLAGS, "--flink-workers", "localhost:1"])

    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: --flink-workers localhost:1: a task manager found no workers")
    assert not (tmp_path / "flink").exists()
