"""The engines there are, by the names that ``--on`` has for them, and their flags."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import Field, fields

from forebay.console.arguments import did_you_mean, help_of
from forebay.pipelines.runners.dataflow.engine import Dataflow
from forebay.pipelines.runners.dataflow.from_beam import dataflow_of
from forebay.pipelines.runners.engine import Engine
from forebay.pipelines.runners.flink.engine import Flink
from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.prism import Prism
from forebay.pipelines.runners.spark.engine import Spark
from forebay.transforms.errors import InputError

ENGINES: Mapping[str, type[Engine]] = {
    engine.name: engine for engine in (Local, Prism, Flink, Spark, Dataflow)
}


def add_engine_arguments(parser: argparse.ArgumentParser, on_help: str) -> None:
    """Adds ``--on`` and the flags of every engine.

    Args:
        parser: the command's.
        on_help: what ``--on`` says.
    """
    parser.add_argument("--on", choices=list(ENGINES), default=Local.name, help=on_help)
    for engine in ENGINES.values():
        if fields(engine):
            group = parser.add_argument_group(f"with --on {engine.name}")
            for one in fields(engine):
                group.add_argument(
                    one.metadata["flag"],
                    dest=_dest(engine, one),
                    type=one.metadata["read"],
                    metavar=one.metadata["metavar"],
                    help=help_of(engine, one.name),
                )


def engine_of(args: argparse.Namespace) -> Engine:
    """Makes the engine that parsed arguments choose.

    Raises:
        InputError: a flag of another engine is given.
    """
    for engine in ENGINES.values():
        for one in fields(engine):
            if engine.name != args.on and getattr(args, _dest(engine, one)) is not None:
                raise InputError(
                    f"{one.metadata['flag']} is an option of --on {engine.name}, and the run is on "
                    f"{args.on}; write --on {engine.name}, or leave the option out"
                )
    chosen = ENGINES[args.on]
    given = {one.name: getattr(args, _dest(chosen, one)) for one in fields(chosen)}
    return chosen(**{name: value for name, value in given.items() if value is not None})


def as_engine(on: str | Engine) -> Engine:
    """Returns an engine, by its name with its defaults.

    Raises:
        InputError: there is none of that name.
    """
    if isinstance(on, Engine):
        return on
    if on not in ENGINES:
        raise InputError(
            f"on={on!r} is no engine{did_you_mean(str(on), ENGINES)}; use one of "
            + ", ".join(ENGINES)
        )
    return ENGINES[on]()


def chosen_engine(on: str | Engine, beam: Sequence[str]) -> tuple[Engine, Sequence[str]]:
    """Returns the engine, and what is left of Beam's own options.

    Beam's ``--runner=DataflowRunner`` is ``--on dataflow``: the same checks, the same code for the
    workers.

    Raises:
        InputError: there is no such engine.
    """
    engine = as_engine(on)
    asked = dataflow_of(beam) if isinstance(engine, Local) else None
    return asked or (engine, beam)


def _dest(engine: type[Engine], one: Field[object]) -> str:
    return f"{engine.name}_{one.name}"
