"""The engine of Google Cloud: Dataflow, by its options; light enough for ``--help``."""

import logging
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from forebay.console.terminal import note
from forebay.pipelines.google.checks import read_labels, require_clients
from forebay.pipelines.runners.dataflow.checks import place_problems, problems
from forebay.pipelines.runners.engine import Engine, Work, option
from forebay.transforms.errors import ForebayError, InputError

RUNNER = "DataflowRunner"
# From so many bytes of text on Dataflow's own shuffle takes the rows: each group would read of
# hundreds of files, one after the other. See docs/how-to/leave-one-machine.md.
_RUNNER_SHUFFLES_BYTES = 8 << 30
_STAGER = "apache_beam.runners.portability.stager"
# What Beam calls our options.
BEAM_NAMES = {
    "project": "project",
    "region": "region",
    "temp_location": "temp_location",
    "staging_location": "staging_location",
    "service_account": "service_account_email",
    "network": "network",
    "subnetwork": "subnetwork",
    "worker_machine_type": "machine_type",
    "num_workers": "num_workers",
    "max_workers": "max_num_workers",
    "container_image": "sdk_container_image",
    "setup_file": "setup_file",
    "job_name": "job_name",
}


@dataclass(frozen=True)
class Dataflow(Engine):
    """Google Cloud Dataflow: a service whose workers are machines of your project.

    Attributes:
        project: the id of the Google Cloud project that pays.
        region: where jobs run, such as europe-west1.
        bucket: a bucket for what jobs stage and leave by the way, in its folder ``forebay``.
        temp_location: where jobs leave files by the way; None: in ``bucket``.
        staging_location: where what travels to the workers is staged; None: in ``bucket``, or as
            ``temp_location``.
        service_account: whose rights the workers have; None: the project's own for Compute Engine.
        network: the workers' network; None: the project's default.
        subnetwork: the workers' subnetwork, of ``region``.
        worker_machine_type: the workers' machines, such as n2-standard-4; None: Dataflow chooses.
        num_workers: how many workers there are at first; None: Dataflow chooses.
        max_workers: how many workers there may be; None: Dataflow chooses.
        labels: labels of the jobs, KEY=VALUE,..., for the bill.
        container_image: what workers run, with Forebay and what it needs in it.
        setup_file: the lighter way: the pyproject.toml of Forebay's sources, from which workers
            install it when they start.
        job_name: what the jobs are called; None: forebay, and the definition's name.
    """

    name: ClassVar[str] = "dataflow"

    project: str | None = option("--project", "ID")
    region: str | None = option("--region", "REGION")
    bucket: str | None = option("--bucket", "BUCKET")
    temp_location: str | None = option("--temp-location", "GS")
    staging_location: str | None = option("--staging-location", "GS")
    service_account: str | None = option("--service-account", "EMAIL")
    network: str | None = option("--network", "NAME")
    subnetwork: str | None = option("--subnetwork", "PATH")
    worker_machine_type: str | None = option("--worker-machine-type", "TYPE")
    num_workers: int | None = option("--num-workers", "N", read=int)
    max_workers: int | None = option("--max-workers", "N", read=int)
    labels: str | None = option("--labels", "KEY=VALUE,...")
    container_image: str | None = option("--container-image", "IMAGE")
    setup_file: str | None = option("--setup-file", "FILE")
    job_name: str | None = option("--job-name", "NAME")

    def check_account(self) -> None:
        """Checks options, credentials and buckets.

        Raises:
            InputError: options are missing or wrong, all of them told; or as `check_access`.
        """
        self.check_options()
        from forebay.pipelines.google.account import check_access

        check_access(self.project, str(self.region), self._places())

    def _places(self) -> Iterator[tuple[str, str]]:
        for flag, place in (("--temp-location", self.temp), ("--staging-location", self.staging)):
            is_in_bucket = self.bucket and place.startswith(self._in_bucket(""))
            yield "--bucket" if is_in_bucket else flag, place

    def check_options(self) -> None:
        """Checks the options without asking anybody.

        Raises:
            InputError: some are missing or wrong; it lists all of them.
        """
        require_clients("Dataflow", "google.cloud.dataflow")
        _refuse(problems(self))

    def check(self, work: Work) -> None:
        """Checks that workers reach what is read and written.

        Raises:
            InputError: something lies on this machine.
        """
        _refuse(place_problems(work))

    def _in_bucket(self, folder: str) -> str:
        bucket = (self.bucket or "").removeprefix("gs://").rstrip("/")
        return f"gs://{bucket}/forebay/{folder}"

    @property
    def temp(self) -> str:
        """Where jobs leave files by the way."""
        return self.temp_location or self._in_bucket("temp")

    @property
    def staging(self) -> str:
        """Where what travels to the workers is staged."""
        own = self._in_bucket("staging") if self.bucket else self.temp
        return self.staging_location or own

    @contextmanager
    def open(self, work: Work) -> Iterator[Sequence[str]]:
        """Gives the options of Beam's Dataflow runner, and packs the definition's own code."""
        from forebay.pipelines.google.beam_credentials import credentials_asked_once
        from forebay.pipelines.runners.dataflow.waiting import told_in_lines
        from forebay.pipelines.runners.own_code import pack_own_code

        with tempfile.TemporaryDirectory(prefix="forebay-dataflow-") as folder:
            wheel = pack_own_code(work.dataset, Path(folder), without=work.paths)
            # Beam warns of wheels that another machine's Python may not take: this one any takes.
            logging.getLogger(_STAGER).setLevel(logging.ERROR)
            with told_in_lines(), credentials_asked_once():
                yield (*self.arguments(work), *([f"--extra_package={wheel}"] if wheel else []))

    def arguments(self, work: Work) -> Iterator[str]:
        """Yields the options in Beam's words."""
        yield f"--runner={RUNNER}"
        values = {name: getattr(self, name) for name in BEAM_NAMES} | {
            "temp_location": self.temp,
            "staging_location": self.staging,
            "setup_file": self.setup_file and os.path.abspath(self.setup_file),
            "job_name": self.job_name or job_name(work.dataset.name),
        }
        for name, value in values.items():
            if value is not None:
                yield f"--{BEAM_NAMES[name]}={value}"
        if work.text_bytes >= _RUNNER_SHUFFLES_BYTES:
            yield "--shuffle_by=runner"
        yield from (f"--labels={key}={value}" for key, value in read_labels(self.labels).items())
        # What this process has at hand, keys and tokens perhaps, is nothing to workers: functions
        # are found by import path.
        yield "--no_save_main_session"

    def page(self, job: str) -> str:
        """Returns the address of a job's page."""
        return (
            f"https://console.cloud.google.com/dataflow/jobs/{self.region}/{job}"
            f"?project={self.project}"
        )

    def prepare(self, pipeline: Any) -> None:
        """Lets workers compare their versions with those of this process."""
        from forebay.pipelines.runners.dataflow.versions import CheckVersions

        _ = pipeline | "Versions" >> CheckVersions()

    @contextmanager
    def watched(self, result: Any) -> Iterator[None]:
        """Says where a job can be looked at, and that it goes on where it is no longer waited for.

        Args:
            result: Beam's `PipelineResult`.
        """
        from forebay.pipelines.runners.dataflow.waiting import failures_raised

        where = f"--project {self.project} --region {self.region}"
        note(f"Dataflow job {result.job_id()}: {self.page(result.job_id())}")
        try:
            with failures_raised():
                yield
        except KeyboardInterrupt:
            note(f"the job goes on; `forebay jobs cancel {result.job_id()} {where}` ends it")
            raise

    def explain(self, failure: str) -> ForebayError | None:
        """Says in one line what a failure of a job, or of Google's services, means."""
        from forebay.pipelines.runners.dataflow.failures import explained

        return explained(failure, self)


def job_name(dataset: str) -> str:
    """Returns a job's name for a definition's."""
    own = re.sub(r"[^a-z0-9]+", "-", dataset.lower()).strip("-")
    return f"forebay-{own}"[:63].rstrip("-")


def _refuse(found: Iterator[object] | Sequence[object]) -> None:
    told = [str(problem) for problem in found]
    if told:
        raise InputError("options of --on dataflow: " + "; ".join(told))
