"""``init``, ``check``, ``explain`` and ``report``, from Python."""

from __future__ import annotations

import os

from forebay.commands.check import command as checking
from forebay.commands.check.options import CheckOptions
from forebay.commands.check.report import CheckReport
from forebay.commands.explain import command as explaining
from forebay.commands.explain.options import ExplainOptions
from forebay.commands.explain.report import RowReport
from forebay.commands.init import command as starting
from forebay.commands.init.command import Guess
from forebay.commands.init.options import InitOptions
from forebay.commands.report import command as reporting
from forebay.commands.report.features.report import FeatureReport
from forebay.commands.report.options import ReportOptions
from forebay.functions.run import Run
from forebay.functions.signatures import also_takes, takes


@takes(InitOptions)
def init(options: InitOptions) -> Guess:
    """Guesses a starting definition from a sample of the data.

    Returns:
        The definition, ``.dataset``, and the text of its file, ``.source``: a guess with its
        reasons.

    Raises:
        InputError: the input cannot be read, there is nothing to learn from it, or the file cannot
            be written.
    """
    return starting.guess(options)


@takes(CheckOptions)
def check(options: CheckOptions) -> CheckReport:
    """Looks for leaks: computes a definition on a part of the data, and what no row may know.

    Returns:
        What was found; ``.leaks`` counts what leaks, ``.print()`` prints all.

    Raises:
        UserError: the definition or the input is not as it must be.
    """
    return checking.check(options)


@takes(ExplainOptions)
def explain(options: ExplainOptions) -> RowReport:
    """Tells which events the windowed values of one row were made of.

    Returns:
        What was found; ``.print()`` prints it.

    Raises:
        UserError: the definition, the input, the row or a column is not as it must be.
        RunFailed: a value is not that of the events listed.
    """
    return explaining.explained(options)


@also_takes(ReportOptions)
def report(run: Run | str | os.PathLike[str], options: ReportOptions) -> FeatureReport:
    """Tells how a run's training rows are spread over the ids of its features.

    Returns:
        What was found; ``.print()`` prints it.

    Raises:
        RunFolderError: the folder is not a finished run, or a file of it is damaged.
        InputError: a pattern matches no output.
    """
    return reporting.reported(os.fspath(run), options)
