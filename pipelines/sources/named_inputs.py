"""Inputs that are named by their split, as ``train=2023.csv``; stdlib only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forebay.pipelines.sources.spool import Given

_NAMED = re.compile("(train|eval|test)=(.+)", re.DOTALL)


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
