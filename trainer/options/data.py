"""Arguments of ``train`` about its rows: which, in which order, and what each counts."""

import argparse
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

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


# How flags, and the keys of a file, are named where the attribute's name would not do.
_NAMES = {"files": "train_files"}


def data_names() -> dict[str, str]:
    """Returns the name of each attribute of `DataOptions` among all options of training."""
    return {field.name: _NAMES.get(field.name, field.name) for field in fields(DataOptions)}


def data_options(values: Mapping[str, Any]) -> DataOptions:
    """Returns the options that are among values by their names; others are as by default."""
    given = {name: values[key] for name, key in data_names().items() if key in values}
    return DataOptions(**given)


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments about rows; absent ones leave no trace."""
    group = parser.add_argument_group("rows")

    def add(name: str, also: str = "", default: str | None = None, **reading: Any) -> None:
        group.add_argument(
            "--" + data_names()[name].replace("_", "-"), default=argparse.SUPPRESS,
            help=help_of(DataOptions, name, also=also, default=default), **reading,
        )  # fmt: skip

    add("files", "; repeatable", action="append", metavar="PATTERN")
    add("class_weights", type=_class_weights, metavar="WEIGHTS")
    for name in ("memory_mb", "interleave", "shuffle_buffer", "prefetch"):
        add(name, type=int, metavar="N")
    for name in ("cache", "deterministic"):
        add(name, default=f"--{name}", action=argparse.BooleanOptionalAction)


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
