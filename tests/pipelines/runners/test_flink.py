"""What is asked of a Flink cluster before anything runs, and what its failures mean.

A small server answers as the REST API of Flink 1.19 does; its answers were taken from a cluster.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from made_runs import make_dataset

from forebay.pipelines.runners.engine import Work
from forebay.pipelines.runners.failures import telling_line
from forebay.pipelines.runners.flink.engine import Flink, flink_version_of
from forebay.pipelines.runners.flink.watch import Watch
from forebay.pipelines.runners.versions import versions
from forebay.pipelines.runners.workers.versions import check_same
from forebay.transforms.errors import InputError, RunFailed

WORK = Work("made.py", make_dataset("regression"), "/nowhere")
OVERVIEW = {
    "taskmanagers": 2, "slots-total": 4, "slots-available": 4, "flink-version": "1.19.3",
    "flink-commit": "4105f8d",
}  # fmt: skip
JOB = {"jid": "b51d8b98", "name": "forebay-trips-1", "state": "RUNNING", "start-time": 5}
CANCELLED = RuntimeError("Pipeline forebay-trips-1_a failed in state CANCELLED: none")
# As the job server says it where the job was cancelled before it had begun to run.
CANCELLED_EARLY = (
    "Pipeline forebay-trips-1_a failed in state FAILED: "
    "org.apache.flink.runtime.client.JobCancellationException: Job was cancelled."
)
LOST = (
    "java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id tm-1 timed out.\n\tat"
)
NO_WORKERS = (
    "java.lang.Exception: The user defined 'open()' method caused an exception\n"
    "\tat org.apache.beam.runners.fnexecution.environment.ExternalEnvironmentFactory."
    "createEnvironment(ExternalEnvironmentFactory.java:143)\n"
    "Caused by: io.grpc.StatusRuntimeException: UNAVAILABLE: io exception\n"
)
TRACEBACK = (
    "java.util.concurrent.ExecutionException: java.lang.RuntimeException: Error received from SDK "
    "harness for instruction 3: Traceback (most recent call last):\n"
    '  File "batches.py", line 7, in read\n'
    "forebay.transforms.errors.InputError: rows.csv: the file has changed [while running 'Read']\n"
    "\n\tat java.base/java.util.concurrent.CompletableFuture.reportGet(CompletableFuture.java:396)"
)


# A full disk, as a worker tells it, as our own code says it, and as Flink itself does.
FULL = [
    TRACEBACK.replace(
        "forebay.transforms.errors.InputError: rows.csv: the file has changed",
        "OSError: [Errno 28] No space left on device: '/shared/runs/part-0'",
    ),
    TRACEBACK.replace(
        "errors.InputError: rows.csv: the file has changed",
        "errors.RunFailed: /shared/runs/part-0: no space left on device; free some there",
    ),
    "java.io.IOException: No space left on device\n"
    "\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)",
]


class Master:
    """A job manager's REST API.

    Attributes:
        answers: what it answers, by path.
        cancelled: the jobs that it was asked to cancel.
    """

    def __init__(self) -> None:
        self.answers: dict[str, object] = {"/v1/overview": OVERVIEW}
        self.cancelled: list[str] = []
        master = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(master.answers.get(self.path))

            def do_PATCH(self) -> None:
                master.cancelled.append(self.path)
                for job in master.jobs():
                    if f"/{job['jid']}?" in self.path:
                        job["state"] = "CANCELED"
                self._send({})

            def _send(self, answer: object) -> None:
                self.send_response(200 if answer is not None else 404)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("localhost", 0), Handler)
        self.address = f"localhost:{self.server.server_port}"

    def jobs(self) -> list[dict[str, object]]:
        """Returns the jobs that it tells of."""
        told = self.answers.get("/v1/jobs/overview")
        return list(told["jobs"]) if isinstance(told, dict) else []


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
            archive.writestr(
                f"META-INF/maven/org.apache.beam/beam-runners-flink-{version}/pom.xml", ""
            )
        return str(path)

    return make


def test_a_cluster_of_the_job_servers_version_passes(
    master: Master, jar: Callable[[str], str]
) -> None:
    Flink(master.address, jar("1.19")).check(WORK)


def test_versions_that_differ_are_both_named(master: Master, jar: Callable[[str], str]) -> None:
    other = jar("2.0")
    assert flink_version_of(other) == "2.0"
    with pytest.raises(InputError) as caught:
        Flink(master.address, other).check(WORK)
    assert str(caught.value) == (
        f"--flink-master {master.address} runs Flink 1.19.3, and --flink-job-server {other} is for "
        "2.0; name the job server for 1.19"
    )


def test_a_cluster_without_task_managers_is_refused(master: Master) -> None:
    master.answers["/v1/overview"] = OVERVIEW | {"taskmanagers": 0, "slots-total": 0}
    with pytest.raises(InputError, match="has no task manager; start one"):
        Flink(master.address).check(WORK)


def test_more_work_at_once_than_there_are_slots_is_refused(master: Master) -> None:
    Flink(master.address, parallelism=4).check(WORK)
    with pytest.raises(InputError, match="--flink-parallelism 5 is more than the 4 slots"):
        Flink(master.address, parallelism=5).check(WORK)


def interrupted(master: Master) -> None:
    """Is interrupted when the cluster has a job of ours, one that has ended, and another's."""
    with Flink(master.address, "localhost:8099").open(WORK) as options:
        (name,) = (one.partition("=")[2] for one in options if one.startswith("--job_name="))
        ended = JOB | {"jid": "ended", "name": name, "state": "FAILED"}
        other = JOB | {"jid": "other", "name": "another"}
        master.answers["/v1/jobs/overview"] = {"jobs": [JOB | {"name": name}, ended, other]}
        raise KeyboardInterrupt


def test_a_command_that_ends_early_leaves_no_job(master: Master) -> None:
    """Whatever it was at: a job may be there before anybody waits for it."""
    with pytest.raises(KeyboardInterrupt):
        interrupted(master)

    assert master.cancelled == ["/v1/jobs/b51d8b98?mode=cancel"]


def test_nothing_there_and_something_else_there_are_told_apart(master: Master) -> None:
    master.answers["/v1/overview"] = {"hello": "world"}
    with pytest.raises(InputError, match="what answers there is no Flink"):
        Flink(master.address).check(WORK)
    del master.answers["/v1/overview"]
    with pytest.raises(InputError, match="what answers there is no Flink; start the cluster"):
        Flink(master.address).check(WORK)
    with pytest.raises(InputError, match=r"--flink-master localhost:1: no answer \(connection ref"):
        Flink("localhost:1").check(WORK)
    master.answers["/v1/overview"] = OVERVIEW
    with pytest.raises(InputError, match="what answers there is no job server; start Beam's"):
        Flink(master.address, master.address).check(WORK)


def test_what_does_not_speak_http_is_something_else() -> None:
    """As a job server or a pool of workers, which somebody may take for the REST API."""
    with socket.create_server(("localhost", 0)) as server:

        def answer() -> None:
            connection = server.accept()[0]
            connection.recv(1 << 16)
            connection.sendall(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(InputError, match="what answers there is no Flink; start the cluster"):
            Flink(f"localhost:{server.getsockname()[1]}").check(WORK)
        thread.join()


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        (Flink(), r"--on flink needs --flink-master HOST:PORT"),
        (Flink("localhost:8081", workers="nowhere"), "--flink-workers nowhere is not HOST:PORT"),
        (Flink("localhost:rest"), "--flink-master localhost:rest is not HOST:PORT; write such as"),
        (Flink("localhost:80810"), "--flink-master localhost:80810 is not HOST:PORT"),
    ],
)
def test_options_are_told_by_their_flags(engine: Flink, told: str) -> None:
    with pytest.raises(InputError, match=told):
        engine.check_account()


def test_java_is_asked_for_where_a_job_server_is_to_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    Flink("localhost:8081", "localhost:8099").check_account()
    with pytest.raises(InputError, match="there is no `java` on the PATH"):
        Flink("localhost:8081").check_account()


def watched(master: Master, *stack_traces: str) -> Watch:
    """A watch over a job that has failed so often, beside older and other ones."""
    older = JOB | {"jid": "older", "start-time": 1, "state": "FINISHED"}
    another = JOB | {"jid": "another", "name": "another", "start-time": 9}
    master.answers["/v1/jobs/overview"] = {"jobs": [older, dict(JOB), another]}
    entries = [{"stacktrace": text} for text in stack_traces]
    master.answers["/v1/jobs/b51d8b98/exceptions"] = {"exceptionHistory": {"entries": entries}}
    engine = Flink(master.address)
    return Watch(engine._cluster, str(JOB["name"]), engine.explain)


def test_what_a_user_has_to_mend_cancels_the_job_at_once(master: Master) -> None:
    with watched(master, LOST, TRACEBACK) as watch:
        for _ in range(600):
            if watch.has_cancelled:
                break
            time.sleep(0.1)

    assert master.cancelled == ["/v1/jobs/b51d8b98?mode=cancel"]
    with pytest.raises(InputError, match=r"^rows.csv: the file has changed$"):
        watch.reraise(CANCELLED, is_cancelled=True)


@pytest.mark.parametrize("said", FULL)
def test_a_full_disk_is_not_tried_again_and_again(master: Master, said: str) -> None:
    watch = watched(master, LOST, said)

    watch.look()

    assert master.cancelled == ["/v1/jobs/b51d8b98?mode=cancel"]
    with pytest.raises((RunFailed, RuntimeError), match=r"(?i)no space left on device"):
        watch.reraise(CANCELLED, is_cancelled=True)


def test_what_the_cluster_can_mend_is_left_to_it(master: Master) -> None:
    watch = watched(master, LOST)

    watch.look()

    assert not master.cancelled
    with pytest.raises(RunFailed, match=r"the job failed \(TimeoutException: Heartbeat.*attempts$"):
        watch.reraise(RuntimeError("failed in state FAILED"), is_cancelled=False)


@pytest.mark.parametrize(
    "gone",
    [
        "io.grpc.StatusRuntimeException: CANCELLED: client cancelled\n\tat io.grpc",
        "failed in state FAILED: org.apache.beam.vendor.grpc.v1p60p1.io.grpc.StatusRuntimeException"
        ": CANCELLED: call already cancelled. Use ServerCallStreamObserver.setOnCancelHandler() to",
        "failed in state FAILED: java.lang.IllegalStateException: Stream is already completed, no "
        "further calls are allowed",
        "java.lang.RuntimeException: worker 1-1 ended before it began to work",
    ],
)
def test_a_worker_that_is_gone_is_told_in_words(gone: str) -> None:
    told = str(Flink("localhost:8081").explain(gone))
    assert "the job failed (a Python worker has ended); nothing was published" in told


def test_whatever_a_step_raises_is_told_with_its_traceback(master: Master) -> None:
    raised = TRACEBACK.replace("forebay.transforms.errors.InputError", "KeyError")
    watch = watched(master, raised, LOST)
    with pytest.raises(RuntimeError) as caught:
        watch.reraise(RuntimeError("failed in state FAILED: TimeoutException"), is_cancelled=False)
    assert telling_line(str(caught.value)).startswith("KeyError: rows.csv: the file has changed")


def test_workers_that_are_not_there_are_named(master: Master) -> None:
    watch = watched(master, NO_WORKERS)
    with pytest.raises(RunFailed, match=r"--flink-workers localhost:50000: .* no workers there"):
        watch.reraise(RuntimeError("java.net.ConnectException: refused"), is_cancelled=False)


def test_what_the_cluster_mended_is_not_why_somebody_cancelled(master: Master) -> None:
    with pytest.raises(RuntimeError) as caught:
        watched(master, LOST).reraise(CANCELLED, is_cancelled=True)
    assert caught.value is CANCELLED


@pytest.mark.parametrize("said", [str(CANCELLED), CANCELLED_EARLY])
def test_a_job_that_somebody_cancelled_is_told_as_such(said: str) -> None:
    told = Flink("localhost:8081").explain(said)
    assert isinstance(told, RunFailed)
    assert "somebody cancelled the job; nothing was published; start it again" in str(told)


def test_workers_of_other_versions_say_which() -> None:
    check_same(versions(), "2-1")
    with pytest.raises(InputError) as caught:
        check_same(versions() | {"apache-beam": "2.1.0", "python": "3.9"}, "2-1")
    assert f"apache-beam {versions()['apache-beam']}, not 2.1.0" in str(caught.value)
    assert "python" in str(caught.value)
    assert str(caught.value).endswith("install the same there, and start the workers anew")
