"""What lies below a folder on a local disk, links as links."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from forebay.storage.names import is_remote, is_temporary


@dataclass(frozen=True)
class Entry:
    """Something below a folder.

    Attributes:
        name: relative to the folder.
        mode: its mode as ``os.lstat`` gives it, that of a link itself.
        identity: its file system and its number there: equal for all names of one file.
    """

    name: str
    mode: int
    identity: tuple[int, int]

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def kind(self) -> str:
        """What it is, for people."""
        if self.is_file:
            return "a file"
        if self.is_folder:
            return "a folder"
        return "a link" if stat.S_ISLNK(self.mode) else "neither a file nor a folder"


def identity(path: str) -> tuple[int, int] | None:
    """Returns what is equal for all names of one file, links to it too; None: there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def entries_below(folder: str, name: str = "") -> Iterator[Entry]:
    """Yields what lies below a folder, links as links, each folder before what is in it.

    Args:
        folder: the folder.
        name: below it, to look at; where nothing has this name there is nothing to yield.
    """
    path = os.path.join(folder, name)
    try:
        found = os.lstat(path) if name else os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    if name:
        yield Entry(name, found.st_mode, (found.st_dev, found.st_ino))
    if stat.S_ISDIR(found.st_mode):
        for below in sorted(os.listdir(path)):
            yield from entries_below(folder, f"{name}/{below}" if name else below)


def files_below(folder: str, names: Iterable[str] = ("",)) -> list[str]:
    """Returns the paths of all that is not a folder below a folder, or below entries of it.

    On an object store there is nothing to tell.
    """
    if is_remote(folder):
        return []
    found = (
        entry for name in names for entry in entries_below(folder, name) if not entry.is_folder
    )
    return [os.path.join(folder, entry.name) for entry in found]


def temporaries(folder: str, name: str = "") -> list[str]:
    """Returns what is in the making below a folder, or was when its maker was killed."""
    found: list[str] = []
    for entry in entries_below(folder, name):
        inside_another = bool(found) and entry.name.startswith(f"{found[-1]}/")
        if is_temporary(os.path.basename(entry.name)) and not inside_another:
            found.append(entry.name)
    return found
