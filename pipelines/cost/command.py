"""``forebay cost``: from parsed arguments to what is printed."""

import argparse
from dataclasses import asdict

from forebay.console.tables import aligned
from forebay.console.terminal import say, say_json
from forebay.pipelines.cost.estimate import Estimate, bounds
from forebay.pipelines.cost.measured import estimate
from forebay.pipelines.cost.options import cost_options

_HOUR = 3600


def run_cost(args: argparse.Namespace) -> int:
    """Runs ``forebay cost`` with parsed arguments; returns its exit status."""
    options = cost_options(args)
    found = estimate(options)
    if args.json:
        say_json({**asdict(found), "bounds": list(bounds(found))}, indent=2)
        return 0
    for line in _lines(found, options.vcpus):
        say(line)
    return 0


def _lines(found: Estimate, vcpus: int) -> list[str]:
    lesser, greater = found.trials
    heads = ("", "", f"{lesser.rows:,} rows", f"{greater.rows:,} rows", f"{found.rows:,.0f} rows")
    rows = [
        (line.what, line.unit, *(f"{value:,.2f}" for value in line.measured), _shown(line.wanted))
        for line in found.lines
    ]
    peaks = (f"{one.peak_bytes / 1e9:,.2f}" for one in found.trials)
    rows.append(("memory of a worker", "GB", *peaks, f"{found.worker_bytes / 1e9:,.2f}"))
    hours = found.vcpu_seconds / _HOUR
    return [
        *aligned([heads, *rows]),
        "",
        f"{hours:,.1f} vCPU-hours; a worker of {vcpus} vCPUs needs {hours / vcpus:,.1f} hours, "
        f"100 of them {60 * hours / vcpus / 100:,.1f} minutes where nothing bounds them",
        f"each process pays about {found.start_vcpu_seconds:,.0f} vCPU-s first",
        "what bounds it:",
        *(f"  {line}" for line in bounds(found)),
    ]


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
