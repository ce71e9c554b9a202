"""The options of ``forebay jobs``, free of heavy imports."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass

from forebay.console.arguments import add_common, choice, describe, help_of
from forebay.console.commands import Command
from forebay.pipelines.google.checks import where_problems
from forebay.transforms.errors import InputError, Problem

ACTIONS = ("list", "describe", "logs", "cancel")
SERVICES = ("dataflow", "vertex", "flink")
_JOB = re.compile(r"[\w.:-]+")
# A job, or a message of one: what is told of it, by name.
Entry = dict[str, str]


@dataclass(frozen=True)
class JobsOptions:
    """What ``forebay jobs`` is asked to do.

    Attributes:
        action: ``list`` tells the jobs there are, the newest first; ``describe`` what became of
            one; ``logs`` what it says; ``cancel`` ends it: a run whose job was ended is not
            published.
        job: the job's id, as list tells it; None: all, which only list takes.
        on: where the jobs run: ``dataflow``, ``vertex`` or ``flink``.
        project: the id of the Google Cloud project; not for ``flink``.
        region: where the jobs run, such as europe-west1; not for ``flink``.
        endpoint: another address of the service's API, such as a private one; None: Google's own.
        flink_master: HOST:PORT of the REST API of the Flink cluster's job manager.

    Raises:
        InputError: options are missing or wrong; it lists all of them.
    """

    action: str
    job: str | None = None
    on: str = "dataflow"
    project: str | None = None
    region: str | None = None
    endpoint: str | None = None
    flink_master: str | None = None

    def __post_init__(self) -> None:
        problems = [str(problem) for problem in self._problems()]
        if problems:
            raise InputError("options of jobs: " + "; ".join(problems))

    def _problems(self) -> Iterator[Problem]:
        yield from choice("ACTION", self.action, ACTIONS)
        yield from choice("--on", self.on, SERVICES)
        if self.action == "list" and self.job is not None:
            yield Problem("JOB", self.job, "list takes none", f"write describe {self.job}")
        elif self.action != "list" and self.job is None:
            yield Problem("JOB", None, "missing", "`forebay jobs list` tells the jobs' ids")
        if self.on == "dataflow" and self.job is not None and not _JOB.fullmatch(self.job):
            cure = "`forebay jobs list` tells the jobs' ids"
            yield Problem("JOB", self.job, "not the id of a job of Dataflow", cure)
        if self.on != "flink":
            yield from where_problems(self.project, self.region)
        elif self.flink_master is None:
            cure = "name HOST:PORT of the job manager's REST API"
            yield Problem("--flink-master", None, "missing", cure)
        named = {"--project": self.project, "--region": self.region, "--endpoint": self.endpoint}
        others = named if self.on == "flink" else {"--flink-master": self.flink_master}
        for flag, value in others.items():
            if value is not None:
                yield Problem(flag, value, f"not for --on {self.on}", "leave it out")


def add_jobs_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``forebay jobs`` to a parser."""
    describe(
        parser,
        "Show and end jobs on Google Cloud Dataflow, on Vertex AI, or on a Flink cluster.",
        "list --project my-project --region europe-west1",
        "logs 2026-11-29_01_23-4567 --project my-project --region europe-west1",
        "cancel 2026-11-29_01_23-4567 --project my-project --region europe-west1",
        "list --on vertex --project my-project --region europe-west1",
        "list --on flink --flink-master localhost:8081",
    )
    add = parser.add_argument
    add("action", metavar="ACTION", choices=ACTIONS, help=help_of(JobsOptions, "action"))
    add("job", metavar="JOB", nargs="?", help=help_of(JobsOptions, "job"))
    add("--on", choices=SERVICES, default=JobsOptions.on, help=help_of(JobsOptions, "on"))
    add("--project", metavar="ID", help=help_of(JobsOptions, "project"))
    add("--region", metavar="REGION", help=help_of(JobsOptions, "region"))
    add("--endpoint", metavar="URL", help=help_of(JobsOptions, "endpoint"))
    add("--flink-master", metavar="HOST:PORT", help=help_of(JobsOptions, "flink_master"))
    add_common(parser, json="what is told")


def jobs_options(args: argparse.Namespace) -> JobsOptions:
    """Makes the options of parsed arguments."""
    return JobsOptions(
        args.action, args.job, args.on, args.project, args.region, args.endpoint, args.flink_master
    )


COMMANDS = {
    "jobs": Command(
        "show and end jobs on Dataflow, Vertex AI and Flink",
        add_jobs_arguments,
        "forebay.commands.jobs.command:run_jobs",
    ),
}
