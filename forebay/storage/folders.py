"""Folders that are ours: files are written whole and removed by name, never through a link.

Everything here takes a folder on a local disk and names below it, with ``/`` between their parts.
On the way to the folder links are followed, as its user meant them; below it none is.
"""

import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from unicodedata import category

from forebay.console.machine import failure_of
from forebay.transforms.errors import RunFolderError, reason

# A file in the making, and a folder in the making: nobody else chooses such a name.
_TEMPORARY = re.compile(r"\.forebay-[0-9a-f]{16}\.tmp")
# Exists while a process holds the folder it lies in; see `forebay.storage.locks`.
LOCK_NAME = ".forebay.lock"
_FLUSHED_AT_ONCE = 16
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Entry:
    """Something below a folder.

    Attributes:
        name: relative to the folder.
        mode: as of ``os.lstat``: of a link itself.
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


def is_remote(path: str) -> bool:
    """Tells whether a path is on an object store, which has neither links nor locks."""
    return "://" in path


def is_inside(name: str) -> bool:
    """Tells whether a relative path stays below its folder and is written plainly.

    The one question to ask of a name that was read from a file before a path is made of it.
    """
    is_plain = all(category(letter) not in ("Cc", "Cs") for letter in name)
    return is_plain and all(part not in ("", ".", "..") for part in name.split("/"))


def identity(path: str) -> tuple[int, int] | None:
    """Returns what is equal for all names of one file, links to it too; None: there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def matches(name: str, pattern: str) -> bool:
    """Tells whether a path has as many parts as a pattern, and each matches."""
    parts, patterns = name.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def temporary_name() -> str:
    """Returns a new name for what has its own only when it is whole."""
    return f".forebay-{secrets.token_hex(8)}.tmp"


def is_temporary(name: str) -> bool:
    """Tells whether a name, without folders, is one that `temporary_name` returns."""
    return _TEMPORARY.fullmatch(name) is not None


def write(folder: str, name: str, content: bytes) -> None:
    """Writes a file whole, and flushed to the disk, in place of the one before.

    Folders on the way are made. What has the name already must be a regular file.

    Raises:
        RunFolderError: the name is taken by something else, a folder on the way is a link or a
            file, or it cannot be written.
    """
    *parents, base = name.split("/")
    path = os.path.join(folder, name)
    with _writing(path), _opened(folder, parents, make=True) as into:
        _check_place(into, base, path)
        temporary = temporary_name()
        try:
            with open(os.open(temporary, _NEW, 0o666, dir_fd=into), "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, base, src_dir_fd=into, dst_dir_fd=into)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=into)
            raise
        os.fsync(into)


def check_place(folder: str, name: str) -> None:
    """Checks that nothing but a file has a name, and that no link leads there.

    Raises:
        RunFolderError: something else has.
    """
    *parents, base = name.split("/")
    with suppress(FileNotFoundError), _opened(folder, parents) as into:
        _check_place(into, base, os.path.join(folder, name))


def check_writable(folder: str, name: str = "") -> None:
    """Checks that a folder can be made and written to, before the work whose results it holds.

    Raises:
        RunFolderError: it cannot, or it is a link or a file.
    """
    made = make(folder, name)
    with _writing(os.path.join(folder, name)), _opened(folder, filter(None, name.split("/"))) as at:
        temporary = temporary_name()
        os.close(os.open(temporary, _NEW, 0o666, dir_fd=at))
        os.unlink(temporary, dir_fd=at)
    remove_empty(folder, made)


def make(folder: str, name: str) -> list[str]:
    """Makes a folder and those on the way to it, and returns the names of the new ones.

    Raises:
        RunFolderError: something on the way is a link or no folder, or it cannot be made.
    """
    made = []
    parts = name.split("/") if name else []
    for i, part in enumerate(parts):
        below = "/".join(parts[: i + 1])
        with _writing(os.path.join(folder, below)), _opened(folder, parts[:i]) as parent:
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=parent)
                made.append(below)
            with _opened(folder, parts[: i + 1]):
                pass
    return made


def entries(folder: str, name: str = "") -> Iterator[Entry]:
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
            yield from entries(folder, f"{name}/{below}" if name else below)


def files_below(folder: str, names: Iterable[str] = ("",)) -> list[str]:
    """Returns the paths of all that is no folder below a folder, or below entries of it.

    On an object store there is nothing to tell.
    """
    if is_remote(folder):
        return []
    found = (entry for name in names for entry in entries(folder, name) if not entry.is_folder)
    return [os.path.join(folder, entry.name) for entry in found]


def remove(folder: str, names: Iterable[str]) -> None:
    """Removes files, and then the folders that hold nothing any more.

    A name that is gone already is passed over; of a link, the link itself is removed.

    Raises:
        RunFolderError: a folder on the way is a link, or something cannot be removed.
    """
    parents: set[str] = set()
    for name in names:
        *parts, base = name.split("/")
        with (
            _writing(os.path.join(folder, name)),
            suppress(FileNotFoundError),
            _opened(folder, parts) as parent,
        ):
            os.unlink(base, dir_fd=parent)
        parents |= {"/".join(parts[: i + 1]) for i in range(len(parts))}
    remove_empty(folder, sorted(parents))


def remove_empty(folder: str, names: Sequence[str]) -> None:
    """Removes those of the folders, the last first, that hold nothing."""
    for name in reversed(names):
        *parts, base = name.split("/")
        with suppress(OSError, RunFolderError), _opened(folder, parts) as parent:
            os.rmdir(base, dir_fd=parent)


def remove_temporary(folder: str, name: str) -> None:
    """Removes something in the making and all that is in it; links in it lead nowhere.

    Raises:
        ValueError: it is not named as such.
    """
    *parts, base = name.split("/")
    if not is_temporary(base):
        raise ValueError(name)
    with suppress(FileNotFoundError), _opened(folder, parts) as parent:
        try:
            os.unlink(base, dir_fd=parent)
        except IsADirectoryError:
            shutil.rmtree(base, dir_fd=parent)


def temporaries(folder: str, name: str = "") -> list[str]:
    """Returns what is in the making below a folder, or was when its maker was killed."""
    found: list[str] = []
    for entry in entries(folder, name):
        inside_another = bool(found) and entry.name.startswith(f"{found[-1]}/")
        if is_temporary(os.path.basename(entry.name)) and not inside_another:
            found.append(entry.name)
    return found


def move(folder: str, name: str, to: str) -> None:
    """Renames a file below a folder, in place of the file of the other name, making folders.

    Raises:
        RunFolderError: the name is taken by what is no file, a folder on the way is a link or a
            file, or it cannot be renamed.
    """
    (*before, base), (*after, new) = name.split("/"), to.split("/")
    with (
        _writing(os.path.join(folder, to)),
        _opened(folder, before) as source,
        _opened(folder, after, make=True) as target,
    ):
        _check_place(target, new, os.path.join(folder, to))
        os.replace(base, new, src_dir_fd=source, dst_dir_fd=target)


def rename_folder(folder: str, name: str, to: str) -> None:
    """Renames a folder below a folder to a name that nothing has, and flushes both lists.

    Raises:
        RunFolderError: something has the name, a folder on the way is a link, or it cannot be
            renamed.
    """
    (*before, base), (*after, new) = name.split("/"), to.split("/")
    path = os.path.join(folder, to)
    with _writing(path), _opened(folder, before) as source, _opened(folder, after) as target:
        with suppress(FileNotFoundError):
            raise _through(path, os.lstat(new, dir_fd=target).st_mode)
        os.rename(base, new, src_dir_fd=source, dst_dir_fd=target)
        os.fsync(source)
        os.fsync(target)


def flush(folder: str, name: str = "", *, files: bool = True) -> None:
    """Flushes what lies below a folder to the disk: its folders, and where wanted their files."""
    found = list(entries(folder, name))
    flushed = [e.name for e in found if e.is_folder or (files and e.is_file)]
    paths = [os.path.join(folder, each) for each in flushed] + ([] if name else [folder])
    # The disk takes many at once: one after the other, a file costs 5 ms, and so 0.4 ms.
    with ThreadPoolExecutor(_FLUSHED_AT_ONCE) as pool:
        list(pool.map(flush_one, paths))


def flush_one(path: str) -> None:
    """Flushes a file, or the list of what is in a folder, to the disk."""
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def _opened(folder: str, parts: Iterable[str], *, make: bool = False) -> Iterator[int]:
    """Opens a folder below a folder, step by step, so that no step leads through a link."""
    opened, path = os.open(folder, _FOLDER), folder
    try:
        for part in parts:
            path = os.path.join(path, part)
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=opened)
            try:
                below = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=opened)
            except NotADirectoryError:  # what Linux says of links, too
                raise _through(path, os.lstat(part, dir_fd=opened).st_mode) from None
            os.close(opened)
            opened = below
        yield opened
    finally:
        os.close(opened)


def _check_place(into: int, base: str, path: str) -> None:
    """Refuses to put a file in the place of something that is none."""
    with suppress(FileNotFoundError):
        found = os.lstat(base, dir_fd=into).st_mode
        if not stat.S_ISREG(found):
            raise _through(path, found)


def _through(path: str, mode: int) -> RunFolderError:
    kind = Entry(path, mode, (0, 0)).kind
    return RunFolderError(
        f"{path} is {kind}: nothing is written or removed through links, or in place of what is no "
        "file; move it away, or choose another folder"
    )


@contextmanager
def _writing(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise failure_of(error, path) or RunFolderError(
            f"{path} cannot be written ({reason(error)}); free the place, or choose another"
        ) from error
