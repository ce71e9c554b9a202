"""Whether a worker has the versions of whoever submits: what is pickled fits no other."""

import platform
from collections.abc import Mapping

from forebay.pipelines.runners.versions import differences
from forebay.transforms.errors import InputError


def check_same(submitted: Mapping[str, str], worker: str) -> None:
    """Checks that this process has the versions of the one that submitted the job.

    Raises:
        InputError: it has others.
    """
    differ = [f"{name} {own}, not {other}" for name, own, other in differences(submitted)]
    if differ:
        raise InputError(
            f"the worker {worker} on {platform.node()} has {'; '.join(differ)} as the submitter "
            "has; install the same there, and start the workers anew"
        )
