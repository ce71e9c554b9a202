"""What failures of Dataflow and of Google's services mean to whoever started the job."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from forebay.transforms.errors import ForebayError, InputError, RunFailed

if TYPE_CHECKING:
    from forebay.pipelines.runners.dataflow.engine import Dataflow

Told = Callable[[re.Match[str], "Dataflow"], ForebayError]
_LONGEST = 200  # characters of Google's words that are shown


def explained(failure: str, on: Dataflow) -> ForebayError | None:
    """Returns what to raise for a failure; None: it is none of those known here."""
    for pattern, told in _KNOWN:
        found = pattern.search(failure)
        if found:
            return told(found, on)
    return None


def _missing_module(found: re.Match[str], on: Dataflow) -> ForebayError:
    module = found[1]
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


def _quota(found: re.Match[str], on: Dataflow) -> ForebayError:
    return RunFailed(
        f"a quota of {on.project} in {on.region} is used up ({_shown(found[0])}); give "
        "--max-workers fewer or a smaller --worker-machine-type, or ask for more under IAM & Admin "
        "> Quotas"
    )


def _no_machines(found: re.Match[str], on: Dataflow) -> ForebayError:
    return RunFailed(
        f"Google has no such machines free in {on.region} ({_shown(found[0])}); start again later, "
        "or give another --worker-machine-type or --region"
    )


def _cancelled(found: re.Match[str], on: Dataflow) -> ForebayError:
    return RunFailed(
        f"the job was {found[1].lower()} by somebody; nothing is published; start again"
    )


def _forbidden(found: re.Match[str], on: Dataflow) -> ForebayError:
    return InputError(
        f"Google refuses this account in {on.project} ({_shown(found[0])}); enable Dataflow's API "
        "there and give the account roles/dataflow.developer, or correct --project"
    )


def _not_found(found: re.Match[str], on: Dataflow) -> ForebayError:
    return InputError(
        f"Google knows no such project, region or job ({_shown(found[0])}); correct --project "
        f"{on.project} or --region {on.region}"
    )


def _refused(found: re.Match[str], on: Dataflow) -> ForebayError:
    return InputError(f"Dataflow refuses the job ({_shown(found[0])}); correct the option it names")


def _expired(found: re.Match[str], on: Dataflow) -> ForebayError:
    return InputError(
        f"Google no longer takes the credentials ({_shown(found[0])}); run `gcloud auth "
        "application-default login`; a job that runs already goes on, and is cancelled by `forebay "
        "jobs cancel`"
    )


def _active(found: re.Match[str], on: Dataflow) -> ForebayError:
    return InputError(
        f"a job of this name is running ({_shown(found[0])}); give another --job-name, or cancel it"
    )


def _gone(found: re.Match[str], on: Dataflow) -> ForebayError:
    return RunFailed(
        f"Dataflow can no longer be reached ({_shown(found[0])}); the job may go on: look by "
        f"`forebay jobs list --project {on.project} --region {on.region}`, cancel it, and start "
        "again"
    )


def _shown(text: str) -> str:
    """Returns a line of Google's words, without addresses that hold tokens."""
    line = " ".join(re.sub(r"https?://\S+", "", text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


_KNOWN: tuple[tuple[re.Pattern[str], Told], ...] = (
    (re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'"), _missing_module),
    (re.compile(r"There is already active job named [^\n]*"), _active),
    (
        re.compile(r"[^\n]*(?:QUOTA_EXCEEDED|[Qq]uota '?\w*'? ?exceeded|RESOURCE_EXHAUSTED)[^\n]*"),
        _quota,
    ),
    (re.compile(r"^429 [^\n]*", re.M), _quota),
    (re.compile(r"[^\n]*ZONE_RESOURCE_POOL_EXHAUSTED[^\n]*"), _no_machines),
    (re.compile(r"Dataflow pipeline failed\. State: (CANCELLED|DRAINED|UPDATED)"), _cancelled),
    (
        re.compile(r"^401 [^\n]*|[^\n]*(?:invalid_grant|Reauthentication is needed)[^\n]*", re.M),
        _expired,
    ),
    (re.compile(r"^403 [^\n]*", re.M), _forbidden),
    (re.compile(r"^404 [^\n]*", re.M), _not_found),
    (re.compile(r"^400 [^\n]*", re.M), _refused),
    (
        re.compile(
            r"^50[0-9] [^\n]*|[^\n]*(?:ConnectionError|Max retries exceeded|Connection refused|"
            r"Connection aborted|Timeout of [\d.]+s exceeded)[^\n]*",
            re.M,
        ),
        _gone,
    ),
)
