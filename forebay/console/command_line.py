"""What every command does with exceptions: one line, and an exit status."""

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from forebay.console.terminal import choose_verbosity, is_verbose, saying
from forebay.transforms.errors import ForebayError, UserError

USER_ERROR, FAILURE, INTERRUPTED = 2, 1, 130


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
        return command(args)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output left, as `head` does. Python flushes standard output once
        # more at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except Exception as error:
        debug = getattr(args, "debug", False)
        if debug:
            traceback.print_exc()
        print(f"error: {_line(error, debug)}", file=sys.stderr)
        return USER_ERROR if isinstance(error, UserError) else FAILURE


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


def _line(error: Exception, debug: bool) -> str:
    if isinstance(error, ForebayError):
        return str(error)
    first = next(iter(str(error).splitlines()), "")
    hint = "" if debug else "; --debug shows where"
    return f"unexpected {type(error).__name__}: {first}{hint}"


def start_tensorflow() -> None:
    """Imports TensorFlow without its greetings; a log level that the user set stays."""
    quiet_tensorflow()
    with saying("loading TensorFlow"), native_logs_hidden():
        import tensorflow_transform  # noqa: F401 - brings TensorFlow


def quiet_tensorflow() -> None:
    """Lets TensorFlow log errors only: its own lines are about its build, not the user's work.

    A level that the user set stays, and with ``--verbose`` it logs as it does by itself.
    """
    if is_verbose():
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
