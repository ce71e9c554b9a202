"""Google's credentials as Beam looks for them and uses them: asked for once."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from forebay.console.google_words import LOGIN
from forebay.console.logs import logs_filtered
from forebay.console.shared import shared
from forebay.console.terminal import warn
from forebay.pipelines.google.failures import is_expired

_LOGGERS = (
    "apache_beam.internal.gcp.auth",
    "apache_beam.utils.retry",
    "google.auth._default",
    "google.auth.compute_engine._metadata",
)


@cache
def find_credentials() -> None:
    """Has Beam look for credentials, and says where there are none: it goes on without a name.

    Beam by itself looks five times, for half a minute, and prints a traceback of each.
    """
    from apache_beam.internal.gcp import auth
    from apache_beam.options.pipeline_options import PipelineOptions

    with logs_filtered(_LOGGERS, _is_an_error), credentials_asked_once():
        found = auth.get_service_credentials(PipelineOptions([]))
    if found is None:
        warn(
            "no credentials for Google Cloud were found, and without them only what is public can "
            f"be read; {LOGIN}"
        )


@shared
@contextmanager
def credentials_asked_once() -> Iterator[None]:
    """Raises at once where there are no credentials, or Google refuses them.

    Beam would ask again for minutes.
    """
    from apache_beam.utils import retry
    from google.auth.exceptions import DefaultCredentialsError

    wait = retry.Clock.sleep

    def sleep(clock: retry.Clock, seconds: float) -> None:
        error = sys.exception()
        if error is not None and (
            isinstance(error, DefaultCredentialsError) or is_expired(str(error))
        ):
            raise error
        wait(clock, seconds)

    retry.Clock.sleep = sleep
    try:
        yield
    finally:
        retry.Clock.sleep = wait


def _is_an_error(record: logging.LogRecord) -> bool:
    return record.levelno > logging.WARNING
