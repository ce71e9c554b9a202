"""What is asked of a Spark cluster before anything runs, and what its failures mean.

A small server answers as the web pages of Spark's master do; its answers were taken from a cluster.
"""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from made_runs import make_dataset

from forebay.pipelines.runners.engine import Work
from forebay.pipelines.runners.spark.engine import Spark, spark_version_of
from forebay.transforms.errors import InputError, RunFailed

WORK = Work("made.py", make_dataset("regression"), "/nowhere")
STATE = {"aliveworkers": 2, "cores": 2, "coresused": 0, "status": "ALIVE"}
PAGE = '<a href="/"><span class="version" style="margin-right: 15px;">3.5.0</span></a>'
# As Beam's job server reports them.
ENDED = (
    "Pipeline forebay-trips-1_a failed in state FAILED: org.apache.spark.SparkException: Job 0 "
    "cancelled because SparkContext was shut down\n\tat org.apache.spark.scheduler.DAGScheduler"
)
LOST = (
    "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 3.0 failed "
    "4 times, most recent failure: Lost task 0.3 in stage 3.0 (TID 9) (localhost executor 2): "
    "ExecutorLostFailure (executor 2 exited caused by one of the running tasks)"
)


class Master:
    """The web pages of a master, which is also what listens where the master is said to be."""

    def __init__(self) -> None:
        self.state: object = STATE
        master = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                told = json.dumps(master.state) if self.path == "/json/" else PAGE
                self.wfile.write(told.encode())

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("localhost", 0), Handler)
        self.ui = f"localhost:{self.server.server_port}"

    def spark(self, **other: str) -> Spark:
        return Spark(f"spark://{self.ui}", self.ui, **other)


@pytest.fixture
def master() -> Iterator[Master]:
    made = Master()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def jar(tmp_path: Path) -> Callable[[str], str]:
    def make(version: str) -> str:
        path = tmp_path / f"job-server-{version}.jar"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("spark-version-info.properties", f"version={version}\nuser=x\n")
        return str(path)

    return make


def test_a_cluster_of_the_job_servers_version_passes(
    master: Master, jar: Callable[[str], str]
) -> None:
    master.spark(job_server=jar("3.5.0")).check(WORK)


def test_versions_that_differ_are_both_named(master: Master, jar: Callable[[str], str]) -> None:
    other = jar("3.2.2")
    assert spark_version_of(other) == "3.2.2"
    with pytest.raises(InputError) as caught:
        master.spark(job_server=other).check(WORK)
    assert str(caught.value) == (
        f"--spark-master spark://{master.ui} runs Spark 3.5.0, and --spark-job-server {other} is "
        "of 3.2.2, which it does not understand; name a job server made with 3.5.0"
    )


def test_a_cluster_without_workers_is_refused(master: Master) -> None:
    master.state = STATE | {"aliveworkers": 0, "cores": 0}
    with pytest.raises(InputError, match=r"the cluster has no worker; start one"):
        master.spark().check(WORK)


def test_a_cluster_that_others_have_is_waited_for(
    master: Master, capsys: pytest.CaptureFixture[str]
) -> None:
    master.state = STATE | {"coresused": 2}
    master.spark().check(WORK)
    told = " ".join(capsys.readouterr().err.split())
    assert "other applications have all of its cores (2); the job waits until one is free" in told


def test_what_does_not_answer_is_named_by_its_flag(master: Master) -> None:
    with pytest.raises(InputError, match=r"--spark-master spark://localhost:1: no answer \(conn"):
        Spark("spark://localhost:1").check(WORK)
    with pytest.raises(InputError, match=r"--spark-ui localhost:1: no answer .* by --spark-ui"):
        Spark(f"spark://{master.ui}", "localhost:1").check(WORK)
    master.state = {"hello": "world"}
    with pytest.raises(InputError, match=r"--spark-ui .*: what answers there is no Spark master"):
        master.spark().check(WORK)


def test_one_of_several_masters_is_enough(master: Master) -> None:
    Spark(f"spark://localhost:1,{master.ui}", master.ui).check(WORK)


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        (Spark(), r"--on spark needs --spark-master spark://HOST:PORT: the address"),
        (Spark("yarn"), r"--on spark needs --spark-master spark://HOST:PORT, not yarn: the addr"),
        (Spark("spark://a:7077", workers="nowhere"), "--spark-workers nowhere is not HOST:PORT"),
    ],
)
def test_options_are_told_by_their_flags(engine: Spark, told: str) -> None:
    with pytest.raises(InputError, match=told):
        engine.check_account()


def test_java_is_asked_for_where_a_job_server_is_to_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    Spark("spark://a:7077", job_server="localhost:8099").check_account()
    with pytest.raises(InputError, match=r"--on spark: there is no `java` on the PATH"):
        Spark("spark://a:7077").check_account()


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (
            ENDED,
            r"the cluster ended the application \(cancelled because.*nothing was published; start",
        ),
        (
            LOST,
            r"the job failed \(ExecutorLostFailure .*; nothing was published; start it again, and",
        ),
        (
            "java.lang.RuntimeException: worker 1-1 ended before it began to work",
            r"the job failed \(a Python worker has ended\); nothing was published; start it again",
        ),
    ],
)
def test_failures_say_what_to_do(failure: str, told: str) -> None:
    with pytest.raises(RunFailed, match=told):
        raise Spark("spark://a:7077").explain(failure) or AssertionError
    assert Spark("spark://a:7077").explain("ZeroDivisionError") is None
