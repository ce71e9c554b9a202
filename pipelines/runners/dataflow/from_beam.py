"""Dataflow as it is asked for in Beam's own words, without loading Beam."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Mapping, Sequence

from forebay.pipelines.runners.dataflow.engine import BEAM_NAMES, Dataflow
from forebay.transforms.errors import InputError

# What Beam takes for its runner, by its name or path, in small letters.
_RUNNERS = ("dataflow", "dataflowrunner")
# Beam's own second names.
_ALSO: Mapping[str, tuple[str, ...]] = {
    "worker_machine_type": ("worker_machine_type",),
    "container_image": ("worker_harness_container_image",),
}


def dataflow_of(arguments: Sequence[str]) -> tuple[Dataflow, Sequence[str]] | None:
    """Reads Beam's options as ours.

    Args:
        arguments: Beam's own options, as a user gives them.

    Returns:
        The engine, and the options that it has no word for; None: another runner is asked for.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--runner")
    parser.add_argument("--label", "--labels", dest="labels", action="append", default=[])
    for name, beam in BEAM_NAMES.items():
        flags = [f"--{one}" for one in (beam, *_ALSO.get(name, ()))]
        number = name in ("num_workers", "max_workers")
        parser.add_argument(*flags, dest=name, type=int if number else str)
    found, others = parser.parse_known_args(list(arguments))
    if (found.runner or "").rpartition(".")[2].lower() not in _RUNNERS:
        return None
    given = {name: getattr(found, name) for name in BEAM_NAMES}
    return Dataflow(**given, labels=",".join(_labels(found.labels)) or None), others


def _labels(given: Sequence[str]) -> Iterator[str]:
    """Yields KEY=VALUE of labels, which Beam takes as a mapping, too, as templates give them."""
    for one in given:
        if not one.startswith("{"):
            yield one
            continue
        try:
            pairs = dict(ast.literal_eval(one)).items()
        except (ValueError, SyntaxError, TypeError):
            raise InputError(f"--labels {one!r} is no mapping; write KEY=VALUE,...") from None
        yield from (f"{key}={value}" for key, value in pairs)


def template_of(arguments: Sequence[str]) -> str | None:
    """Returns the file that Beam's options ask to write a job to, instead of sending it."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--template_location")
    location: str | None = parser.parse_known_args(list(arguments))[0].template_location
    return location
