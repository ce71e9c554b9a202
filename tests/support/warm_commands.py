"""Forebay's commands as processes of their own that have loaded all libraries already.

A command takes 5 s to load them, and many points of failure are tried. Run as a script, this
loads them once and forks itself for each command that it is told of on standard input; `Warm` is
its other end.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Done:
    """How a command ended.

    Attributes:
        status: its exit status; that of a signal is negative.
        out, err: what it printed.
    """

    status: int
    out: str
    err: str


def state(process: int) -> str:
    """What a process is doing, in the letter that Linux has for it."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


class Warm:
    """Runs commands, one at a time, in a folder.

    Args:
        folder: the working folder of the commands; what they print is kept in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: subprocess.Popen[str] | None = None

    def __enter__(self) -> Warm:
        command = [sys.executable, __file__]
        self._server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, cwd=self._folder, start_new_session=True,
        )  # fmt: skip
        assert self._hear() == "ready"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        assert self._server is not None
        self._server.communicate()

    def start(
        self, arguments: Sequence[str], *, cwd: Path, stopped: bool = False, **environment: str
    ) -> int:
        """Starts a command.

        Args:
            arguments: what follows ``forebay``.
            cwd: where it runs.
            stopped: whether it waits for SIGCONT before it begins.
            environment: variables that it has besides.

        Returns:
            The number of its process.
        """
        told = {
            "arguments": list(arguments), "cwd": str(cwd), "stopped": stopped,
            "environment": environment, "out": str(self._folder / "out"),
            "err": str(self._folder / "err"),
        }  # fmt: skip
        self._tell(json.dumps(told))
        process = int(self._hear())
        while stopped and state(process) != "T":  # a SIGCONT that comes before would be lost
            time.sleep(0.01)
        return process

    def wait(self) -> Done:
        """Waits for the end of the command that was started last."""
        self._tell("wait")
        status = int(self._hear())
        said = ((self._folder / name).read_text("utf-8", "replace") for name in ("out", "err"))
        return Done(status, *said)

    def run(self, arguments: Sequence[str], *, cwd: Path, **environment: str) -> Done:
        """Runs a command to its end."""
        self.start(arguments, cwd=cwd, **environment)
        return self.wait()

    def _tell(self, line: str) -> None:
        assert self._server is not None
        assert self._server.stdin is not None
        self._server.stdin.write(f"{line}\n")
        self._server.stdin.flush()

    def _hear(self) -> str:
        assert self._server is not None
        assert self._server.stdout is not None
        return self._server.stdout.readline().strip()


def _serve() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import forebay.cli
    import forebay.pipelines.preprocess
    import forebay.serving.predictor
    import forebay.trainer.task
    import forebay.trainer.training.train  # noqa: F401 - what all commands load

    print("ready", flush=True)
    child = 0
    for line in sys.stdin:
        if line.strip() == "wait":
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        told = json.loads(line)
        child = os.fork()
        if child == 0:
            sys.exit(_command(told))
        print(child, flush=True)


def _command(told: dict[str, Any]) -> int:
    from forebay.cli import main
    from forebay.console.process import in_own_process

    os.setsid()
    os.chdir(told["cwd"])
    os.environ.update(told["environment"])
    for number, name in ((0, os.devnull), (1, told["out"]), (2, told["err"])):
        opened = os.open(name, os.O_RDWR | os.O_CREAT | (os.O_TRUNC if number else 0))
        os.dup2(opened, number)
        os.close(opened)
    if told["stopped"]:
        os.kill(os.getpid(), signal.SIGSTOP)
    return in_own_process(lambda: main(told["arguments"]))


if __name__ == "__main__":
    _serve()
