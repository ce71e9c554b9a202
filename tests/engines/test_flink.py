"""The flights on a Flink cluster of this machine, parts of which are killed: `make test-flink`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import flink_cluster
import pytest
from clusters import pool_of_another_version
from flink_cluster import JOB_SERVER, MASTER, PROCESSES, WORKERS
from same_runs import Answers, answered, command, content, preprocessed, raising
from small_disk import small_disk
from under_way import UnderWay

from forebay.cli import main
from forebay.pipelines.runners.flink.cluster import ENDED, Cluster, Job

pytestmark = [pytest.mark.flink, pytest.mark.timeout(2 * 2400)]

FLAGS = (
    "--on", "flink", "--flink-master", MASTER, "--flink-workers", WORKERS,
    "--flink-job-server", str(JOB_SERVER), "--flink-parallelism", "2",
)  # fmt: skip
CLUSTER = Cluster(MASTER)


@pytest.fixture(autouse=True)
def cluster() -> Iterator[None]:
    """The whole cluster, before each test, and no job on it afterwards."""
    flink_cluster.start()
    yield
    for job in CLUSTER.jobs():
        if job.state not in ENDED:
            CLUSTER.cancel(job.id)


@pytest.fixture
def start(flights: Path, tmp_path: Path) -> Iterator[Callable[..., UnderWay]]:
    """Starts a run, with further flags."""
    started: list[UnderWay] = []

    def begin(*flags: str) -> UnderWay:
        started.append(UnderWay(flights, tmp_path / "runs" / "flink", [*FLAGS, *flags]))
        return started[-1]

    (tmp_path / "runs").mkdir()
    yield begin
    for one in started:
        one.stop()


@pytest.fixture
def without_restarts() -> Iterator[None]:
    """Has a cluster that tries nothing again."""
    PROCESSES.stop()
    flink_cluster.start("-Drestart-strategy.type=none")
    yield
    PROCESSES.stop()
    flink_cluster.start()


def running() -> Job | None:
    """The job that runs."""
    return next((job for job in CLUSTER.jobs() if job.state == "RUNNING"), None)


def busy_task_manager() -> str | None:
    """A task manager that runs a task of the job: one that only holds a slot of it isn't missed."""
    job = running()
    if job is None:
        return None
    for vertex in CLUSTER._ask(f"/v1/jobs/{job.id}")["vertices"]:
        told = CLUSTER._ask(f"/v1/jobs/{job.id}/vertices/{vertex['id']}/taskmanagers")
        for one in told["taskmanagers"]:
            name: str = one["taskmanager-id"]
            if one["status-counts"]["RUNNING"] and PROCESSES.runs(name):
                return name
    return None


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What ``forebay jobs`` prints of the cluster."""
    capsys.readouterr()
    assert main(["jobs", *words, "--on", "flink", "--flink-master", MASTER, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def failures(known: Sequence[Job]) -> list[int]:
    """How often something failed in each job that is not known, the oldest first."""
    ids = {job.id for job in known}
    new = sorted((j for j in CLUSTER.jobs() if j.id not in ids), key=lambda job: job.started)
    return [len(list(CLUSTER.failures(job.id))) for job in new]


def test_the_run_is_that_of_the_local_engine(flights: Path, local: Path, tmp_path: Path) -> None:
    run = preprocessed(flights, tmp_path / "flink", FLAGS)

    assert content(run) == content(local)
    assert sorted(path.name for path in run.iterdir()) == sorted(
        path.name for path in local.iterdir()
    )


def test_rows_that_go_through_flinks_own_shuffle_make_the_same_run(
    flights: Path, local: Path, tmp_path: Path
) -> None:
    run = preprocessed(flights, tmp_path / "flink", [*FLAGS, "--", "--shuffle_by=runner"])

    assert content(run) == content(local)


def test_answers_are_those_of_the_local_engine(
    model: Path, flights: Path, local_answers: Answers, tmp_path: Path
) -> None:
    assert answered(model, flights, tmp_path / "answers", FLAGS) == local_answers


@pytest.mark.parametrize("victim", ["worker", "task manager"])
def test_what_is_killed_half_way_changes_nothing(
    start: Callable[..., UnderWay], local: Path, victim: str
) -> None:
    """While rows are read, and while they are transformed."""
    known = list(CLUSTER.jobs())
    run = start()

    def kill(pipelines: int) -> None:
        run.until(lambda: len(failures(known)) == pipelines and running())
        if victim == "worker":
            run.kill_workers(PROCESSES, lambda: [*failures(known), 0][pipelines - 1])
        else:
            PROCESSES.kill(run.until(busy_task_manager))

    kill(1)
    flink_cluster.start()  # a new task manager, as Kubernetes would
    kill(2)

    assert run.end()[0] == 0
    assert all(failures(known)), "something did not fail"
    assert len(failures(known)) == 2
    assert content(run.run) == content(local)


@pytest.mark.usefixtures("without_restarts")
def test_a_job_that_may_not_begin_anew_ends_in_a_line_and_no_run(
    start: Callable[..., UnderWay],
) -> None:
    known = list(CLUSTER.jobs())
    run = start()
    run.kill_workers(PROCESSES, lambda: any(failures(known)) or run.has_ended())

    status, told = run.end()
    assert status == 1
    assert told == (
        f"error: --flink-master {MASTER}: the job failed (a Python worker has ended); nothing was "
        "published; start it again, and give the cluster a restart-strategy of more attempts"
    )
    assert run.leaves_nothing()


def test_a_job_that_somebody_cancels_ends_in_a_line_and_no_run(
    start: Callable[..., UnderWay], capsys: pytest.CaptureFixture[str]
) -> None:
    run = start()
    job = run.until(running)
    assert job.id in [one["id"] for one in asked(capsys, "list")]
    run.until(busy_task_manager)
    described = asked(capsys, "describe", job.id)
    assert (described["name"], described["state"]) == (job.name, "RUNNING")
    assert re.search("[0-9]+ (running|finished)", described["tasks"])
    assert asked(capsys, "logs", job.id) == []
    assert asked(capsys, "cancel", job.id)["state"] == "CANCELED"

    assert run.end() == (
        1,
        f"error: --flink-master {MASTER}: somebody cancelled the job; nothing was published; "
        "start it again",
    )
    assert run.leaves_nothing()


def test_ctrl_c_cancels_the_job_and_leaves_nothing(start: Callable[..., UnderWay]) -> None:
    run = start()
    job = run.until(running)
    run.interrupt()

    assert run.end()[0] == 130
    assert next(one.state for one in CLUSTER.jobs() if one.id == job.id) in (
        "CANCELED", "CANCELLING",
    )  # fmt: skip
    assert run.leaves_nothing()


def test_workers_that_are_not_there_are_named(flights: Path, tmp_path: Path) -> None:
    words = command(flights, tmp_path / "flink", [*FLAGS, "--flink-workers", "localhost:1"])

    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: --flink-workers localhost:1: a task manager found no workers")
    assert not (tmp_path / "flink").exists()


def test_workers_of_another_version_say_which(flights: Path, tmp_path: Path) -> None:
    with pool_of_another_version() as workers:
        words = command(flights, tmp_path / "flink", [*FLAGS, "--flink-workers", workers])
        done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    line = done.stderr.strip().splitlines()[-1]
    assert " has apache-beam 0.1, not " in line
    assert line.endswith("install the same there, and start the workers anew")
    assert not (tmp_path / "flink").exists()


def test_a_full_disk_ends_in_a_line_and_is_not_tried_again(flights: Path, tmp_path: Path) -> None:
    known = list(CLUSTER.jobs())
    with small_disk(tmp_path / "small") as disk:
        disk.leave(1 << 20)
        words = command(flights, disk.folder / "flink", FLAGS)
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert not (disk.folder / "flink").exists()

    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith(f"error: {tmp_path}/small/")
    assert line.endswith("no space left on device; free some there, or choose another folder")
    assert sum(failures(known)) < 10, "the job was tried again and again"


def test_what_a_step_raises_is_told_as_it_is(flights: Path, tmp_path: Path) -> None:
    words = command(flights, tmp_path / "flink", FLAGS, raising(tmp_path, "no zone like that"))
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "no zone like that" in done.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "flink").exists()
