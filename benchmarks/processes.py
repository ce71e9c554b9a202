"""Running a command, measuring the whole tree of its processes, and ending it at its limits."""

import argparse
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 0.1
_TAIL_BYTES = 4_000

Ended = Literal["ok", "failed", "out of time", "out of memory", "out of disk"]


@dataclass(frozen=True)
class Limits:
    """What a command may take before its processes are ended.

    Attributes:
        seconds: elapsed time.
        memory_bytes: unevictable resident memory of all processes, see `CommandCost`.
        folder: where it writes; None: the disk is not watched.
        free_bytes: what must stay free on the disk of ``folder``.
    """

    seconds: float = float("inf")
    memory_bytes: float = float("inf")
    folder: Path | None = None
    free_bytes: int = 1 << 30


def work_folder(name: str) -> Path:
    """Reads an option that names a folder, which is made where there is none.

    Raises:
        argparse.ArgumentTypeError: it cannot be made.
    """
    path = Path(name)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{name!r} cannot be made: {error.strerror}") from error
    return path


@dataclass(frozen=True)
class CommandCost:
    """What a command took.

    Attributes:
        ended: how.
        wall_s: elapsed seconds.
        cpu_s: processor seconds, user and system, of every process of the tree, as last seen:
            up to a tenth of a second of each is missed.
        peak_bytes: greatest sum over the tree of resident memory that no file backs (RssAnon
            and RssShmem): what cannot be dropped when memory runs short. Mapped files, which
            the kernel may drop and which processes share, do not count; pages that a process
            shares with its fork count for both. Sampled ten times a second.
        peak_rss_bytes: the same of all resident memory, mapped files included.
        output: the last of what it printed.
    """

    ended: Ended
    wall_s: float
    cpu_s: float
    peak_bytes: int
    peak_rss_bytes: int
    output: str = field(repr=False, default="")


def measure(
    command: Sequence[str], limits: Limits = Limits(), env: Mapping[str, str] | None = None
) -> CommandCost:
    """Runs a command to its end or to its limits; nothing of it is left running."""
    tree = _Tree()
    with tempfile.TemporaryFile() as printed:
        before, started = os.times(), time.monotonic()
        process = subprocess.Popen(
            command, stdout=printed, stderr=subprocess.STDOUT, env=env, start_new_session=True
        )
        ended: Ended | None = None
        try:
            while process.poll() is None and ended is None:
                tree.sample(process.pid)
                ended = _exceeded(tree, limits, time.monotonic() - started)
                time.sleep(_SAMPLE_SECONDS if ended is None else 0)
            wall = time.monotonic() - started
        finally:
            tree.kill(process.pid)
            process.wait()
        after = os.times()
        output = _tail(printed)
    reaped = after.children_user + after.children_system
    reaped -= before.children_user + before.children_system
    ended = ended or ("failed" if process.returncode else "ok")
    return CommandCost(ended, wall, max(reaped, tree.cpu_s), tree.peak, tree.peak_rss, output)


def _exceeded(tree: "_Tree", limits: Limits, seconds: float) -> Ended | None:
    if seconds > limits.seconds:
        return "out of time"
    if tree.peak > limits.memory_bytes:
        return "out of memory"
    if limits.folder and shutil.disk_usage(limits.folder).free < limits.free_bytes:
        return "out of disk"
    return None


class _Tree:
    """What was seen of a process and its descendants."""

    def __init__(self) -> None:
        self.peak = 0
        self.peak_rss = 0
        self._ticks: dict[int, int] = {}

    @property
    def cpu_s(self) -> float:
        return sum(self._ticks.values()) / _TICKS

    def sample(self, root: int) -> None:
        unevictable = rss = 0
        for pid in _descendants(root):
            status = _status(pid)
            unevictable += status.get("RssAnon", 0) + status.get("RssShmem", 0)
            rss += status.get("VmRSS", 0)
            self._ticks[pid] = max(self._ticks.get(pid, 0), _own_ticks(pid))
        self.peak = max(self.peak, unevictable)
        self.peak_rss = max(self.peak_rss, rss)

    def kill(self, root: int) -> None:
        """Ends every process of the tree that still runs, those that made their own group too."""
        for pid in {*_descendants(root), *self._ticks}:
            try:
                if os.getsid(pid) == root:  # or the number was given to another process since
                    os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _descendants(root: int) -> list[int]:
    found = [root]
    for parent in found:
        try:
            tasks = Path(f"/proc/{parent}/task").iterdir()
            for task in tasks:
                found += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _status(pid: int) -> dict[str, int]:
    """Returns the sizes in a process's status, bytes by name."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    pairs = (line.split(":", 1) for line in lines if line.endswith("kB"))
    return {name: int(size.split()[0]) << 10 for name, size in pairs}


def _own_ticks(pid: int) -> int:
    """Returns clock ticks, user and system, of a process without its children."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(fields[11]) + int(fields[12])


def _tail(printed: IO[bytes]) -> str:
    size = printed.seek(0, os.SEEK_END)
    printed.seek(max(0, size - _TAIL_BYTES))
    return printed.read().decode("utf-8", "replace")
