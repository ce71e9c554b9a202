"""What Google's Cloud Storage refused, in words: where, what was said of it, and what helps.

Beam, TensorFlow and Google's own clients each write there, and each says it in its own way.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from forebay.console.google_words import LOGIN, shown
from forebay.transforms.errors import ForebayError, InputError, RunFailed

# The status of an answer, and what was said: of TensorFlow, of Google's clients, of an upload.
_ANSWERS = (
    re.compile(r"HTTP response code (?P<status>\d{3})(?: with body '(?P<said>.*?)')?", re.S),
    re.compile(
        r"\b(?P<status>\d{3}) (?:GET|POST|PUT|PATCH|DELETE) https?://\S+?/storage/v1\S*?:? "
        r"(?P<said>[^\n]*)"
    ),
    re.compile(r"'Request failed with status code', (?P<status>\d{3})(?P<said>)"),
)
_NO_TOKEN = re.compile(r"[^\n]*(?:invalid_grant|Reauthentication is needed)[^\n]*")
_NO_NAME = re.compile(r"anonymous caller", re.I)
_NO_BUCKET = re.compile(r"(?:The )?specified bucket does not exist", re.I)
# Of TensorFlow, and of Google's clients, which name the path that they asked for: credentials are
# renewed on the way.
_GONE = re.compile(
    r"libcurl code \d+ meaning [^\n]*|"
    r"HTTPS?Connection(?:Pool)?\([^\n]*(?:/storage/v1/|url: /token)[^\n]*"
)
_MESSAGE = re.compile(r'"message": *"([^"]*)"')
_PLACE = re.compile(r"gs://[^\s'\",;)]+")


@contextmanager
def store_failures_told(written: object) -> Iterator[None]:
    """Says in a line what Cloud Storage refuses inside.

    Args:
        written: the folder that is written to, which is named where the refusal names none.

    Raises:
        ForebayError: that.
    """
    try:
        yield
    except ForebayError:
        raise
    except Exception as error:
        told = _failure_of(error, written)
        if told is None:
            raise
        raise told from error


def store_failure_in(text: str, written: object) -> ForebayError | None:
    """Returns what to raise where a text, such as a traceback, tells of a refusal; None: none."""
    where = (_PLACE.findall(text) or _PLACE.findall(str(written)) or ["Cloud Storage"])[-1]
    lost = _NO_TOKEN.search(text)
    if lost:
        return _expired(where, shown(lost[0]))
    for pattern in _ANSWERS:
        for found in pattern.finditer(text):
            told = _told(where, int(found["status"]), _said(found["said"] or ""))
            if told is not None:
                return told
    gone = _GONE.search(text)
    if gone:
        return RunFailed(
            f"{where}: Cloud Storage can no longer be reached ({shown(gone[0])}); check the "
            "network and the proxy, and start again"
        )
    return None


def _failure_of(error: BaseException, written: object) -> ForebayError | None:
    """Returns what to raise for an exception, or what it was raised from."""
    following: BaseException | None = error
    while following is not None:
        told = store_failure_in(f"{type(following).__name__}: {following}", written)
        if told is not None:
            return told
        following = following.__cause__
    return None


def _told(where: str, status: int, said: str) -> ForebayError | None:
    words = f"{status} {said}".strip()
    if status in (401, 403) and _NO_NAME.search(said):
        return InputError(
            f"{where}: is not for everybody ({words}), and no credentials for Google Cloud were "
            f"found; {LOGIN}, and start again"
        )
    if status == 401:
        return _expired(where, words)
    if status == 403:
        return InputError(
            f"{where}: the account may not do that there ({words}); give it "
            "roles/storage.objectAdmin on the bucket, or name another folder"
        )
    if status == 404 and _NO_BUCKET.search(said):
        return InputError(
            f"{where}: no such bucket ({words}); make it by `gcloud storage buckets create`, or "
            "correct its name"
        )
    if status == 429 or status >= 500:
        return RunFailed(f"{where}: Cloud Storage fails ({words}); start again later")
    return None


def _expired(where: str, words: str) -> InputError:
    return InputError(
        f"{where}: Google no longer takes the credentials ({words}); {LOGIN}, and start again"
    )


def _said(answer: str) -> str:
    """Returns the message of an answer, which may be JSON."""
    message = _MESSAGE.search(answer)
    return shown(message[1] if message else answer)
