"""Beam's job servers: the Java programs that take a pipeline and give a cluster its job."""

import re
import shutil
import socket
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from forebay.transforms.errors import InputError, RunFailed, reason

_START_SECONDS = 120.0
_ANSWER_SECONDS = 10.0
# With this an HTTP/2 connection begins, an empty frame of settings (RFC 9113, 3.4): a server of
# gRPC answers by its own settings. A client of gRPC would wait a minute for them, and could not be
# used before this process is copied.
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_FRAME_HEAD_BYTES, _KIND_AT, _SETTINGS = 9, 3, 4
# Runs a program until standard input is closed, as it is when this process ends, however it does.
# Ctrl-C, which a terminal sends to all of them, is for this process, which then waits for the end.
_AS_LONG_AS_WE = """
trap '' INT
exec 3<&0
"$@" 3<&- & program=$!
{ cat <&3 >/dev/null; kill $program 2>/dev/null; } &
wait $program
"""


def is_address(place: str) -> bool:
    """Tells whether a job server is named by HOST:PORT, not by its program."""
    return re.fullmatch(r"[\w.-]+:\d+", place) is not None and not Path(place).exists()


def check_answering(address: str, engine: str) -> None:
    """Checks that a job server can be where it is said to run.

    Raises:
        InputError: nothing answers there, or something else does.
    """
    cure = "start Beam's job server there, or name its jar"
    host, _, port = address.rpartition(":")
    head = b""
    try:
        with socket.create_connection((host, int(port)), _ANSWER_SECONDS) as connection:
            connection.sendall(_HELLO)
            while len(head) < _FRAME_HEAD_BYTES and (more := connection.recv(_FRAME_HEAD_BYTES)):
                head += more
    except (OSError, OverflowError) as error:  # the latter of a port that there cannot be
        raise InputError(
            f"--{engine}-job-server {address}: no answer ({reason(error)}); {cure}"
        ) from error
    if len(head) < _FRAME_HEAD_BYTES or head[_KIND_AT] != _SETTINGS:
        raise InputError(
            f"--{engine}-job-server {address}: what answers there is no job server; {cure}"
        )


@contextmanager
def opened_jar(jar: str, flag: str) -> Iterator[zipfile.ZipFile]:
    """Opens a job server's jar, which has inside what it was made of.

    Args:
        jar: the program.
        flag: what names it.

    Raises:
        InputError: it is no jar.
    """
    try:
        with zipfile.ZipFile(jar) as archive:
            yield archive
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{flag} {jar} is no jar that can be read ({error}); name the jar of Beam's job server"
        ) from error


def check_java(engine: str) -> None:
    """Checks that there is a Java to run a job server.

    Raises:
        InputError: there is none.
    """
    if shutil.which("java") is None:
        raise InputError(
            f"--on {engine}: there is no `java` on the PATH, which Beam's job server needs; "
            "install Java 11 or newer, or name a job server that runs already, "
            f"--{engine}-job-server HOST:PORT"
        )


@contextmanager
def job_server(
    jar: str, engine: str, arguments: Sequence[str], *, java: Sequence[str] = ()
) -> Iterator[str]:
    """Runs a job server for as long as it is needed.

    Args:
        jar: the program.
        engine: whose it is.
        arguments: its own, without where it listens.
        java: the options of Java.

    Returns:
        HOST:PORT where it takes jobs, for as long as the context.

    Raises:
        RunFailed: it does not start.
    """
    port = _free_port()
    words = [
        "java", *java, "-jar", jar, *arguments, "--job-host", "localhost",
        "--job-port", str(port), "--artifact-port", "0", "--expansion-port", "0",
    ]  # fmt: skip
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _AS_LONG_AS_WE, "sh", *words],
            stdin=subprocess.PIPE, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _wait(process, port, Path(jar).name, engine, log)
            yield f"localhost:{port}"
        finally:
            process.communicate()


def _wait(
    process: subprocess.Popen[bytes], port: int, name: str, engine: str, log: IO[str]
) -> None:
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
        f"yourself, and name it by --{engine}-job-server HOST:PORT"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port: int = probe.getsockname()[1]
        return port
