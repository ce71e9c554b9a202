"""Beam's job server for Flink: the Java program that takes a pipeline and gives Flink a job."""

import re
import shutil
import socket
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from forebay.transforms.errors import InputError, RunFailed

_START_SECONDS = 120.0
# Runs a program until standard input is closed, as it is when this process ends, however it does.
_AS_LONG_AS_WE = """
exec 3<&0
"$@" 3<&- & program=$!
{ cat <&3 >/dev/null; kill $program 2>/dev/null; } &
wait $program
"""
_RUNNER = re.compile(r"META-INF/maven/org\.apache\.beam/beam-runners-flink-(\d+\.\d+)/pom\.xml")


def flink_version_of(jar: str) -> str | None:
    """Returns the version of Flink that a job server's jar is for, such as ``1.19``.

    Returns:
        The version; None: the jar does not say.

    Raises:
        InputError: it is no jar.
    """
    try:
        with zipfile.ZipFile(jar) as archive:
            found = {match[1] for match in map(_RUNNER.fullmatch, archive.namelist()) if match}
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"--flink-job-server {jar} is no jar that can be read ({error}); name the jar of "
            "Beam's job server for Flink"
        ) from error
    return found.pop() if len(found) == 1 else None


def check_java() -> None:
    """Checks that there is a Java to run the job server.

    Raises:
        InputError: there is none.
    """
    if shutil.which("java") is None:
        raise InputError(
            "--on flink: there is no `java` on the PATH, which Beam's job server needs; install "
            "Java 11 or newer, or name a job server that runs already, --flink-job-server HOST:PORT"
        )


@contextmanager
def job_server(jar: str, master: str, artifacts: str) -> Iterator[str]:
    """Runs a job server for as long as it is needed.

    Args:
        jar: the program.
        master: HOST:PORT of the cluster's REST API.
        artifacts: a folder that the task managers reach too, for what travels.

    Returns:
        HOST:PORT where it takes jobs, for as long as the context.

    Raises:
        RunFailed: it does not start.
    """
    port = _free_port()
    words = [
        "java", "-jar", jar, "--flink-master", master, "--artifacts-dir", artifacts,
        "--job-host", "localhost", "--job-port", str(port), "--artifact-port", "0",
        "--expansion-port", "0",
    ]  # fmt: skip
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _AS_LONG_AS_WE, "sh", *words],
            stdin=subprocess.PIPE, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _wait(process, port, Path(jar).name, log)
            yield f"localhost:{port}"
        finally:
            process.communicate()


def _wait(process: subprocess.Popen[bytes], port: int, name: str, log: IO[str]) -> None:
    started = time.monotonic()
    while time.monotonic() - started < _START_SECONDS:
        if process.poll() is not None:
            log.seek(0)
            lines = [line for line in log.read().splitlines() if line.strip()]
            said = lines[-1] if lines else "it said nothing"
            raise RunFailed(
                f"Beam's job server {name} ended with {process.returncode} ({said.strip()}); run "
                "`java -jar` on it to see why"
            )
        with suppress(OSError), socket.create_connection(("localhost", port), 1):
            return
        time.sleep(0.2)
    raise RunFailed(
        f"Beam's job server {name} did not begin to listen within {_START_SECONDS:.0f} s; run it "
        "yourself, and name it by --flink-job-server HOST:PORT"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port: int = probe.getsockname()[1]
        return port
