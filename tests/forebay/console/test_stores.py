"""What Cloud Storage refuses is told with the place, the cause and the cure, whoever quotes it."""

from __future__ import annotations

import pytest

from forebay.console.stores import store_failure_in, store_failures_told
from forebay.transforms.errors import ForebayError, InputError, RunFailed

RUN = "gs://my-bucket/runs/flights"
# As TensorFlow, Google's clients and Beam word it.
SAID = [
    (
        "PermissionDeniedError: Error executing an HTTP request: HTTP response code 401 with body "
        '\'{\n "error": {\n "code": 401, "message": "Invalid Credentials"}}\'\n\t when initiating '
        "an upload to gs://my-bucket/runs/flights/model/saved_model.pb",
        InputError,
        f"{RUN}/model/saved_model.pb: Google no longer takes the credentials (401 Invalid Creden",
    ),
    (
        "('Request failed with status code', 401, 'Expected one of', <HTTPStatus.OK: 200>)",
        InputError, f"{RUN}: Google no longer takes the credentials (401); run `gcloud",
    ),
    (
        "403 GET https://storage.googleapis.com/storage/v1/b/b/o?x=y: Anonymous caller does not "
        "have storage.objects.list access to the Google Cloud Storage bucket.",
        InputError, f"{RUN}: is not for everybody (403 Anonymous caller does not have storage.obj",
    ),
    (
        "401 POST https://storage.googleapis.com/upload/storage/v1/b/b/o?upload_id=SECRET: denied",
        InputError, f"{RUN}: Google no longer takes the credentials (401 denied)",
    ),
    (
        "RefreshError: ('invalid_grant: Token has been expired or revoked.', {})",
        InputError, f"{RUN}: Google no longer takes the credentials (RefreshError: ('invalid_gr",
    ),
    (
        "Delete operation failed with exceptions {'gs://b/x': Forbidden('403 DELETE "
        "https://storage.googleapis.com/storage/v1/b/b/o/x: me@p does not have access')}",
        InputError, "gs://b/x: the account may not do that there (403 me@p does not have access",
    ),
    (
        "404 POST https://storage.googleapis.com/upload/storage/v1/b/b/o?uploadType=resumable: "
        "The specified bucket does not exist.",
        InputError, f"{RUN}: no such bucket (404 The specified bucket does not exist.); make it",
    ),
    (
        "503 GET https://storage.googleapis.com/storage/v1/b/b/o/x?alt=media: backend",
        RunFailed, f"{RUN}: Cloud Storage fails (503 backend); start again later",
    ),
    (
        "UnavailableError: Error executing an HTTP request: libcurl code 6 meaning 'Couldn't "
        "resolve host name', error details: Could not resolve host\n\t when reading gs://b/x",
        RunFailed, "gs://b/x: Cloud Storage can no longer be reached (libcurl code 6 meaning",
    ),
    (
        "Timeout of 120.0s exceeded, last exception: HTTPSConnectionPool(host='storage.googleapis."
        "com', port=443): Max retries exceeded with url: /upload/storage/v1/b/b/o?upload_id=1",
        RunFailed, f"{RUN}: Cloud Storage can no longer be reached (HTTPSConnectionPool(host='sto",
    ),
    (
        "RetryError: Timeout of 120.0s exceeded, last exception: HTTPSConnectionPool(host='oauth2."
        "googleapis.com', port=443): Max retries exceeded with url: /token (Caused by NewConnec",
        RunFailed, f"{RUN}: Cloud Storage can no longer be reached (HTTPSConnectionPool(host='oau",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("said", "kind", "told"), SAID, ids=[one[2][-30:] for one in SAID])
def test_a_refusal_is_told_with_its_cure(said: str, kind: type[ForebayError], told: str) -> None:
    error = store_failure_in(said, RUN)
    assert type(error) is kind
    assert str(error).startswith(told)
    assert "; " in str(error)
    assert "\n" not in str(error)
    assert "SECRET" not in str(error)


def test_it_is_found_in_what_was_raised_of_it() -> None:
    with pytest.raises(InputError, match="no longer") as raised, store_failures_told(RUN):
        raise ValueError("nothing was written") from OSError(SAID[1][0])
    assert isinstance(raised.value.__cause__, ValueError)


@pytest.mark.parametrize(
    "error",
    [
        KeyError("401"),
        InputError("401 GET https://storage.googleapis.com/storage/v1/b/b: mine"),
        OSError("404 GET https://storage.googleapis.com/storage/v1/b/b/o/x: No such object: b/x"),
    ],
)
def test_what_is_nothing_of_the_kind_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, store_failures_told(RUN):
        raise error
    assert raised.value is error
