"""Running a command and measuring the whole tree of its processes."""

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Measured:
    """What a command took.

    Attributes:
        wall_s: elapsed seconds.
        cpu_s: processor seconds, user and system, of the process and its children.
        peak_bytes: greatest sum of resident memory over the tree, sampled every 50 ms. Pages
            that processes share, mapped files included, count once for each.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int


def measure(command: Sequence[str]) -> Measured:
    """Runs a command to its end.

    Raises:
        subprocess.CalledProcessError: it failed; its output is in the exception.
    """
    before = os.times()
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        peak = [0]
        sampler = threading.Thread(target=_sample, args=(process, peak), daemon=True)
        sampler.start()
        output, _ = process.communicate()
    wall = time.monotonic() - started
    sampler.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    after = os.times()
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return Measured(wall, cpu, peak[0])


def _sample(process: "subprocess.Popen[bytes]", peak: list[int]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], sum(map(_resident, _tree(process.pid))))
        time.sleep(_SAMPLE_SECONDS)


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            tasks = Path(f"/proc/{parent}/task").iterdir()
            for task in tasks:
                found += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0
