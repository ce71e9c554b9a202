"""Work in a copy of a command's process: what it raises, and who outlives whom."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAD = """
import os, signal, sys, time
from pathlib import Path
from forebay.console.apart import done_apart
from forebay.console.command_line import run_command
from forebay.console.process import in_own_process
from forebay.transforms.errors import InputError, RunFailed

FOLDER = Path({folder!r})

class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(f"{{one}} and {{two}}")

def stay():
    (FOLDER / "child").write_text(str(os.getpid()))
    os.replace(FOLDER / "child", FOLDER / "pid")
    time.sleep(60)

def fail(error):
    raise error
"""
TAIL = """
sys.exit(in_own_process(lambda: run_command(work, None)))
"""


def script(code: str, folder: Path) -> list[str]:
    return [sys.executable, "-c", HEAD.format(folder=str(folder)) + code + TAIL]


def done(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(script(code, folder), capture_output=True, text=True, check=False)


def pid_in(folder: Path) -> int:
    until = time.monotonic() + 30
    while not (folder / "pid").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    return int((folder / "pid").read_text())


def is_over(pid: int) -> bool:
    """Whether a process is gone within half a minute, or waits for nobody to ask how it ended."""
    for _ in range(3_000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    return False


def test_both_work_and_each_says_its_own(tmp_path: Path) -> None:
    found = done(
        """
def both():
    print("the copy", file=sys.stderr)
    (FOLDER / "copy").write_text("made")

def work(args):
    print("before", end="")
    with done_apart(both, "makes a file"):
        inside = os.getpid()
    print((FOLDER / "copy").read_text())
    return 0
""",
        tmp_path,
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "beforemade\n", "the copy\n")


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        ("InputError('a cell is odd; mend it')", 2, "error: a cell is odd; mend it"),
        ("RunFailed('no more')", 1, "error: no more"),
        ("OSError(28, 'No space left on device', '/full')", 1, "error: /full: no space left"),
        ("Odd('this', 'that')", 1, "error: Odd: this and that"),
    ],
)
def test_what_it_raises_is_raised_here(raised: str, status: int, said: str, tmp_path: Path) -> None:
    code = f"def work(args):\n with done_apart(lambda: fail({raised}), 'fails'):\n  pass\n return 0"
    found = done(code, tmp_path)
    (line,) = found.stderr.splitlines()
    assert found.returncode == status
    assert line.startswith(said)


def test_its_traceback_is_among_the_notes(tmp_path: Path) -> None:
    code = (
        "def work(args):\n try:\n  with done_apart(lambda: fail(InputError('x')), 'fails'):\n"
        "   pass\n except InputError as error:\n  print(*error.__notes__)\n return 0"
    )
    assert "in fail" in done(code, tmp_path).stdout


def test_a_copy_that_is_killed_is_told(tmp_path: Path) -> None:
    code = (
        "def work(args):\n with done_apart(lambda: os.kill(os.getpid(), 9), 'reads the rows'):\n"
        "  pass\n return 0"
    )
    found = done(code, tmp_path)
    assert found.returncode == 1
    assert found.stderr == (
        "error: the process that reads the rows was ended (SIGKILL), as machines do that run out "
        "of memory; use one with more memory, or close other programs\n"
    )


def test_an_error_here_ends_the_copy(tmp_path: Path) -> None:
    code = (
        "def work(args):\n with done_apart(stay, 'stays'):\n"
        "  while not (FOLDER / 'pid').exists(): time.sleep(0.01)\n  raise InputError('mine')\n"
    )
    found = done(code, tmp_path)
    assert (found.returncode, found.stderr) == (2, "error: mine\n")
    assert is_over(pid_in(tmp_path))


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGKILL, -9)]
)
def test_the_copy_ends_with_its_command(sent: signal.Signals, status: int, tmp_path: Path) -> None:
    code = "def work(args):\n with done_apart(stay, 'stays'):\n  pass\n return 0"
    with subprocess.Popen(script(code, tmp_path), stderr=subprocess.DEVNULL) as process:
        pid = pid_in(tmp_path)
        process.send_signal(sent)
        assert process.wait(timeout=60) == status
        assert is_over(pid)


def test_ctrl_c_is_not_for_the_copy(tmp_path: Path) -> None:
    """A terminal sends it to both; who cleans up is the command."""
    code = (
        "def deaf():\n os.kill(os.getpid(), signal.SIGINT)\n (FOLDER / 'on').write_text('')\n"
        "def work(args):\n with done_apart(deaf, 'goes on'):\n  pass\n return 0"
    )
    assert done(code, tmp_path).returncode == 0
    assert (tmp_path / "on").exists()
