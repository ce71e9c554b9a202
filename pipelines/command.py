"""``forebay preprocess``: from parsed arguments to what is printed."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from forebay.console.terminal import notes, results, say, say_json
from forebay.console.words import counted
from forebay.pipelines.options import PreprocessOptions, preprocess_options
from forebay.transforms.errors import InputError

if TYPE_CHECKING:
    from forebay.pipelines.runners.dataflow.job_graph import DrawnJob


def run_preprocess(args: argparse.Namespace) -> int:
    """Runs ``forebay preprocess`` with parsed arguments; returns its exit status."""
    options = preprocess_options(args)
    if options.dry_run is not None:
        return _dry_run(options, args)
    from forebay.pipelines.preprocess import preprocess
    from forebay.pipelines.sinks.files import STANDARD_OUTPUT
    from forebay.pipelines.summary import print_summary

    prints_rejects = options.rejects == STANDARD_OUTPUT
    if args.json and prints_rejects:
        raise InputError("--json and --rejects - both print; leave one of them out")
    manifest = preprocess(options)
    if args.json:
        say_json(manifest.to_plain(), indent=2)
    else:
        print_summary(manifest, args.output, notes() if prints_rejects else results())
    return 0


def _dry_run(options: PreprocessOptions, args: argparse.Namespace) -> int:
    from forebay.pipelines.dry_run import write_jobs  # it imports TensorFlow

    tell_jobs(write_jobs(options, args.dry_run), args.dry_run, args)
    return 0


def tell_jobs(jobs: Mapping[str, DrawnJob], folder: str, args: argparse.Namespace) -> None:
    """Tells which jobs were written to a folder."""
    if args.json:
        say_json({name: asdict(job) for name, job in jobs.items()}, indent=2)
        return
    for name, job in jobs.items():
        say(
            f"{folder}/{name}: {counted(len(job.steps), 'step')}, a graph of "
            f"{job.graph_bytes:,} bytes, {counted(len(job.staged), 'file')} to stage"
        )
