"""What Google says when a job fails, as one line with the value, the cause and the cure."""

from __future__ import annotations

import pytest

from forebay.pipelines.runners.dataflow.engine import Dataflow
from forebay.transforms.errors import InputError, RunFailed

IMAGE = "gcr.io/p/forebay:1"
ON = Dataflow(project="my-project", region="europe-west1", container_image=IMAGE)
FAILED = "Dataflow pipeline failed. State: FAILED, Error:\n"
# As Google's services, their clients and Beam word them.
SAID = [
    *(
        (
            f"Dataflow pipeline failed. State: {state}, Error:\nNone", RunFailed,
            f"the job in my-project, europe-west1, was {state.lower()} by somebody; nothing is",
        )
        for state in ("CANCELLED", "DRAINED", "UPDATED")
    ),
    (
        f"{FAILED}Traceback (most recent call):\nModuleNotFoundError: No module named 'forebay'",
        InputError, f"--container-image {IMAGE}: the workers have no forebay; build the image anew",
    ),
    (
        f"{FAILED}Traceback:\nModuleNotFoundError: No module named 'shop_words'",
        InputError, "the workers have no module 'shop_words', which the definition needs; put it",
    ),
    (
        f"{FAILED}Startup of the worker pool in europe-west1 failed. QUOTA_EXCEEDED: Instance 'x' "
        "creation failed: Quota 'CPUS' exceeded. Limit: 24.0 in region europe-west1.",
        RunFailed, "a quota of my-project in europe-west1 is used up",
    ),
    ("429 POST https://x/jobs: Quota exceeded", RunFailed, "a quota of my-project"),
    (
        f"{FAILED}ZONE_RESOURCE_POOL_EXHAUSTED: Instance could not be made",
        RunFailed, "Google has no such machines free in europe-west1",
    ),
    (
        "403 GET https://dataflow.googleapis.com/v1b3?key=SECRET: (x): no permission",
        InputError, "Google refuses this account in my-project",
    ),
    (
        "404 POST https://dataflow.googleapis.com/v1b3/projects/my-project: not found",
        InputError, "Google knows no such project, region or job",
    ),
    (
        "400 POST https://x: (1): The workflow could not be created. Causes: subnetwork is bad",
        InputError, "Dataflow refuses what it is asked (400 POST (1): The workflow could not",
    ),
    (
        "401 GET https://x: Request had invalid authentication credentials.",
        InputError, "Google no longer takes the credentials",
    ),
    (
        "('invalid_grant: Bad Request', {'error': 'invalid_grant'})",
        InputError, "Google no longer takes the credentials",
    ),
    (
        "There is already active job named forebay-x with id: 7. If you want to submit a second",
        InputError, "a job of this name is running (There is already active job named forebay-x "
        "with id: 7. If you want to submit a second); cancel it by `forebay jobs cancel ID "
        "--project my-project --region europe-west1`",
    ),
    (
        "503 GET https://x: The service is currently unavailable.",
        RunFailed, "Dataflow can no longer be reached (503 GET The service",
    ),
    (
        "HTTPSConnectionPool(host='dataflow.googleapis.com', port=443): Max retries exceeded with "
        "url: /v1b3 (Caused by NameResolutionError)",
        RunFailed, "Dataflow can no longer be reached",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("said", "kind", "told"), SAID, ids=[one[2][:40] for one in SAID])
def test_a_failure_is_told_with_its_cure(said: str, kind: type[Exception], told: str) -> None:
    error = ON.explain(said)
    assert type(error) is kind
    assert str(error).startswith(told)
    assert "; " in str(error)
    assert "\n" not in str(error)
    assert "SECRET" not in str(error)


def test_what_is_not_googles_is_left_to_others() -> None:
    assert ON.explain("Dataflow pipeline failed. State: FAILED, Error:\nZeroDivisionError") is None
