"""What inputs are named by: their option, and their split, as ``train=2023.csv``; stdlib only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from forebay.pipelines.sources.spool import Given

_NAMED = re.compile("(train|eval|test)=(.+)", re.DOTALL)


class Option(NamedTuple):
    """What the inputs of a table are given by, for errors.

    Attributes:
        flag: what stands before a name on the command line.
        argument: what a table in memory is given as in Python.
    """

    flag: str
    argument: str


INPUT = Option("--input ", "inputs")


def split_option(split: str | None) -> Option:
    """Returns what gives a dataset's own table, or the part of it that is of one split."""
    return INPUT if split is None else Option(f"--input {split}=", f"inputs[{split!r}]")


def source_option(name: str) -> Option:
    """Returns what gives a source's table."""
    return Option(f"--source {name}=", f"sources[{name!r}]")


@dataclass(frozen=True)
class SplitInput:
    """An input all of whose rows are of one split.

    Attributes:
        split: ``train``, ``eval`` or ``test``.
        given: the input.
    """

    split: str
    given: Given


def named_split(text: str) -> tuple[str | None, str]:
    """Parts what an input is named by its split into the two; None: it is not."""
    found = _NAMED.fullmatch(text)
    return (found[1], found[2]) if found else (None, text)
