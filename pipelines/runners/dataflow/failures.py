"""What failures of Dataflow's jobs mean to whoever started them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from forebay.console.google_words import shown
from forebay.pipelines.google import failures
from forebay.pipelines.google.failures import Service
from forebay.transforms.errors import ForebayError, InputError, RunFailed

if TYPE_CHECKING:
    from forebay.pipelines.runners.dataflow.engine import Dataflow

_MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_ACTIVE = re.compile(r"There is already active job named [^\n]*")
_CANCELLED = re.compile(r"Dataflow pipeline failed\. State: (CANCELLED|DRAINED|UPDATED)")


def explained(failure: str, on: Dataflow) -> ForebayError | None:
    """Returns what to raise for a failure; None: it is none of those known here."""
    if found := _MISSING.search(failure):
        return _missing_module(found[1], on)
    if found := _ACTIVE.search(failure):
        return InputError(
            f"a job of this name is running ({shown(found[0])}); cancel it by `forebay jobs cancel "
            f"ID --project {on.project} --region {on.region}`, for it may write the same run; give "
            "another --job-name only where --output is another"
        )
    if found := _CANCELLED.search(failure):
        return RunFailed(
            f"the job in {on.project}, {on.region}, was {found[1].lower()} by somebody; nothing is "
            "published; start again"
        )
    return failures.explained(failure, service_of(on.project, on.region))


def service_of(project: str | None, region: str | None) -> Service:
    """Returns Dataflow in a project and a region."""
    return Service(
        "Dataflow", project, region, "roles/dataflow.developer",
        "give --max-workers fewer or a smaller --worker-machine-type",
        f"forebay jobs list --project {project} --region {region}",
    )  # fmt: skip


def _missing_module(module: str, on: Dataflow) -> ForebayError:
    if module.partition(".")[0] in ("forebay", "tensorflow", "tensorflow_transform", "tfx_bsl"):
        image = f"--container-image {on.container_image}" if on.container_image else "--setup-file"
        return InputError(
            f"{image}: the workers have no {module}; build the image anew from Forebay's "
            "Dockerfile, which has it"
        )
    return InputError(
        f"the workers have no module {module!r}, which the definition needs; put it beside the "
        "definition's file, or install it in the container image"
    )
