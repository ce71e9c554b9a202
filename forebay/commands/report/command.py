"""``forebay report``: how a run's training rows are spread over the ids of its features."""

import argparse
from collections.abc import Sequence
from fnmatch import fnmatchcase

from forebay.commands.report.features.read import read_report
from forebay.commands.report.features.report import FeatureReport
from forebay.commands.report.options import ReportOptions
from forebay.console.terminal import say_json
from forebay.storage.entries import files_below
from forebay.storage.named_files import check_output, write_whole
from forebay.storage.run.publish import REPLACED
from forebay.transforms.errors import InputError


def report(run: str, patterns: Sequence[str] = ()) -> FeatureReport:
    """Reads what a run says of its features.

    Args:
        run: the run folder.
        patterns: names of the outputs to report on; empty: all.

    Raises:
        RunFolderError: the folder is not a finished run, or a file of it is damaged.
        InputError: a pattern matches no output.
    """
    found = read_report(run)
    names = [output.output for output in found.outputs]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise InputError(
                f"--output {pattern!r} matches no output of ids; there are: {', '.join(names)}"
            )
    kept = [
        output
        for output in found.outputs
        if not patterns or any(fnmatchcase(output.output, pattern) for pattern in patterns)
    ]
    names = [output.output for output in kept]
    warnings = [w for w in found.warnings if not patterns or w.feature in names]
    return FeatureReport(found.run, found.dataset, found.rows, kept, warnings)


def reported(run: str, options: ReportOptions) -> FeatureReport:
    """Reads what a run says, and draws it where that is asked for; raises as `report` does."""
    if options.plot is not None:
        check_output(options.plot, "--plot", files_below(run, REPLACED))
    found = report(run, options.output)
    if options.plot is not None:
        _plot(found, options.plot)
    return found


def run_report(args: argparse.Namespace) -> int:
    """Runs ``forebay report`` with parsed arguments; returns its exit status."""
    found = reported(args.run, ReportOptions(tuple(args.output), args.plot))
    if args.json:
        say_json(found.to_json(), indent=2)
    else:
        found.print()
    return 0


def _plot(found: FeatureReport, path: str) -> None:
    from forebay.commands.report.features.plot import draw

    if not found.outputs:
        raise InputError(f"--plot {path!r}: the run has no outputs of ids to draw")
    picture = draw(found)
    write_whole(path, picture, "--plot", files_below(found.run, REPLACED))
