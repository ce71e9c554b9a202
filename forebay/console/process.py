"""The process of a command: its standard streams, and Ctrl-C, which ends it within two seconds.

Only the process's own entry points use this: a program that calls a command keeps its streams and
its signals.
"""

import atexit
import io
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, TextIO

from forebay.console.first_moment import INTERRUPTED

# Whether the process is a command's own.
_is_own = False
# What is under way may take so long to clean up; what is left then, the next run removes.
_GRACE_SECONDS = 1.25


class _Words(io.FileIO):
    """Standard error: nothing that is said there may end the work, even if nobody can hear it.

    Attributes:
        muted: whether nothing is said any more.
    """

    muted = False

    def write(self, content: Any) -> int:
        """Writes what can be written."""
        try:
            return len(content) if self.muted else super().write(content) or 0
        except OSError:
            return len(content)


class _Results(io.FileIO):
    """Standard output: where it cannot be written to, an error says so, once."""

    _is_lost = False

    def write(self, content: Any) -> int:
        """Writes; what follows an error is dropped, or Python would tell of it when it ends."""
        if self._is_lost:
            return len(content)
        try:
            return super().write(content) or 0
        except OSError as error:
            self._is_lost = True
            raise OSError(error.errno, error.strerror, "standard output") from error


class Interrupts:
    """Ctrl-C, from its first moment to the end of the process.

    Python raises KeyboardInterrupt in the main thread between two steps of its own. That may never
    come, inside a long call of a library, and may be swallowed, in a destructor or by a library.
    So a thread is woken too, which gives the main thread time to clean up and then ends the
    process.

    Args:
        words: standard error, which falls silent: threads that lose each other print tracebacks.

    Attributes:
        came: whether it has come.
    """

    def __init__(self, words: _Words) -> None:
        self.came = False
        self._words = words
        self._is_over = self._is_raised = False
        self._status = 0
        self._saying, self._is_said = threading.Lock(), False
        self._awaken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def watch(self) -> None:
        """Begins; Ctrl-C stays ignored where the process was started to ignore it."""
        atexit.register(self._leave)  # what is registered first runs last
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            return
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, self._interrupt)
        threading.Thread(target=self._wait, name="interrupts", daemon=True).start()

    def over(self, status: int) -> int:
        """Says that the work is done: from now on there is nothing to clean up.

        Args:
            status: its exit status.

        Returns:
            That of the process: 130 where Ctrl-C came.
        """
        self._status, self._is_over = status, True
        if self.came:
            self._status = INTERRUPTED
            self.say()
        return self._status

    def say(self) -> None:
        """Tells, once, that the command was interrupted; nothing else is told any more."""
        self._words.muted = True
        with self._saying:  # who comes second waits: what follows ends the process
            if not self._is_said:
                self._is_said = True
                with suppress(OSError):
                    os.write(self._words.fileno(), b"interrupted\n")

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._is_over:
            return  # the thread ends the process
        self.came = self._words.muted = True
        if not self._is_raised:
            self._is_raised = True
            raise KeyboardInterrupt

    def _wait(self) -> None:
        while os.read(self._awaken, 1) != bytes([signal.SIGINT]):
            continue
        self.came = self._words.muted = True
        if not self._is_over:
            select.select([self._awaken], [], [], _GRACE_SECONDS)  # or until it comes again
        self.say()
        os._exit(INTERRUPTED)

    def _leave(self) -> None:
        """Ends the process when all that Python has to do at its end is done.

        What follows takes its libraries apart, under threads that may still be inside them, and
        with signals at their defaults: Ctrl-C would kill.
        """
        if self._is_over:
            with suppress(OSError):
                sys.stdout.flush()
            os._exit(self._status)


def is_own_process() -> bool:
    """Tells whether the process is a command's own: nothing else runs in it."""
    return _is_own


def in_own_process(work: Callable[[], int]) -> int:
    """Does the work of a command that has the process for itself.

    Args:
        work: imports what it needs, and returns an exit status or raises SystemExit.

    Returns:
        The exit status: the work's own, or 130 where Ctrl-C came, whatever became of it.
    """
    global _is_own
    _is_own = True
    interrupts = Interrupts(_own_streams())
    try:
        interrupts.watch()
        if "--debug" not in sys.argv:  # what nobody waits for is no error of the command
            sys.unraisablehook = threading.excepthook = _forget
        return interrupts.over(_finished(work))
    except BaseException:
        if not interrupts.came:
            raise
        return interrupts.over(INTERRUPTED)


def _forget(error: object) -> None:
    """Says nothing of an exception in a destructor, a thread of a library or at exit."""


def _finished(work: Callable[[], int]) -> int:
    """Does the work, and writes out what it printed."""
    try:
        status = work()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except OSError as error:  # of printing before there is a command
        return _told(error)
    try:
        sys.stdout.flush()
    except OSError as error:
        return _told(error)
    return status


def _told(error: OSError) -> int:
    from forebay.console.command_line import tell_failure

    return tell_failure(error)


def _own_streams() -> _Words:
    """Makes the standard streams those of a command; returns standard error.

    A stream that is closed gets the null device, the wrong way round where it matters: else the
    next file that is opened, such as a run's, would be written to by whoever prints.
    """
    for number, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)
    # What is said is heard even while what libraries say is hidden.
    words, results = _Words(os.dup(2), "w"), _Results(1, "w", closefd=False)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stderr = _text(words, sys.stderr, is_by_line=True)
    sys.stdout = _text(results, sys.stdout, is_by_line=results.isatty())
    return words


def _text(raw: io.FileIO, before: TextIO | None, *, is_by_line: bool) -> TextIO:
    encoding = before.encoding if before else "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=is_by_line
    )
