"""What every command does with exceptions: one line, and an exit status."""

import argparse
import traceback
from collections.abc import Callable

from forebay.console.first_moment import INTERRUPTED
from forebay.console.machine import find_refusal, full_disk_told
from forebay.console.stores import store_failures_told
from forebay.console.terminal import choose_verbosity, plain_line, tell
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
        with full_disk_told(_written(args)), store_failures_told(_written(args)):
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
    """Prints a line that says what went wrong, and what helps.

    Args:
        error: the exception.
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
