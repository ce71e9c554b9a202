"""The flights on a Spark cluster of this machine, an executor of which is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import spark_cluster
from clusters import pool_of_another_version
from same_runs import Answers, answered, command, content, preprocessed, raising
from spark_cluster import HERE, JOB_SERVER, MASTER, PROCESSES, UI, WORKERS
from under_way import UnderWay, processes_of

from forebay.pipelines.runners.job_server import job_server
from forebay.pipelines.runners.spark.engine import _OPENED

pytestmark = [pytest.mark.spark, pytest.mark.timeout(2 * 2400)]

FLAGS = (
    "--on", "spark", "--spark-master", MASTER, "--spark-ui", UI, "--spark-workers", WORKERS,
    "--spark-job-server", str(JOB_SERVER),
)  # fmt: skip


@pytest.fixture(autouse=True)
def cluster() -> None:
    """The whole cluster, before each test."""
    spark_cluster.start()


@pytest.fixture
def run(flights: Path, tmp_path: Path) -> Iterator[UnderWay]:
    (tmp_path / "runs").mkdir()
    started = UnderWay(flights, tmp_path / "runs" / "spark", FLAGS)
    yield started
    started.stop()


def executors() -> list[int]:
    """The executors of this cluster, the oldest first."""
    return processes_of("CoarseGrainedExecutorBackend", str(HERE))


def test_the_run_is_that_of_the_local_engine(flights: Path, local: Path, tmp_path: Path) -> None:
    made = preprocessed(flights, tmp_path / "spark", FLAGS)

    assert content(made) == content(local)
    assert sorted(path.name for path in made.iterdir()) == sorted(
        path.name for path in local.iterdir()
    )


def test_answers_are_those_of_the_local_engine(
    model: Path, flights: Path, local_answers: Answers, tmp_path: Path
) -> None:
    assert answered(model, flights, tmp_path / "answers", FLAGS) == local_answers


def test_executors_that_are_killed_half_way_change_nothing(run: UnderWay, local: Path) -> None:
    """One while rows are read, and one while they are transformed."""
    run.until(executors)
    run.until_workers(PROCESSES, 3)
    os.kill(executors()[0], signal.SIGKILL)
    run.until_transform()
    run.until_workers(PROCESSES, 3)
    os.kill(run.until(executors)[0], signal.SIGKILL)

    assert run.end()[0] == 0
    assert content(run.run) == content(local)


def test_ctrl_c_ends_the_application_and_leaves_nothing(run: UnderWay) -> None:
    interrupt(run)


def test_ctrl_c_cancels_the_job_of_a_job_server_that_stays(flights: Path, tmp_path: Path) -> None:
    arguments = ("--spark-master-url", MASTER, "--artifacts-dir", str(tmp_path / "staged"))
    with job_server(str(JOB_SERVER), "spark", arguments, java=_OPENED) as address:
        run = UnderWay(flights, tmp_path / "spark", [*FLAGS, "--spark-job-server", address])
        try:
            interrupt(run)
        finally:
            run.stop()


def interrupt(run: UnderWay) -> None:
    """Sends Ctrl-C once executors work, and sees that nothing of it goes on."""
    run.until(executors)
    run.interrupt()

    assert run.end()[0] == 130
    assert run.leaves_nothing()
    for _ in range(600):
        if not executors():
            return
        time.sleep(0.1)
    raise AssertionError("an executor lives on")


def test_workers_that_are_not_there_are_named(flights: Path, tmp_path: Path) -> None:
    words = command(flights, tmp_path / "spark", [*FLAGS, "--spark-workers", "localhost:1"])
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: --spark-workers localhost:1: a Spark worker found no workers")
    assert done.returncode == 1
    assert not (tmp_path / "spark").exists()


def test_workers_of_another_version_say_which(flights: Path, tmp_path: Path) -> None:
    with pool_of_another_version() as workers:
        words = command(flights, tmp_path / "spark", [*FLAGS, "--spark-workers", workers])
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    line = done.stderr.strip().splitlines()[-1]
    assert " has apache-beam 0.1, not " in line
    assert line.endswith("install the same there, and start the workers anew")
    assert not (tmp_path / "spark").exists()


def test_what_a_step_raises_is_told_as_it_is(flights: Path, tmp_path: Path) -> None:
    definition = raising(tmp_path, "no zone like that")
    words = command(flights, tmp_path / "spark", FLAGS, definition)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no zone like that" in done.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "spark").exists()
