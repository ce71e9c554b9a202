"""Work in a process of its own, which is made as a copy of this one.

It is for work that leaves its results in files, and wins where Python would do two things in turns.
"""

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from forebay.console.process import is_own_process
from forebay.transforms.errors import ForebayError, RunFailed, first_line

# Of Linux's prctl: the signal that a process gets when its parent ends, however it ends.
_PR_SET_PDEATHSIG = 1


def is_copyable() -> bool:
    """Tells whether this process can be copied: a command's own, without TensorFlow's threads."""
    return sys.platform == "linux" and is_own_process() and "tensorflow" not in sys.modules


@contextmanager
def done_apart(work: Callable[[], None], does: str) -> Iterator[None]:
    """Does work in a process of its own while the block runs, and waits for it at its end.

    The process sees all that this one has, and what it changes of it is its own. It ends with this
    one, and where the block raises something: Ctrl-C is this one's alone.

    Args:
        work: leaves its results in files.
        does: what it does, for an error to tell, such as ``reads the rows``.

    Raises:
        Exception: what the work raised; its traceback is among the notes.
        RunFailed: its process was ended, or what it raised cannot be handed over.
    """
    reading, writing = os.pipe()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # or both would write what they hold
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work_and_leave(work, writing, parent)
    os.close(writing)
    status = None
    try:
        with open(reading, "rb") as told:
            yield
            content = told.read()
        status = os.waitpid(child, 0)[1]
    finally:
        if status is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    if not content:
        code = os.waitstatus_to_exitcode(status)
        how = signal.Signals(-code).name if code < 0 else f"status {code}"
        raise RunFailed(
            f"the process that {does} was ended ({how}), as machines do that run out of memory; "
            "use one with more memory, or close other programs"
        )
    error = pickle.loads(content)  # noqa: S301 - from our own copy
    if error is not None:
        raise error


def _work_and_leave(work: Callable[[], None], writing: int, parent: int) -> None:
    """Does the work in the copy, tells what it raised, and ends the process."""
    status = 1
    try:
        _end_with(parent)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        error: BaseException | None = None
        try:
            work()
        except BaseException as raised:
            raised.add_note("".join(traceback.format_exception(raised)))
            error = raised
        sys.stdout.flush()
        sys.stderr.flush()
        with open(writing, "wb") as sink:
            sink.write(_told(error))
        status = 0
    finally:
        os._exit(status)  # nothing of the copy's may be undone


def _told(error: BaseException | None) -> bytes:
    """Returns what is handed over of how the work ended."""
    if error is None:
        return pickle.dumps(error)
    try:
        content = pickle.dumps(error)
        pickle.loads(content)  # noqa: S301 - what was just made
    except Exception:
        said = str(error) if isinstance(error, ForebayError) else first_line(error)
        return pickle.dumps(RunFailed(said))
    return content


def _end_with(parent: int) -> None:
    """Lets this process end as soon as its parent has."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
