"""A preprocess of the flights on a cluster, under way: what is waited for, and what is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from clusters import Processes
from same_runs import command

SECONDS = 2400


class UnderWay:
    """A preprocess that was started.

    Args:
        flights: its rows.
        run: where it writes.
        flags: the engine's.
    """

    def __init__(self, flights: Path, run: Path, flags: Sequence[str]) -> None:
        self.run = run
        self.process = subprocess.Popen(
            command(flights, run, flags),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def until(self, found: Callable[[], Any]) -> Any:
        """Waits for something to be found while the command works."""
        for _ in range(SECONDS * 5):
            what = found()
            if what:
                return what
            assert self.process.poll() is None, self.process.communicate()[1]
            time.sleep(0.2)
        raise AssertionError("nothing was found")

    def until_workers(self, processes: Processes, more: int) -> None:
        """Waits until the engine has started so many more workers."""
        before = len(_started_workers(processes))
        self.until(lambda: len(_started_workers(processes)) >= before + more)

    def until_transform(self) -> None:
        """Waits for the second pipeline."""
        self.until(lambda: list(self.run.glob(".forebay-*/temporary/ingested.json")))

    def kill_workers(self, processes: Processes, is_noticed: Callable[[], Any]) -> None:
        """Kills workers until one was killed that the engine misses."""

        def found() -> bool:
            if is_noticed():
                return True
            _kill(_at_work(processes))
            return False

        self.until(found)

    def has_ended(self) -> bool:
        """Tells whether the command has."""
        return self.process.poll() is not None

    def interrupt(self) -> None:
        """Sends what Ctrl-C sends, to the command and to the programs that it started."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Waits for the end; returns the status and the last line of standard error."""
        told = self.process.communicate(timeout=SECONDS)[1]
        return self.process.returncode, told.strip().splitlines()[-1]

    def leaves_nothing(self) -> bool:
        """Tells whether no run is there, and what the command started ends.

        A folder that is not published may be: after Ctrl-C the next run removes it.
        """
        for _ in range(600):
            if not processes_of(str(self.run)):
                return not (self.run / "manifest.json").exists()
            time.sleep(0.1)
        return False

    def stop(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.wait()


def _started_workers(processes: Processes) -> list[int]:
    """Returns the processes of all workers that were started, the newest last."""
    return [int(n) for n in re.findall(r"process (\d+)", processes.log("workers").read_text())]


def _at_work(processes: Processes) -> int:
    """Returns the newest worker that has begun and connected, and still runs; 0: none."""
    for number in reversed(_started_workers(processes)):
        with suppress(OSError):
            if _age_seconds(number) > 0.4:
                return number
    return 0


def _kill(process: int) -> None:
    """Kills a process, if it is there still."""
    with suppress(ProcessLookupError):
        if process:
            os.kill(process, signal.SIGKILL)


def _age_seconds(process: int) -> float:
    """Returns how long a process has run.

    Raises:
        OSError: it does not run.
    """
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def processes_of(*words: str) -> list[int]:
    """Returns the processes that have all of some words in their command, the oldest first."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            command_line = path.read_bytes().decode(errors="replace")
            if all(word in command_line for word in words):
                found.append(int(path.parent.name))
    return sorted(found)
