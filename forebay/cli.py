"""The ``forebay`` command: finds the command asked for, and loads only what it needs."""

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata

import forebay
from forebay.check.options import add_check_arguments
from forebay.console.command_line import native_logs_hidden, run_command
from forebay.console.process import in_own_process
from forebay.explain.options import add_explain_arguments
from forebay.init.options import add_init_arguments
from forebay.pipelines.options import add_preprocess_arguments, split_beam_arguments
from forebay.report.options import add_report_arguments
from forebay.trainer.options import (
    add_evaluate_arguments,
    add_find_rate_arguments,
    add_predict_arguments,
    add_sweep_arguments,
    add_train_arguments,
)


@dataclass(frozen=True)
class _Command:
    """A command: one line of help, its arguments, and ``module:function`` that runs it."""

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    runner: str


_COMMANDS = {
    "init": _Command(
        "write a starting definition, guessed from a sample of the data",
        add_init_arguments,
        "forebay.init.command:run_init",
    ),
    "check": _Command(
        "look for leaks in a definition, on your own data",
        add_check_arguments,
        "forebay.check.command:run_check",
    ),
    "preprocess": _Command(
        "make a run folder of raw rows",
        add_preprocess_arguments,
        "forebay.pipelines.preprocess:run_preprocess",
    ),
    "explain": _Command(
        "show which events a row's windowed values were made of",
        add_explain_arguments,
        "forebay.explain.command:run_explain",
    ),
    "report": _Command(
        "show how a run's training rows are spread over the ids of its features",
        add_report_arguments,
        "forebay.report.command:run_report",
    ),
    "train": _Command(
        "train and export a model on a run folder",
        add_train_arguments,
        "forebay.trainer.task:run_train",
    ),
    "evaluate": _Command(
        "measure a model on a split, beside baselines",
        add_evaluate_arguments,
        "forebay.trainer.task:run_evaluate",
    ),
    "sweep": _Command(
        "train with other options again and again, and compare them on the eval split",
        add_sweep_arguments,
        "forebay.trainer.task:run_sweep",
    ),
    "lr-find": _Command(
        "see at which learning rates the loss falls, and where it diverges",
        add_find_rate_arguments,
        "forebay.trainer.task:run_lr_find",
    ),
    "predict": _Command(
        "answer JSON lines with an exported model",
        add_predict_arguments,
        "forebay.trainer.task:run_predict",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the ``forebay`` command.

    Args:
        argv: the arguments; None: the process's own, which this has for itself then.

    Returns:
        The exit status: 0, 1 for failures, 2 for the user's mistakes, 130 for Ctrl-C.
    """
    if argv is None:
        return in_own_process(lambda: main(sys.argv[1:]))
    own, beam_arguments = split_beam_arguments(argv)
    args = _parser().parse_args(own)
    args.beam = beam_arguments
    args.public_names = forebay.__all__
    return run_command(_run, args)


def _run(args: argparse.Namespace) -> int:
    # TensorFlow's own log lines are about its build, not about the user's work.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    module, _, function = _COMMANDS[args.command].runner.partition(":")
    with native_logs_hidden(), _kept_for_good():
        run = getattr(importlib.import_module(module), function)
    return run(args)  # type: ignore[no-any-return]


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """Lets the garbage collector never look at what is made inside: imports take a third less."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="forebay",
        description="Leak-free, time-windowed training examples from event tables, and the same "
        "transformation inside the served model.",
    )
    parser.add_argument("--version", action="version", version=metadata.version("forebay"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in _COMMANDS.items():
        command.add_arguments(commands.add_parser(name, help=command.help))
    return parser
