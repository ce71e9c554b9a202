"""Beam's job server: a program that lives as long as it is needed, and says why where it cannot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import grpc
import pytest

from forebay.pipelines.runners.job_server import (
    check_answering,
    is_address,
    job_server,
    opened_jar,
)
from forebay.transforms.errors import InputError, RunFailed

MASTER = ("--flink-master", "localhost:8081")


def for_a_minute(do: Callable[..., object], *args: object) -> None:
    """Does something again and again."""
    for _ in range(600):
        do(*args)
        time.sleep(0.1)


def java_that(folder: Path, does: str) -> None:
    """Puts a program of the name of Java into a folder."""
    program = folder / "java"
    program.write_text(f"#!{sys.executable}\n{does}")
    program.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


LISTENS = """
import os, socket, sys, time
port = int(sys.argv[sys.argv.index("--job-port") + 1])
listening = socket.create_server(("localhost", port))
open(sys.argv[2], "w").write(str(os.getpid()))
time.sleep(600)
"""


def test_a_job_server_lives_as_long_as_it_is_needed(path: Path, tmp_path: Path) -> None:
    java_that(path, LISTENS)
    jar = tmp_path / "server.jar"

    with job_server(str(jar), "flink", MASTER) as address:
        host, port = address.split(":")
        socket.create_connection((host, int(port))).close()
        process = int(jar.read_text())

    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_ctrl_c_does_not_reach_a_job_server(path: Path, tmp_path: Path) -> None:
    """So that it ends in order, and before the command does."""
    java_that(path, LISTENS)
    jar = tmp_path / "server.jar"
    starts = (
        "import os, signal; from forebay.pipelines.runners.job_server import job_server\n"
        f"with job_server({str(jar)!r}, 'flink', ()):\n"
        "    signal.signal(signal.SIGINT, signal.SIG_IGN); os.killpg(0, signal.SIGINT)\n"
        f"    os.kill(int(open({str(jar)!r}).read()), 0); print('lives')"
    )

    words = [sys.executable, "-c", starts]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, start_new_session=True)

    assert done.stdout == b"lives\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int(jar.read_text()), 0)


def test_a_job_server_ends_with_whoever_started_it(path: Path, tmp_path: Path) -> None:
    java_that(path, LISTENS)
    jar = tmp_path / "server.jar"
    starts = (
        "import os, signal; from forebay.pipelines.runners.job_server import job_server\n"
        f"with job_server({str(jar)!r}, 'flink', ()):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )

    subprocess.run([sys.executable, "-c", starts], check=False)

    with pytest.raises(ProcessLookupError):
        for_a_minute(os.kill, int(jar.read_text()), 0)


def test_a_job_server_that_does_not_start_says_why(path: Path, tmp_path: Path) -> None:
    java_that(path, "raise SystemExit('Error: Unable to access jarfile')")
    with (
        pytest.raises(
            RunFailed, match=r"server.jar ended with 1 \(Error: Unable to access jarfile"
        ),
        job_server(str(tmp_path / "server.jar"), "flink", MASTER),
    ):
        pass


def test_what_is_no_jar_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "server.jar"
    text.write_text("no zip")
    with (
        pytest.raises(InputError, match=r"--flink-job-server .* is no jar that can be read"),
        opened_jar(str(text), "--flink-job-server"),
    ):
        pass
    assert not is_address(str(text))
    assert is_address("job-server.example:8099")


def test_what_runs_already_is_told_from_what_does_not() -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("localhost:0")
    server.start()
    check_answering(f"localhost:{port}", "flink")
    server.stop(None)
    with pytest.raises(
        InputError, match=r"--flink-job-server localhost:1: no answer \(connection r"
    ):
        check_answering("localhost:1", "flink")
    with HTTPServer(("localhost", 0), BaseHTTPRequestHandler) as web:
        threading.Thread(target=web.handle_request, daemon=True).start()
        with pytest.raises(InputError, match="what answers there is no job server; start Beam's"):
            check_answering(f"localhost:{web.server_port}", "spark")
