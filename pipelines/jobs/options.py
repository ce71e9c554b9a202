"""The options of ``forebay jobs``, free of heavy imports."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from forebay.console.arguments import add_common, choice, describe, help_of
from forebay.console.commands import Command
from forebay.pipelines.runners.dataflow.checks import where_problems
from forebay.transforms.errors import InputError, Problem

ACTIONS = ("list", "describe", "logs", "cancel")


@dataclass(frozen=True)
class JobsOptions:
    """What ``forebay jobs`` is asked to do.

    Attributes:
        action: ``list`` tells the jobs of a project in a region, the newest first; ``describe``
            what became of one; ``logs`` what it says; ``cancel`` ends it: a run whose job was
            ended is not published.
        job: the job's id, as preprocess and list tell it; None: all, which only list takes.
        project: the id of the Google Cloud project.
        region: where the jobs run, such as europe-west1.
        endpoint: another address of Dataflow's API, such as a private one; None: Google's own.

    Raises:
        InputError: options are missing or wrong; it lists all of them.
    """

    action: str
    job: str | None = None
    project: str | None = None
    region: str | None = None
    endpoint: str | None = None

    def __post_init__(self) -> None:
        problems = [str(problem) for problem in self._problems()]
        if problems:
            raise InputError("options of jobs: " + "; ".join(problems))

    def _problems(self) -> Iterator[Problem]:
        yield from choice("ACTION", self.action, ACTIONS)
        if self.action == "list" and self.job is not None:
            yield Problem("JOB", self.job, "list takes none", f"write describe {self.job}")
        elif self.action != "list" and self.job is None:
            yield Problem("JOB", None, "missing", "`forebay jobs list` tells the jobs' ids")
        yield from where_problems(self.project, self.region)


def add_jobs_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``forebay jobs`` to a parser."""
    describe(
        parser,
        "Show and end jobs on Google Cloud Dataflow.",
        "list --project my-project --region europe-west1",
        "logs 2026-11-29_01_23-4567 --project my-project --region europe-west1",
        "cancel 2026-11-29_01_23-4567 --project my-project --region europe-west1",
    )
    add = parser.add_argument
    add("action", metavar="ACTION", choices=ACTIONS, help=help_of(JobsOptions, "action"))
    add("job", metavar="JOB", nargs="?", help=help_of(JobsOptions, "job"))
    add("--project", metavar="ID", help=help_of(JobsOptions, "project"))
    add("--region", metavar="REGION", help=help_of(JobsOptions, "region"))
    add("--endpoint", metavar="URL", help=help_of(JobsOptions, "endpoint"))
    add_common(parser, json="what is told")


def jobs_options(args: argparse.Namespace) -> JobsOptions:
    """Makes the options of parsed arguments."""
    return JobsOptions(args.action, args.job, args.project, args.region, args.endpoint)


COMMANDS = {
    "jobs": Command(
        "show and end jobs on Dataflow",
        add_jobs_arguments,
        "forebay.pipelines.jobs.command:run_jobs",
    ),
}
