"""Folders that are ours: files are written whole and removed by name, never through a link.

Everything here takes a folder on a local disk and names below it, with ``/`` between their parts.
On the way to the folder links are followed, as its user meant them; below it none is.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from forebay.console.machine import failure_of
from forebay.storage.entries import Entry, entries_below
from forebay.storage.names import is_temporary, temporary_name
from forebay.transforms.errors import RunFolderError, reason

_FLUSHED_AT_ONCE = 16
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


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
        RunFolderError: something on the way is a link or is not a folder, or it cannot be made.
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


def move(folder: str, name: str, to: str) -> None:
    """Renames a file below a folder, in place of the file of the other name, making folders.

    Raises:
        RunFolderError: the name is taken by what is not a file, a folder on the way is a link or a
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
    found = list(entries_below(folder, name))
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
        f"{path} is {kind}: nothing is written or removed through links, nor in place of what is "
        "not a file; move it away, or choose another folder"
    )


@contextmanager
def _writing(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise failure_of(error, path) or RunFolderError(
            f"{path} cannot be written ({reason(error)}); free the place, or choose another"
        ) from error
