"""The versions that whoever submits a job and its workers have to share."""

import platform
from collections.abc import Iterator, Mapping
from importlib import metadata

# What is pickled by one side and read by the other, or computes what the other must compute.
_PACKAGES = (
    "forebay", "apache-beam", "tensorflow", "tensorflow-transform", "tfx-bsl", "pyarrow", "numpy",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Returns the versions of Python and of those packages; ``none`` of those that are absent."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, **{name: _version(name) for name in _PACKAGES}}


def differences(submitted: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yields what differs: a name, its version in this process, and the one submitted."""
    own = versions()
    for name, version in submitted.items():
        if own.get(name, "none") != version:
            yield name, own.get(name, "none"), version


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"
