"""Whether workers, whose image somebody built, have the versions that a job was made with."""

from collections.abc import Mapping

import apache_beam as beam

from forebay.pipelines.runners.versions import differences, versions
from forebay.transforms.errors import InputError


class CheckVersions(beam.PTransform):
    """Fails a pipeline whose workers have other versions than this process."""

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:  # noqa: D102
        return (
            pipeline | "Mine" >> beam.Create([versions()]) | "Compare" >> beam.Map(check_versions)
        )


def check_versions(submitted: Mapping[str, str]) -> None:
    """Compares versions with this process's.

    Raises:
        InputError: some differ.
    """
    differ = [f"{name} {own} there, {other} here" for name, own, other in differences(submitted)]
    if differ:
        raise InputError(
            f"the workers' image has other versions than this machine ({'; '.join(differ)}); build "
            "it anew from this version's Dockerfile, or install here what it has"
        )
