"""The options of ``forebay vertex``, free of heavy imports."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from forebay.commands.vertex.models import Batch, Endpoint, Upload
from forebay.commands.vertex.pipeline import Pipeline
from forebay.commands.vertex.spec import Spec
from forebay.commands.vertex.trainings import Training, Tuning
from forebay.console.arguments import add_common, describe, help_of
from forebay.console.commands import Command
from forebay.trainer.options.searches import given_searches
from forebay.trainer.options.sweep import SweepOptions, add_search_arguments
from forebay.trainer.options.train_arguments import add_training_options, train_options

SPECS: Mapping[str, type[Spec]] = {
    spec.action: spec for spec in (Training, Tuning, Upload, Endpoint, Batch, Pipeline)
}
# What has no flag but a place of its own.
_PLACES = {"run": "RUN", "model": "MODEL"}


def add_vertex_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``forebay vertex`` to a parser."""
    describe(
        parser,
        "Write what Vertex AI is sent: trainings, searches, models, endpoints, batch predictions "
        "and pipelines, as files in the words of its REST API, held against its client library's "
        "types. With --submit they are sent.",
        *(f"{name} {spec.examples[0]}" for name, spec in SPECS.items()),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, spec in SPECS.items():
        _add(actions.add_parser(name, help=spec.does), spec)


def _add(parser: argparse.ArgumentParser, spec: type[Spec]) -> None:
    """Adds the options of one action."""
    describe(parser, f"Write {spec.does}.", *spec.examples)
    for one in fields(spec):
        if one.name in _PLACES:
            parser.add_argument(one.name, metavar=_PLACES[one.name], help=help_of(spec, one.name))
        elif one.metadata:
            parser.add_argument(
                one.metadata["flag"], dest=f"vertex_{one.name}", **_reading(one.metadata),
                help=help_of(spec, one.name, also="; repeatable" if one.metadata["many"] else ""),
            )  # fmt: skip
    sent = parser.add_argument_group("what becomes of it")
    sent.add_argument(
        "--spec", metavar="FILE", help="where the spec is written (default: standard output)"
    )
    sent.add_argument(
        "--submit", action="store_true", help="send it, after a look at credentials and buckets"
    )
    sent.add_argument("--wait", action="store_true", help="with --submit, wait for the job's end")
    sent.add_argument(
        "--api-address", metavar="URL",
        help="another address of Vertex AI's API, such as a private one (default: Google's own)",
    )  # fmt: skip
    if issubclass(spec, Tuning):
        add_search_arguments(parser)
    if issubclass(spec, Training):
        add_training_options(parser)
    add_common(parser, json="what was sent")


def _reading(told: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how argparse reads a flag; without it the attribute's own default stands."""
    if told["read"] is bool:
        return {"action": "store_true", "default": None}
    several = {"action": "append"} if told["many"] else {}
    return {"metavar": told["metavar"], "type": told["read"], "default": None, **several}


def spec_of(args: argparse.Namespace) -> Spec:
    """Makes the spec that parsed arguments ask for.

    Raises:
        InputError: options are missing or wrong.
    """
    spec = SPECS[args.action]
    values: dict[str, Any] = {}
    for one in fields(spec):
        value = getattr(args, one.name if one.name in _PLACES else f"vertex_{one.name}", None)
        if value is not None:
            values[one.name] = tuple(value) if isinstance(value, list) else value
    if spec is Tuning:
        searches = given_searches(args.search, args.searches)
        values["sweep"] = SweepOptions(train_options(args), searches, args.trials)
    elif spec is Training:
        values["train"] = train_options(args)
    return spec(**values)


COMMANDS = {
    "vertex": Command(
        "write, and send, what trains and serves on Vertex AI",
        add_vertex_arguments,
        "forebay.commands.vertex.command:run_vertex",
    ),
}
