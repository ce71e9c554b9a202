"""``forebay report``: how a run's training rows are spread over the ids of its features."""

import argparse
import json
from collections.abc import Sequence
from fnmatch import fnmatchcase

from forebay.report.features.read import read_report
from forebay.report.features.report import FeatureReport
from forebay.transforms.errors import InputError


def report(run: str, patterns: Sequence[str] = ()) -> FeatureReport:
    """Reads what a run says of its features.

    Args:
        run: the run folder.
        patterns: names of the outputs to report on; empty: all.

    Raises:
        RunFolderError: the folder is no finished run, or a file of it is damaged.
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


def run_report(args: argparse.Namespace) -> int:
    """Runs ``forebay report`` with parsed arguments; returns its exit status."""
    found = report(args.run, args.output)
    if args.plot is not None:
        _plot(found, args.plot)
    if args.json:
        print(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        found.print()
    return 0


def _plot(found: FeatureReport, path: str) -> None:
    from forebay.report.features.plot import draw

    if not found.outputs:
        raise InputError(f"--plot {path!r}: the run has no outputs of ids to draw")
    picture = draw(found)
    try:
        with open(path, "wb") as file:
            file.write(picture)
    except OSError as error:
        raise InputError(f"--plot {path!r} cannot be written ({error}); choose another") from error
