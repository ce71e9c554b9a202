"""What engines of clusters have in common: Beam's job server, and a pool of workers that runs."""

import http.client
import json
import re
import secrets
import tempfile
import urllib.error
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from forebay.pipelines.runners.engine import Work
from forebay.transforms.errors import ForebayError, InputError, RunFailed, reason

# What asking a web server may raise that answers something else, or not to the end.
_NO_SENSE = (
    urllib.error.HTTPError, http.client.HTTPException, ValueError, KeyError, TypeError,
)  # fmt: skip
# And where nothing answers.
NO_ANSWER = (OSError, *_NO_SENSE)
_GREATEST_PORT = 65_535
# What Beam's servers and our pool say of a worker that is gone, which differs with the moment.
HUNG_UP = re.compile(
    "StatusRuntimeException: (?:CANCELLED|UNAVAILABLE)|Stream is already completed"
    "|SDK harness closed connection|ended before it began to work"
)


def check_address(flag: str, address: str, example: str) -> None:
    """Checks that an option names a HOST:PORT.

    Args:
        flag: the option.
        address: what it says; it may begin with ``http://`` or ``https://``.
        example: what to write instead.

    Raises:
        InputError: it does not.
    """
    found = re.fullmatch(r"(?:https?://)?[^\s:/]+:(\d+)/?", address)
    if found is None or int(found[1]) > _GREATEST_PORT:
        raise InputError(f"{flag} {address} is not HOST:PORT; write such as {example}")


@contextmanager
def answering(
    place: str, kind: str, cure: str, unanswered: type[ForebayError] = InputError
) -> Iterator[None]:
    """Says in words why a cluster's web server did not tell what it was asked inside.

    Args:
        place: the option and the address.
        kind: what should be there.
        cure: what to do.
        unanswered: what is raised where nothing answers.

    Raises:
        InputError: something else answers.
    """
    try:
        yield
    except _NO_SENSE as error:
        raise InputError(f"{place}: what answers there is no {kind}; {cure}") from error
    except OSError as error:
        cause = getattr(error, "reason", error)
        why = reason(cause) if isinstance(cause, Exception) else str(cause)
        raise unanswered(f"{place}: no answer ({why}); {cure}") from error


def job_name(work: Work) -> str:
    """Returns what the jobs of one command are called: no other command's are."""
    return f"forebay-{work.dataset.name}-{secrets.token_hex(4)}"


@contextmanager
def portable_options(work: Work, name: str, endpoint: str, workers: str) -> Iterator[Sequence[str]]:
    """Packs what travels, and gives Beam's options for a job server and a pool of workers.

    Args:
        work: what is to be done.
        name: what the jobs are called.
        endpoint: HOST:PORT of the job server.
        workers: HOST:PORT of the pool, as the machines of the cluster see it.
    """
    from forebay.pipelines.runners.own_code import pack_own_code
    from forebay.pipelines.runners.versions import versions

    with tempfile.TemporaryDirectory(prefix="forebay-job-") as packed:
        wheel = pack_own_code(work.dataset, Path(packed), without=work.paths)
        yield (
            "--runner=PortableRunner",
            f"--job_endpoint={endpoint}",
            "--environment_type=EXTERNAL",
            f"--environment_config={json.dumps({'url': workers, 'params': versions()})}",
            f"--job_name={name}",
            *([f"--extra_package={wheel}"] if wheel else []),
            "--no_save_main_session",
        )


def published_jar(target: str, engine: str) -> str:
    """Returns the jar of a job server that Beam publishes, downloaded once.

    Args:
        target: Beam's name for it.
        engine: the engine that needs it.

    Raises:
        InputError: it cannot be downloaded.
    """
    from apache_beam.runners.portability.job_server import JavaJarJobServer

    try:
        return str(JavaJarJobServer.local_jar(JavaJarJobServer.path_to_beam_jar(target)))
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"--on {engine}: Beam's job server cannot be downloaded ({error}); name its jar by "
            f"--{engine}-job-server"
        ) from error


def without_workers(engine: str, workers: str, beside: str, failure: str) -> ForebayError | None:
    """Says what to do where a failure is that of workers that are not there.

    Args:
        engine: the engine's name.
        workers: where they are said to be.
        beside: what they have to be beside.
        failure: the text of the failure.

    Returns:
        What to raise; None: it is another failure.
    """
    refused = re.search(r"UNAVAILABLE: .*|Connection refused.*", failure)
    if "ExternalEnvironmentFactory" not in failure or refused is None:
        return None
    return RunFailed(
        f"--{engine}-workers {workers}: a {beside} found no workers there "
        f"({refused[0].strip()}); start `python -m forebay.pipelines.runners.workers` "
        f"beside each {beside}"
    )
