"""Arguments of the training loop: when it looks, and what it writes; none changes a weight."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from forebay.console.arguments import choice, help_of
from forebay.transforms.errors import InputError, Problem

ExporterName = Literal["latest", "best", "final"]


@dataclass(frozen=True)
class LoopOptions:
    """What a training writes, and how often.

    A training that continues may have others than it began with: its weights after so many steps
    are the same.

    Attributes:
        steps: steps to take now, from the checkpoint on, after which the same command goes on; the
            whole still ends at ``max_steps``. None: all that are left.
        save_summary_steps: steps between two entries of the training's loss in TensorBoard.
        checkpoint_every: steps between checkpoints; None: as many as between evaluations.
        throttle_seconds: seconds from one evaluation, or the start, to the next at the least; the
            last is always made.
        exporters: what is exported: ``final``, the best weights to ``RUN/model/`` once the
            training has ended; ``best`` and ``latest``, to ``RUN/export/<exporter>/`` at every
            evaluation that is the best so far, or at every one.
        keep: how many models each exporter keeps; older ones are removed.
        tensorboard: whether to write ``RUN/training/logs/``.
        logs: the folder in which they are written instead, below a name of the training's own;
            None: there, but on Vertex AI where it says.

    Raises:
        InputError: options out of range; it lists all of them.
    """

    steps: int | None = None
    save_summary_steps: int = 100
    checkpoint_every: int | None = None
    throttle_seconds: float = 0.0
    exporters: tuple[ExporterName, ...] = ("final",)
    keep: int = 5
    tensorboard: bool = True
    logs: str | None = None

    def __post_init__(self) -> None:
        problems = [str(problem) for problem in self._problems()]
        if problems:
            raise InputError("training options: " + "; ".join(problems))

    def _problems(self) -> Iterator[Problem]:
        for flag, count in (
            ("--steps", self.steps),
            ("--save-summary-steps", self.save_summary_steps),
            ("--checkpoint-every", self.checkpoint_every),
            ("--keep", self.keep),
        ):
            if count is not None and count < 1:
                yield Problem(flag, count, "less than one", "give a whole number from 1")
        if not 0 <= self.throttle_seconds < float("inf"):
            yield Problem(
                "--throttle-seconds", self.throttle_seconds, "not a length of time",
                "give zero or more seconds",
            )  # fmt: skip
        for name in self.exporters:
            yield from choice("--exporter", name, get_args(ExporterName))


def loop_options(args: argparse.Namespace) -> LoopOptions:
    """Returns the options that `add_loop_arguments` parsed.

    Raises:
        InputError: options out of range.
    """
    exporters = () if args.no_export else tuple(args.exporter or LoopOptions.exporters)
    return LoopOptions(
        steps=args.steps,
        save_summary_steps=args.save_summary_steps,
        checkpoint_every=args.checkpoint_every,
        throttle_seconds=args.throttle_seconds,
        exporters=exporters,
        keep=args.keep,
        tensorboard=not args.no_tensorboard,
        logs=args.logs,
    )


def add_loop_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of what ``train`` writes."""
    default = LoopOptions()
    group = parser.add_argument_group("checkpoints, exports and logs")
    add = group.add_argument
    add("--fresh", action="store_true", help="forget the checkpoint in RUN/training/; models stay")
    for name in ("steps", "checkpoint_every", "save_summary_steps"):
        add(
            "--" + name.replace("_", "-"), type=int, default=getattr(default, name), metavar="N",
            help=help_of(LoopOptions, name),
        )  # fmt: skip
    add(
        "--throttle-seconds", type=float, default=default.throttle_seconds, metavar="S",
        help=help_of(LoopOptions, "throttle_seconds"),
    )  # fmt: skip
    exports = group.add_mutually_exclusive_group()
    exports.add_argument(
        "--exporter", action="append", choices=get_args(ExporterName),
        help=help_of(LoopOptions, "exporters", also="; repeatable"),
    )  # fmt: skip
    exports.add_argument("--no-export", action="store_true", help="write no SavedModel")
    add(
        "--keep", type=int, default=default.keep, metavar="N",
        help=help_of(LoopOptions, "keep"),
    )  # fmt: skip
    logs = group.add_mutually_exclusive_group()
    logs.add_argument("--no-tensorboard", action="store_true", help="write no RUN/training/logs/")
    logs.add_argument("--logs", metavar="FOLDER", help=help_of(LoopOptions, "logs"))
