"""The versions that a worker must share with whoever submits: what is pickled fits no other."""

import platform
from collections.abc import Mapping
from importlib import metadata

from forebay.transforms.errors import InputError

_PACKAGES = (
    "forebay",
    "apache-beam",
    "tensorflow",
    "tensorflow-transform",
    "tfx-bsl",
    "pyarrow",
    "numpy",
)


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages whose objects travel."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, **{name: metadata.version(name) for name in _PACKAGES}}


def check_same(submitted: Mapping[str, str], worker: str) -> None:
    """Checks that this process has the versions of the one that submitted the job.

    Raises:
        InputError: it has others.
    """
    own = versions()
    other = [
        f"{name} {own.get(name, 'missing')}, not {version}"
        for name, version in submitted.items()
        if own.get(name) != version
    ]
    if other:
        raise InputError(
            f"the worker {worker} on {platform.node()} has {'; '.join(other)} as the submitter "
            "has; install the same there, and start the workers anew"
        )
