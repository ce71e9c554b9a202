"""What Beam's client of Dataflow says, repeats and loses while it sends a job and waits for it."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from forebay.console.google_words import shown
from forebay.console.logs import logs_filtered
from forebay.console.shared import shared
from forebay.pipelines.google.failures import is_expired

# It asks in a thread of this function, whose end it cannot tell from that of the job.
_ASKING = "poll_for_job_completion"
_LOGGERS = (
    "apache_beam.runners.dataflow.dataflow_runner",
    "apache_beam.runners.dataflow.internal.apiclient",
    "apache_beam.utils.retry",
)  # fmt: skip


@contextmanager
def failures_raised() -> Iterator[None]:
    """Raises what ends the thread that asks about a job, which would print it and be forgotten."""
    with _failures_kept() as lost:
        try:
            yield
        except AssertionError as error:
            if not lost:
                raise
            raise lost.pop(0) from error


@shared
@contextmanager
def _failures_kept() -> Iterator[list[BaseException]]:
    """Gives what has ended such threads, of all jobs that are waited for."""

    def keep(failed: threading.ExceptHookArgs) -> None:
        frames = traceback.extract_tb(failed.exc_traceback)
        if failed.exc_value is not None and any(one.name == _ASKING for one in frames):
            lost.append(failed.exc_value)
        else:
            hook(failed)

    lost: list[BaseException] = []
    hook, threading.excepthook = threading.excepthook, keep
    try:
        yield lost
    finally:
        threading.excepthook = hook


@shared
def told_in_lines() -> AbstractContextManager[None]:
    """Makes a line of each warning, and leaves out errors: what ends the command is raised, too."""
    return logs_filtered(_LOGGERS, _as_line)


def _as_line(record: logging.LogRecord) -> bool:
    said = record.getMessage()
    record.msg, record.args = shown(said), ()
    return record.levelno < logging.ERROR and not is_expired(said)
