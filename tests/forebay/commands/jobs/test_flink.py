"""Jobs of a Flink cluster, by a small server that answers as the REST API of Flink 1.19 does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from forebay.cli import main

STATES = (
    "RUNNING", "CANCELED", "CREATED", "FAILED", "FINISHED", "SCHEDULED", "DEPLOYING", "CANCELING",
    "INITIALIZING", "RECONCILING",
)  # fmt: skip


@dataclass
class Cluster:
    """A job manager: its jobs, by id, and what went wrong in each."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    address: str = ""

    def answer(self, verb: str, path: str) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        if parts == ["v1", "jobs", "overview"]:
            return 200, {"jobs": list(self.jobs.values())}
        job = self.jobs.get(parts[2].partition("?")[0]) if len(parts) > 2 else None
        if job is None:
            return 404, {"errors": [f"Job could not be found: {path}"]}
        if verb == "PATCH" and path.endswith("?mode=cancel"):
            job["state"] = "CANCELED"
            return 202, {}
        if parts[-1] == "exceptions":
            entries = [
                {"timestamp": at, "stacktrace": text, "exceptionName": text.partition(":")[0]}
                for at, text in self.failures.get(job["jid"], ())
            ]
            return 200, {"exceptionHistory": {"entries": entries, "truncated": False}}
        counts = {state: 3 if state == job["state"] else 0 for state in STATES}
        return 200, {"jid": job["jid"], "name": job["name"], "status-counts": counts}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()

    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            code, answer = made.answer(self.command, self.path)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_PATCH = _respond

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    made.address = f"localhost:{server.server_port}"
    for number, (state, started) in enumerate((("FINISHED", 1000), ("RUNNING", 61_500))):
        made.jobs[f"j{number}"] = {
            "jid": f"j{number}", "name": f"forebay-{number}", "state": state,
            "start-time": started,
        }  # fmt: skip
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def asked(capsys: pytest.CaptureFixture[str], master: str, *words: str) -> tuple[int, Any]:
    """What ``forebay jobs`` says: its status, and what it prints, or its error."""
    capsys.readouterr()
    status = main(["jobs", *words, "--on", "flink", "--flink-master", master, "--json"])
    said = capsys.readouterr()
    return status, json.loads(said.out) if status == 0 else said.err


def test_jobs_are_listed_the_newest_first(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    status, jobs = asked(capsys, cluster.address, "list")
    assert status == 0
    assert jobs == [
        {"id": "j1", "name": "forebay-1", "state": "RUNNING",
         "created": "1970-01-01T00:01:01.500+00:00"},
        {"id": "j0", "name": "forebay-0", "state": "FINISHED",
         "created": "1970-01-01T00:00:01.000+00:00"},
    ]  # fmt: skip


def test_a_job_says_what_went_wrong_the_oldest_first(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.failures["j1"] = [(3000, "java.lang.Later: b\n\tat x"), (2000, "java.lang.Earlier: a")]
    status, told = asked(capsys, cluster.address, "describe", "j1")
    assert status == 0
    assert told["tasks"] == "3 running"
    assert told["error"] == "java.lang.Later: b"
    assert told["page"] == f"http://{cluster.address}/#/job/j1"
    _, lines = asked(capsys, cluster.address, "logs", "j1")
    assert [(line["time"][17:19], line["text"]) for line in lines] == [
        ("02", "java.lang.Earlier: a"), ("03", "java.lang.Later: b\n\tat x"),
    ]  # fmt: skip


def test_a_job_is_cancelled_once(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    status, job = asked(capsys, cluster.address, "cancel", "j1")
    assert (status, job["state"]) == (0, "CANCELED")
    status, error = asked(capsys, cluster.address, "cancel", "j1")
    assert status == 2
    assert "job j1 is over (CANCELED); there is nothing to end" in error
    status, error = asked(capsys, cluster.address, "describe", "j9")
    assert status == 2
    assert "knows no such job; `forebay jobs list --on flink" in error


def test_where_nothing_answers_a_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    status, error = asked(capsys, "localhost:1", "list")
    assert status == 1
    assert "--flink-master localhost:1: no answer (connection refused); start the" in error
