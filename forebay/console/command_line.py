"""What every command does with exceptions: one line, and an exit status."""

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from forebay.console.machine import find_refusal, full_disk_told
from forebay.console.process import INTERRUPTED
from forebay.console.terminal import choose_verbosity, is_verbose, plain_line, saying, tell
from forebay.transforms.errors import DefinitionError, ForebayError, UserError, first_line

USER_ERROR, FAILURE = 2, 1


def run_command(command: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    """Runs a command and turns what it raises into a line on standard error.

    Args:
        command: takes the parsed arguments and returns an exit status.
        args: ``args.debug``, where there is one, asks for tracebacks.

    Returns:
        The command's own status; 2 for the user's mistakes, 1 for failures, 130 for Ctrl-C.
    """
    choose_verbosity(args)
    try:
        with full_disk_told(_written(args)):
            return command(args)
    except KeyboardInterrupt:
        tell("interrupted")
        return INTERRUPTED
    except Exception as error:
        return tell_failure(error, debug=getattr(args, "debug", False))


def _written(args: argparse.Namespace) -> str:
    """Returns what a command writes to, as its arguments have it; else the working folder."""
    values = (getattr(args, name, None) for name in ("output", "run"))
    return next((value for value in values if isinstance(value, str)), ".")


def tell_failure(error: Exception, *, debug: bool = False) -> int:
    """Prints a line that says what an exception is about, and what helps.

    Args:
        error: it.
        debug: whether to print the traceback before.

    Returns:
        The exit status.
    """
    if debug:
        traceback.print_exception(error)
    if isinstance(error, DefinitionError):
        tell(f"error: {error}")
        return USER_ERROR
    if isinstance(error, ForebayError):
        tell(f"error: {plain_line(str(error))}")
        return USER_ERROR if isinstance(error, UserError) else FAILURE
    refusal = find_refusal(error)
    if refusal is not None:
        tell(f"error: {plain_line(str(refusal))}")
        return USER_ERROR if refusal.is_users else FAILURE
    hint = "" if debug else "; --debug shows where"
    tell(f"error: unexpected {plain_line(first_line(error))}{hint}")
    return FAILURE


@contextmanager
def native_logs_hidden() -> Iterator[None]:
    """Hides what libraries write to file descriptor 2 past Python; not with ``--verbose``.

    TensorFlow greets every import with lines that heed none of its log levels.
    """
    if is_verbose():
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def start_tensorflow() -> None:
    """Imports TensorFlow without its greetings; a log level that the user set stays."""
    quiet_tensorflow()
    with saying("loading TensorFlow"), native_logs_hidden():
        import tensorflow_transform  # noqa: F401 - first: it chooses tf.keras

        import tensorflow as tf  # isort: skip

        tf.get_logger()  # which in notebooks sets itself to tell everything
    quiet_tensorflow()


def quiet_tensorflow() -> None:
    """Lets TensorFlow log errors only: its own lines are about its build, not the user's work.

    A level that the user set stays, and with ``--verbose`` it logs as it does by itself.
    """
    if is_verbose():
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
