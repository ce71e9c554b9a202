"""What every fault is measured by: nothing false, nothing lost, one line said; and its draws."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

# How Python calls things; what is said to users is about their files.
PYTHONS_WORDS = re.compile(
    r"Traceback|\b[A-Z]\w*(Error|Exception)\b|__\w+__|positional argument|unhashable|NoneType"
    r"|object has no attribute|not subscriptable|\[Errno"
)


def wrong_with(status: int, said: str) -> str:
    """What is not as it must be in what a command says on standard error; nothing: all is.

    Args:
        status: its exit status.
        said: what it says.
    """
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    if status not in (0, 1, 2):
        return f"status {status}: {said}"
    if "unexpected" in said.replace("unexpected end", "") or PYTHONS_WORDS.search(said):
        return said
    return said or "an error without a line" if len(errors) != (status != 0) else ""


def contents(folder: Path) -> dict[str, bytes | None]:
    """All that is below a folder, by name; folders and what is no file are None."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


class Draw:
    """Points drawn by a seed, until some minutes are over.

    ``FAULTS_SEED`` and ``FAULTS_MINUTES`` decide, which `make faults` sets: the minutes of all
    kinds of faults together.

    Args:
        kind: of faults; each has a part of the minutes, and draws of its own.
        share: of the minutes, in (0, 1].
    """

    def __init__(self, kind: str, share: float) -> None:
        self.kind = kind
        self.seed = int(os.environ.get("FAULTS_SEED") or secrets.randbits(32))
        self.random = Random(f"{kind} {self.seed}")
        self.tried = 0
        self._end = time.monotonic() + 60 * share * float(os.environ.get("FAULTS_MINUTES", "1"))

    def points(self, most: int | None = None) -> Iterator[int]:
        """Numbers of points; at least one."""
        while not self.tried or (time.monotonic() < self._end and self.tried != most):
            yield self.tried
            self.tried += 1

    def rounds(self, names: Iterable[str]) -> Iterator[str]:
        """Draws names until the minutes are over, each once before any comes again."""
        left: list[str] = []
        for _ in self.points():
            if not left:
                left = list(names)
                self.random.shuffle(left)
            yield left.pop()

    def __str__(self) -> str:
        return f"{self.kind}: seed {self.seed}, {self.tried:,} points tried"
