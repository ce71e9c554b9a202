"""Who reads what: the examples of a split, all of them or one worker's share.

Workers that train together read shares that are disjoint and together complete. A share is whole
files where these can be dealt out evenly, so that nobody reads what another uses; else it is every
n-th record of every file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from forebay.console.words import counted
from forebay.transforms.errors import InputError

# Whole files are dealt out while no worker gets more than this times its fair share of rows: the
# rows of a larger share would be seen that much less often than the others'.
EVEN_ENOUGH = 1.1


@dataclass(frozen=True)
class Worker:
    """One of several workers that train together.

    Attributes:
        index: which one, from 0.
        count: how many there are.

    Raises:
        InputError: there is no such worker.
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise InputError(
                f"worker {self.index} of {self.count}: no such worker; count them from 0"
            )


ALONE = Worker()


@dataclass(frozen=True)
class FilePart:
    """Records of one file: the one at ``first``, counted from 0, and every ``step``-th after it.

    Attributes:
        path: the TFRecord file.
        rows: how many records that is.
        first: the first of them.
        step: the distance from one to the next; 1 takes all.
    """

    path: str
    rows: int
    first: int = 0
    step: int = 1


@dataclass(frozen=True)
class Share:
    """What one worker reads of a split.

    Attributes:
        parts: the files, in order of their paths.
        by: ``all`` where it works alone, else whether whole ``files`` were dealt out or
            ``records``.
        worker: whose share it is.
    """

    parts: tuple[FilePart, ...]
    by: Literal["all", "files", "records"]
    worker: Worker

    @property
    def rows(self) -> int:
        """How many records the worker reads in one pass."""
        return sum(part.rows for part in self.parts)

    def __str__(self) -> str:
        files = counted(len(self.parts), "file")
        if self.by == "all":
            return f"{counted(self.rows, 'row')} of {files}"
        who = (
            f"worker {self.worker.index} of {self.worker.count} reads {counted(self.rows, 'row')}: "
        )
        if self.by == "files":
            return f"{who}{files} of its own"
        return (
            f"{who}one record in {self.worker.count} of {files}, which cannot be dealt out evenly; "
            "`forebay preprocess --shards` makes more files"
        )


def share_of(files: Mapping[str, int], worker: Worker = ALONE) -> Share:
    """Returns what a worker reads.

    It depends on nothing but the arguments, and not on the files' order: workers need not talk
    about it, and one that is started anew reads what it read before.

    Args:
        files: rows of each file, by path.
        worker: the worker that asks.

    Raises:
        InputError: there are fewer rows than workers.
    """
    if worker.count == 1:
        parts = [FilePart(path, rows) for path, rows in sorted(files.items())]
        return Share(tuple(parts), "all", worker)
    total = sum(files.values())
    if total < worker.count:
        raise InputError(
            f"{worker.count} workers cannot share {counted(total, 'row')}; start fewer workers"
        )
    dealt = _deal(files, worker.count)
    rows = [sum(part.rows for part in parts) for parts in dealt]
    if min(rows) and max(rows) <= EVEN_ENOUGH * total / worker.count:
        return Share(tuple(dealt[worker.index]), "files", worker)
    return Share(tuple(_every_nth(files, worker)), "records", worker)


def _deal(files: Mapping[str, int], count: int) -> list[list[FilePart]]:
    """Deals out files, the largest first, each to whoever has the fewest rows by then."""
    dealt: list[list[FilePart]] = [[] for _ in range(count)]
    rows = [0] * count
    for path in sorted(files, key=lambda path: (-files[path], path)):
        poorest = rows.index(min(rows))
        dealt[poorest].append(FilePart(path, files[path]))
        rows[poorest] += files[path]
    return [sorted(parts, key=lambda part: part.path) for parts in dealt]


def _every_nth(files: Mapping[str, int], worker: Worker) -> list[FilePart]:
    """Numbers the records through all files and takes those of the worker's remainder."""
    parts, before = [], 0
    for path in sorted(files):
        first = (worker.index - before) % worker.count
        rows = len(range(first, files[path], worker.count))
        if rows:
            parts.append(FilePart(path, rows, first, worker.count))
        before += files[path]
    return parts
