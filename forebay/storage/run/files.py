"""Files of a run, on a local disk or, through TensorFlow's file systems, an object store.

TensorFlow is loaded where an object store is first asked.
"""

import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import Any, BinaryIO, TypeVar

from forebay.storage import folders, json_records
from forebay.storage.entries import Entry, entries_below
from forebay.storage.names import LOCK_NAME, is_remote, is_temporary, matches, temporary_name
from forebay.storage.run.checksums import check_entry, read_entry
from forebay.storage.run.manifest import FileEntry
from forebay.transforms.errors import RunFolderError, reason
from forebay.transforms.json_text import json_text

T = TypeVar("T")

# Files that are read, or removed from an object store.
_AT_ONCE = 8


def exists(path: str) -> bool:
    """Tells whether there is a file or folder."""
    return bool(_gfile().exists(path)) if is_remote(path) else os.path.exists(path)


def names_in(folder: str) -> list[str]:
    """Returns the names of what lies in a folder; none where there is no such folder."""
    if is_remote(folder):
        return list(_gfile().listdir(folder)) if _gfile().isdir(folder) else []
    return os.listdir(folder) if os.path.isdir(folder) else []


def read_bytes(path: str) -> bytes:
    """Returns a file's content.

    Raises:
        RunFolderError: it cannot be read.
    """
    with _reading(path) as stream:
        return bytes(stream.read())


def read_record(kind: type[T], path: str) -> T:
    """Returns what a JSON file of ours holds, of the type that it was written from.

    Raises:
        RunFolderError: it cannot be read, or holds something else.
    """
    return json_records.read_record(kind, read_bytes(path), path, "train or export anew")


def write_bytes(folder: str, name: str, content: bytes) -> None:
    """Writes a file whole, in place of the one before.

    Args:
        folder: the run, or another folder that is ours; see `folders.write`.
        name: the file's name below it.
        content: what is written.

    Raises:
        RunFolderError: it cannot be written, or a link is in the way.
    """
    if not is_remote(folder):
        folders.write(folder, name, content)
        return
    path = posixpath.join(folder, name)
    temporary = posixpath.join(posixpath.dirname(path), temporary_name())
    _gfile().makedirs(posixpath.dirname(path))
    try:
        with _gfile().GFile(temporary, "wb") as stream:
            stream.write(content)
        _gfile().rename(temporary, path, overwrite=True)
    except BaseException:
        with suppress(Exception):  # what failed is told
            _gfile().remove(temporary)
        raise


def write_json(folder: str, name: str, value: Any) -> None:
    """Writes a value as indented JSON; a NaN in it is an error, as JSON has none."""
    write_bytes(folder, name, f"{json_text(value, indent=2)}\n".encode())


def check_outputs(folder: str, names: Iterable[str], into: Iterable[str] = ()) -> None:
    """Checks that files can be written below a folder, before the work whose results they hold.

    Args:
        folder: the run.
        names: the names of the files.
        into: names of folders, for files of other names.

    Raises:
        RunFolderError: one cannot, or a link is in the way.
    """
    if is_remote(folder):
        return
    names = sorted(names)
    for parent in sorted({*map(posixpath.dirname, names), *into}):
        folders.check_writable(folder, parent)
    for name in names:
        folders.check_place(folder, name)


def owned(folder: str, name: str, patterns: Iterable[str]) -> list[str]:
    """Returns what we wrote below a folder, and refuses to take anything else for ours.

    Args:
        folder: the run.
        name: a folder below it that one of our commands writes.
        patterns: the patterns of the files that it writes there, as `matches` takes them.

    Returns:
        The names of the files, below the run.

    Raises:
        RunFolderError: there is something else, such as a link.
    """
    found = [entry for entry in _entries(folder, name) if not entry.is_folder]
    for entry in found:
        inside = posixpath.relpath(entry.name, name)
        if not entry.is_file or not any(matches(inside, each) for each in patterns):
            raise RunFolderError(
                f"{posixpath.join(folder, entry.name)} ({entry.kind}) was not written by this "
                f"command, so {name} is not removed; move it away"
            )
    return [entry.name for entry in found]


def copy(folder: str, into: str, last: str) -> None:
    """Copies what lies below a folder into another, one file after all others.

    Raises:
        RunFolderError: something cannot be read or written.
    """
    names = [entry.name for entry in _entries(folder, "") if entry.is_file]
    for name in sorted(names, key=lambda name: (name == last, name)):
        write_bytes(into, name, read_bytes(posixpath.join(folder, name)))


def remove(folder: str, names: Iterable[str]) -> None:
    """Removes files, and then the folders that hold nothing any more; see `folders.remove`."""
    if not is_remote(folder):
        folders.remove(folder, names)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(_remove_remote, (posixpath.join(folder, name) for name in names)))


def _remove_remote(path: str) -> None:
    from tensorflow.errors import NotFoundError

    with suppress(NotFoundError):
        _gfile().remove(path)


@contextmanager
def in_the_making(folder: str, name: str) -> Iterator[str]:
    """Makes a new folder below a folder, under a name of its own, that is gone afterwards.

    Args:
        folder: the run.
        name: the folder below it that the new one lies in; see `rename_folder`.
    """
    made = posixpath.join(name, temporary_name())
    if not is_remote(folder):
        folders.make(folder, made)
        try:
            yield made
        finally:
            folders.remove_temporary(folder, made)
        return
    path = posixpath.join(folder, made)
    _gfile().makedirs(path)
    try:
        yield made
    finally:
        if exists(path):
            _gfile().rmtree(path)


def rename_folder(folder: str, name: str, to: str) -> None:
    """Gives a folder in the making its own name, at which there is nothing yet."""
    if not is_remote(folder):
        folders.flush(os.path.join(folder, name))
        folders.rename_folder(folder, name, to)
        return
    _gfile().rename(posixpath.join(folder, name), posixpath.join(folder, to))


def discard_folder(folder: str, name: str) -> None:
    """Removes a folder and what is in it, first from sight: nobody is to open half of it."""
    hidden = posixpath.join(posixpath.dirname(name), temporary_name())
    if not is_remote(folder):
        folders.rename_folder(folder, name, hidden)
        folders.remove_temporary(folder, hidden)
        return
    _gfile().rename(posixpath.join(folder, name), posixpath.join(folder, hidden))
    _gfile().rmtree(posixpath.join(folder, hidden))


def listing(folder: str) -> dict[str, FileEntry]:
    """Returns size and checksum of every file below a folder, by name."""
    names = [entry.name for entry in _entries(folder, "") if entry.is_file]
    return dict(zip(names, _read_entries(folder, names), strict=True))


def verify(folder: str, listed: Mapping[str, FileEntry], cure: str) -> None:
    """Reads files and refuses those that are not what a listing says.

    Args:
        folder: the folder that they are in.
        listed: what each must be, by name.
        cure: what makes them anew.

    Raises:
        RunFolderError: one is missing, cannot be read, or has another size or checksum.
    """
    for name, entry in listed.items():  # first what costs nothing to see
        check_size(posixpath.join(folder, name), entry, cure)
    for name, found in zip(listed, _read_entries(folder, listed), strict=True):
        check_entry(posixpath.join(folder, name), found, listed[name], cure)


def check_size(path: str, listed: FileEntry, cure: str) -> None:
    """Refuses a file that is missing or not of the size that a listing says, without reading it.

    Raises:
        RunFolderError: it is so.
    """
    if not exists(path):
        raise RunFolderError(
            f"{path} is missing where its listing says {listed.size:,} bytes; {cure}"
        )
    check_entry(path, replace(listed, size=size(path)), listed, cure)


def _entries(folder: str, name: str) -> Iterator[Entry]:
    """Yields what lies below a folder, but for our locks and what is in the making."""
    found = _remote_entries(folder, name) if is_remote(folder) else entries_below(folder, name)
    for entry in found:
        if not any(part == LOCK_NAME or is_temporary(part) for part in entry.name.split("/")):
            yield entry


def _remote_entries(folder: str, name: str) -> Iterator[Entry]:
    for place, _, names in _gfile().walk(posixpath.join(folder, name)):
        for base in filter(None, names):
            below = posixpath.relpath(posixpath.join(place, base), folder)
            yield Entry(below, stat.S_IFREG, (0, 0))


def _read_entries(folder: str, names: Iterable[str]) -> list[FileEntry]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(_read_entry, (posixpath.join(folder, name) for name in names)))


def _read_entry(path: str) -> FileEntry:
    with _reading(path) as stream:
        return read_entry(stream)


def size(path: str) -> int:
    """Returns a file's length in bytes."""
    return int(_gfile().stat(path).length) if is_remote(path) else os.path.getsize(path)


def _reading(path: str) -> AbstractContextManager[BinaryIO]:
    """Opens a file; what goes wrong while it is read is a `RunFolderError`."""
    return _reading_remote(path) if is_remote(path) else _reading_local(path)


@contextmanager
def _reading_local(path: str) -> Iterator[BinaryIO]:
    try:
        with open(path, "rb") as stream:
            yield stream
    except OSError as error:
        raise _unreadable(path, reason(error)) from error


@contextmanager
def _reading_remote(path: str) -> Iterator[BinaryIO]:
    from tensorflow.errors import OpError

    try:
        with _gfile().GFile(path, "rb") as stream:
            yield stream
    except OpError as error:
        # The message ends in what the store said: "...; Permission denied".
        raise _unreadable(path, error.message.rpartition("; ")[2]) from error


def _unreadable(path: str, why: str | None) -> RunFolderError:
    return RunFolderError(f"{path} cannot be read ({why}); check the path and its permissions")


def _gfile() -> Any:
    from tensorflow.io import gfile  # it takes seconds

    return gfile
