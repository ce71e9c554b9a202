"""What refusals of Google's services mean to whoever asked, in a line without secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from forebay.console.google_words import shown
from forebay.transforms.errors import ForebayError, InputError, RunFailed


@dataclass(frozen=True)
class Service:
    """A service of Google's, as whoever uses it may mend what goes wrong.

    Attributes:
        name: what it is called.
        project: whose.
        region: where.
        role: the role that lets an account start jobs.
        fewer: what to do with fewer or smaller machines.
        jobs: the command that tells which jobs there are.
    """

    name: str
    project: str | None
    region: str | None
    role: str
    fewer: str
    jobs: str


def explained(failure: str, service: Service) -> ForebayError | None:
    """Returns what to raise for a failure; None: it is none of those known here."""
    for pattern, told in _KNOWN:
        found = pattern.search(failure)
        if found:
            return told(shown(found[0]), service)
    return None


def is_expired(failure: str) -> bool:
    """Tells whether a failure is of credentials that Google no longer takes."""
    return _EXPIRED.search(failure) is not None


@contextmanager
def in_words(service: Service) -> Iterator[None]:
    """Says in a line what Google's clients raise.

    Raises:
        ForebayError: that.
    """
    import requests
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, requests.RequestException) as error:
        told = explained(str(error), service)
        if told is None:
            raise
        raise told from error


def _quota(words: str, on: Service) -> ForebayError:
    return RunFailed(
        f"a quota of {on.project} in {on.region} is used up ({words}); {on.fewer}, or ask for more "
        "under IAM & Admin > Quotas"
    )


def _no_machines(words: str, on: Service) -> ForebayError:
    return RunFailed(
        f"Google has no such machines free in {on.region} ({words}); start again later, or give "
        "another machine type or --region"
    )


def _forbidden(words: str, on: Service) -> ForebayError:
    return InputError(
        f"Google refuses this account in {on.project} ({words}); enable {on.name}'s API there and "
        f"give the account {on.role}, or correct --project"
    )


def _not_found(words: str, on: Service) -> ForebayError:
    return InputError(
        f"Google knows no such project, region or job ({words}); correct --project {on.project}, "
        f"--region {on.region} or the job's id, which `{on.jobs}` tells"
    )


def _refused(words: str, on: Service) -> ForebayError:
    return InputError(f"{on.name} refuses what it is asked ({words}); correct what it names")


def _expired(words: str, on: Service) -> ForebayError:
    return InputError(
        f"Google no longer takes the credentials ({words}); run `gcloud auth application-default "
        "login`; a job that runs already goes on, and is cancelled by `forebay jobs cancel`"
    )


def _gone(words: str, on: Service) -> ForebayError:
    return RunFailed(
        f"{on.name} can no longer be reached ({words}); a job that was sent may go on: look by "
        f"`{on.jobs}`, and start again"
    )


_EXPIRED = re.compile(
    r"^401 [^\n]*|[^\n]*(?:invalid_grant|Reauthentication is needed|\b401 (?:GET|POST|PUT) https?:|"
    r"'Request failed with status code', 401)[^\n]*",
    re.M,
)
_KNOWN: tuple[tuple[re.Pattern[str], Callable[[str, Service], ForebayError]], ...] = (
    (
        re.compile(r"[^\n]*(?:QUOTA_EXCEEDED|[Qq]uota '?\w*'? ?exceeded|RESOURCE_EXHAUSTED)[^\n]*"),
        _quota,
    ),
    (re.compile(r"^429 [^\n]*", re.M), _quota),
    (re.compile(r"[^\n]*ZONE_RESOURCE_POOL_EXHAUSTED[^\n]*"), _no_machines),
    (_EXPIRED, _expired),
    (re.compile(r"^403 [^\n]*", re.M), _forbidden),
    (re.compile(r"^404 [^\n]*", re.M), _not_found),
    (re.compile(r"^4(?:00|09) [^\n]*", re.M), _refused),
    (
        re.compile(
            r"^50[0-9] [^\n]*|[^\n]*(?:ConnectionError|Max retries exceeded|Connection refused|"
            r"Connection aborted|Timeout of [\d.]+s exceeded|Failed to resolve)[^\n]*",
            re.M,
        ),
        _gone,
    ),
)
