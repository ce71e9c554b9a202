"""Arguments of ``train`` about its rows: which, in which order, and what each counts."""

import argparse
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from forebay.console.arguments import help_of
from forebay.transforms.errors import Problem

BALANCED: Literal["balanced"] = "balanced"


@dataclass(frozen=True)
class DataOptions:
    """Which rows a model is trained on, and how.

    Attributes:
        files: patterns of the names of the train split's files, such as ``part-0000[0-4]*``;
            empty: all.
        class_weights: the weight of each class by its name, 1 where it is not named (``0:1,1:5``
            on a command line); or ``balanced``, so that all classes weigh the same; None: rows
            count as they are.
        memory_mb: MiB up to which a split's parsed rows are kept in memory; a larger split is read
            from its files.
        cache: only the first pass reads those files, and later ones what it has left of them on
            the local disk, parsed.
        interleave: files of a split that are open at a time, a few rows of each in turn.
        shuffle_buffer: rows that are shuffled among each other, where a split is read from its
            files; in memory, all are.
        prefetch: batches that are made ahead while others are trained on; 0: none.
        deterministic: rows read from files come in the same order in every training, so that it
            gives the same weights.
    """

    files: tuple[str, ...] = ()
    class_weights: Mapping[str, float] | Literal["balanced"] | None = None
    memory_mb: int = 2_048
    cache: bool = True
    interleave: int = 8
    shuffle_buffer: int = 65_536
    prefetch: int = 16
    deterministic: bool = True

    def problems(self) -> Iterator[Problem]:
        """Yields what is out of range."""
        if self.memory_mb < 0:
            yield Problem("--memory-mb", self.memory_mb, "no size", "give zero or more")
        for flag, count in (
            ("--interleave", self.interleave), ("--shuffle-buffer", self.shuffle_buffer),
        ):  # fmt: skip
            if count < 1:
                yield Problem(flag, count, "less than one", "give a whole number from 1")
        if self.prefetch < 0:
            yield Problem("--prefetch", self.prefetch, "no batches", "give zero or more")
        if isinstance(self.class_weights, Mapping):
            for name, weight in self.class_weights.items():
                if not 0 <= weight < math.inf:
                    yield Problem(
                        "--class-weights", f"{name}:{weight}", "no weight", "give zero or more"
                    )
        elif self.class_weights not in (None, BALANCED):
            yield Problem(
                "--class-weights", self.class_weights, "no weights",
                "give balanced, or weights such as 0:1,1:5",
            )  # fmt: skip


def data_options(args: argparse.Namespace) -> DataOptions:
    """Returns the options that `add_data_arguments` parsed."""
    return DataOptions(
        tuple(args.train_files),
        args.class_weights,
        args.memory_mb,
        args.cache,
        args.interleave,
        args.shuffle_buffer,
        args.prefetch,
        args.deterministic,
    )


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments about rows."""
    group = parser.add_argument_group("rows")
    add = group.add_argument
    add(
        "--train-files", action="append", default=[], metavar="PATTERN",
        help=help_of(DataOptions, "files", also="; repeatable"),
    )  # fmt: skip
    add(
        "--class-weights", type=_class_weights, metavar="WEIGHTS",
        help=help_of(DataOptions, "class_weights"),
    )  # fmt: skip
    for name in ("memory_mb", "interleave", "shuffle_buffer", "prefetch"):
        add(
            "--" + name.replace("_", "-"), type=int, default=getattr(DataOptions, name),
            metavar="N", help=help_of(DataOptions, name),
        )  # fmt: skip
    add(
        "--cache", action=argparse.BooleanOptionalAction, default=True,
        help=help_of(DataOptions, "cache", default="--cache"),
    )  # fmt: skip
    add(
        "--deterministic", action=argparse.BooleanOptionalAction, default=True,
        help=help_of(DataOptions, "deterministic", default="--deterministic"),
    )  # fmt: skip


def _class_weights(text: str) -> Mapping[str, float] | Literal["balanced"]:
    if text == BALANCED:
        return BALANCED
    weights: dict[str, float] = {}
    part = ""
    for piece in text.split(","):  # a name may have commas, and colons: its weight ends it
        part += piece
        name, _, number = part.rpartition(":")
        try:
            weight = float(number)
        except ValueError:
            part += ","
            continue
        if not name or name in weights:
            break
        weights[name], part = weight, ""
    if part:
        raise argparse.ArgumentTypeError(
            f"{text!r} gives no weight to each class once; write balanced, or such as 0:1,1:5"
        )
    return weights
