"""A command's process: Ctrl-C ends it whatever it is doing, and its streams may be anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

# Seconds: two, on a machine that does nothing else. One that is busy with other tests takes longer.
PROMPTLY = 2.0 + 8.0

HEAD = """
import atexit, hashlib, os, sys, threading, time
from forebay.console.process import in_own_process
from forebay.console.command_line import run_command

def ready():
    os.write(1, b"ready\\n")

def forever():
    while True:
        time.sleep(60)

def ten_minutes_in_c():  # Python's own handler never comes to its turn
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

class Deaf:
    def __del__(self):  # an exception in here is told, and dropped
        ready()
        forever()
"""
TAIL = """
sys.exit(in_own_process(lambda: run_command(work, None)))
"""
# What a command may be in the middle of.
MOMENTS = {
    "its own code": "def work(args):\n ready()\n while True: pass",
    "sleep": "def work(args):\n ready()\n forever()",
    "a call that takes minutes": "def work(args):\n ready()\n ten_minutes_in_c()",
    "a destructor": "def work(args):\n deaf = Deaf()\n del deaf\n forever()",
    "a library that catches everything": (
        "def work(args):\n try:\n  ready()\n  forever()\n except BaseException:\n  return 0"
    ),
    "a library that makes another error of it": (
        "def work(args):\n try:\n  ready()\n  forever()\n"
        " except BaseException:\n  raise ImportError('half initialised')"
    ),
    "cleaning up": "def work(args):\n try:\n  ready()\n  forever()\n finally:\n  forever()",
    "threads that lose each other": (
        "def work(args):\n lost = threading.Event()\n def other():\n  lost.wait(); raise OSError\n"
        " threading.Thread(target=other).start()\n try:\n  ready()\n  forever()\n finally:\n"
        "  lost.set(); time.sleep(0.1)"
    ),
    "waiting for a thread": (
        "def work(args):\n one = threading.Thread(target=forever)\n one.start()\n ready()\n"
        " one.join()"
    ),
    "its own end": "def work(args):\n atexit.register(forever)\n atexit.register(ready)\n return 0",
    "a library that is loaded quietly": (
        "from forebay.console.tensorflow import native_logs_hidden\n"
        "def work(args):\n with native_logs_hidden():\n  ready()\n  ten_minutes_in_c()"
    ),
    "imports": "def work(args):\n sys.path.insert(0, FOLDER)\n import slow_module",
}  # fmt: skip


def start(code: str, folder: Path, **options: Any) -> subprocess.Popen[bytes]:
    script = f"{HEAD}\nFOLDER = {str(folder)!r}\n{code}\n{TAIL}"
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_ends_it(moment: str, tmp_path: Path) -> None:
    (tmp_path / "slow_module.py").write_text("from __main__ import *\nready()\nforever()\n")
    with start(MOMENTS[moment], tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, said = process.communicate(timeout=30)
        assert time.monotonic() - begun < PROMPTLY
    assert process.returncode == 130
    assert said == b"interrupted\n"


STALLING = """
import os, runpy, sys, time
class Stalling:
    def find_spec(self, name, path, target=None):
        if name == {stalls!r}:
            os.write(1, b"ready\\n")
            time.sleep(60)
sys.meta_path.insert(0, Stalling())
runpy.run_module({module!r}, run_name="__main__")
"""


@pytest.mark.parametrize(
    ("module", "stalls"),
    [
        ("forebay.__main__", "forebay.console.process"),
        ("forebay.trainer.task", "forebay.console.arguments"),
        ("forebay.pipelines.preprocess", "forebay.pipelines.module"),
    ],
)
def test_ctrl_c_ends_it_before_it_is_loaded(module: str, stalls: str) -> None:
    code = STALLING.format(module=module, stalls=stalls)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, b"interrupted\n")


def test_nothing_that_takes_time_is_loaded_before_ctrl_c_is_answered() -> None:
    code = "import sys, signal; a = set(sys.modules); import forebay.__main__; "
    done = subprocess.run(
        [sys.executable, "-c", f"{code}print(*sorted(sys.modules.keys() - a))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    ours = ("forebay", "forebay.__main__", "forebay.console", "forebay.console.first_moment")
    assert set(done.stdout.split()) <= {*ours, "__future__", "importlib"}


def test_a_second_ctrl_c_waits_for_nothing(tmp_path: Path) -> None:
    code = (
        "import forebay.console.process as ours\nours._GRACE_SECONDS = 600\n"
        "def work(args):\n try:\n  ready()\n  forever()\n finally:\n  ready()\n  forever()"
    )
    with start(code, tmp_path) as process:
        assert process.stdout is not None
        for _ in range(2):
            assert process.stdout.readline() == b"ready\n"
            process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, b"interrupted\n")


def test_what_was_started_to_ignore_ctrl_c_ignores_it(tmp_path: Path) -> None:
    code = "def work(args):\n ready()\n time.sleep(0.3)\n return 0"
    ignoring = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = start(code, tmp_path)
    finally:
        signal.signal(signal.SIGINT, ignoring)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[1] == b""
    assert process.returncode == 0


@pytest.mark.parametrize("ignored", [True, False])
def test_its_libraries_are_not_taken_apart_at_its_end(ignored: bool, tmp_path: Path) -> None:
    """Threads may be inside them: one that a closure of ctypes was taken from has crashed."""
    code = (
        "class Part:\n def __del__(self):\n  os.write(1, b'taken apart')\nPART = Part()\n"
        "def work(args):\n return 3"
    )
    before = signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        process = start(code, tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 3


SPEAKS = """
def work(args):
    from forebay.console.terminal import say, tell
    tell("begun")
    for line in sys.stdin:
        say(line.strip())
    with open(FOLDER + "/made", "wb") as file:
        tell(f"number {file.fileno()}")
        print("noise", file=sys.stderr)
    return 0
"""


def run(code: str, folder: Path, redirect: str) -> subprocess.CompletedProcess[bytes]:
    script = f"{HEAD}\nFOLDER = {str(folder)!r}\n{code}\n{TAIL}"
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$0" -c "$1" {redirect}', sys.executable, script],
        input=b"one\ntwo\n", capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full", "2> >(exec <&-; sleep 1)"])
def test_nobody_has_to_hear_what_it_says(redirect: str, tmp_path: Path) -> None:
    done = run(SPEAKS, tmp_path, redirect)
    assert (done.returncode, done.stdout) == (0, b"one\ntwo\n")
    assert (tmp_path / "made").read_bytes() == b""


@pytest.mark.parametrize(
    ("redirect", "status", "said"),
    [
        (">&-", 2, "standard output: bad file descriptor; open it before the command is started"),
        (">/dev/full", 1, "standard output: no space left on device; free some there, or choose "
         "another folder"),
        ("| true", 1, "standard output: broken pipe; let its reader stay until the end"),
    ],
)  # fmt: skip
def test_results_that_cannot_be_written(
    redirect: str, status: int, said: str, tmp_path: Path
) -> None:
    code = SPEAKS.replace("for line", "time.sleep(0.3)\n    for line")
    done = run(code, tmp_path, redirect)
    *_, last = done.stderr.decode().splitlines()
    assert (done.returncode, last) == (status, f"error: {said}")
    assert (tmp_path / "made").read_bytes() == b""


def test_results_longer_than_a_buffer_are_one_error(tmp_path: Path) -> None:
    code = "def work(args):\n for _ in range(9999): print('x' * 99)\n return 0"
    done = run(code, tmp_path, ">/dev/full")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_help_that_cannot_be_written_is_an_error() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m forebay --help >/dev/full"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: standard output: no space left on device")
    assert len(done.stderr.splitlines()) == 1


def test_a_closed_standard_input_is_an_error(tmp_path: Path) -> None:
    done = run(SPEAKS, tmp_path, "<&-")
    assert done.returncode == 2
    assert "bad file descriptor" in done.stderr.decode().lower()


def test_the_environment_is_as_it_was(tmp_path: Path) -> None:
    """What a program calls as a function leaves its streams and signals alone."""
    from forebay.cli import main

    before = sys.stdout, sys.stderr, signal.getsignal(signal.SIGINT), os.getcwd()
    main(["report", str(tmp_path / "none")])
    assert (sys.stdout, sys.stderr, signal.getsignal(signal.SIGINT), os.getcwd()) == before
