"""Whether workers, whose image somebody built, have the versions that a job was made with."""

from collections.abc import Iterator, Mapping
from importlib import metadata

import apache_beam as beam

from forebay.transforms.errors import InputError

# What is pickled by one side and read by the other, or computes what the other must compute.
_PACKAGES = (
    "forebay", "apache-beam", "tensorflow", "tensorflow-transform", "tfx-bsl", "pyarrow", "numpy",
)  # fmt: skip


class CheckVersions(beam.PTransform):
    """Fails a pipeline whose workers have other versions than this process."""

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:  # noqa: D102
        return (
            pipeline | "Mine" >> beam.Create([versions()]) | "Compare" >> beam.Map(check_versions)
        )


def versions() -> dict[str, str]:
    """Returns the versions of packages that have to agree; ``none`` of those that are absent."""
    return {name: _version(name) for name in _PACKAGES}


def check_versions(submitted: Mapping[str, str]) -> None:
    """Compares versions with this process's.

    Raises:
        InputError: some differ.
    """
    differ = "; ".join(_differences(submitted))
    if differ:
        raise InputError(
            f"the workers' image has other versions than this machine ({differ}); build it anew "
            "from this version's Dockerfile, or install here what it has"
        )


def _differences(submitted: Mapping[str, str]) -> Iterator[str]:
    for name, version in submitted.items():
        here = _version(name)
        if here != version:
            yield f"{name} {here} there, {version} here"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"
