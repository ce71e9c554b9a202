"""Files of tables: found by name or pattern, opened for sequential reading, decompressed.

Beam is loaded for files that are not local only: it takes two seconds.
"""

import glob
import gzip
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from forebay.transforms.errors import InputError, reason


@dataclass(frozen=True)
class SourceFile:
    """A file of a table.

    Attributes:
        path: its name, on any file system that Beam knows.
        size: its size in bytes, compressed where it is.
        number: its place among all files that are read, from 0.
    """

    path: str
    size: int
    number: int

    @property
    def is_compressed(self) -> bool:
        """Whether the file is gzip: one sequential reader only."""
        return self.path.endswith(".gz")

    def open(self) -> IO[bytes]:
        """Opens the file's text, decompressed, for reading from its start."""
        raw = self.open_raw()
        return _Gunzipped(raw) if self.is_compressed else raw  # type: ignore[return-value]

    def open_raw(self) -> IO[bytes]:
        """Opens the file's bytes as they are stored."""
        try:
            return _open_remote(self.path) if "://" in self.path else open(self.path, "rb")
        except OSError as error:  # as Beam's own errors are
            raise InputError(_unreadable(self.path, error)) from error


class _Gunzipped(gzip.GzipFile):
    """The text of a compressed stream; closing it closes the stream, too."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__(fileobj=raw, mode="rb")
        self._raw = raw

    def close(self) -> None:
        super().close()
        self._raw.close()


def find_files(
    patterns: Sequence[str], *, first_number: int = 0, option: str = "--input "
) -> list[SourceFile]:
    """Finds the files of a table.

    Args:
        patterns: paths or globs, on any file system that Beam knows.
        first_number: the number of the first file.
        option: what stands before a pattern on the command line, for errors.

    Returns:
        The files in order of name, each once, however often and by whatever path it is named.

    Raises:
        InputError: a pattern matches nothing, or a file cannot be read or is empty.
    """
    sizes: dict[str, int] = {}
    known: set[str] = set()
    for pattern in patterns:
        found = _match(pattern)
        if not found:
            raise InputError(f"{option}{pattern!r} matches no file; check the path and its quoting")
        for path, size in found.items():
            identity = path if "://" in path else os.path.realpath(path)
            if identity not in known:
                sizes[path] = size
            known.add(identity)
    for path, size in sizes.items():
        if size == 0:
            raise InputError(f"{path} is empty; leave it out or write it again")
    return [
        SourceFile(path, sizes[path], number)
        for number, path in enumerate(sorted(sizes), first_number)
    ]


def _match(pattern: str) -> dict[str, int]:
    """Returns path and size of the files that a pattern means."""
    if "://" not in pattern:
        return _match_local(pattern)
    from apache_beam.io.filesystems import FileSystems

    try:
        found = FileSystems.match([pattern])[0].metadata_list
    except (OSError, ValueError) as error:
        raise InputError(_unreadable(pattern, error)) from error
    return {metadata.path: metadata.size_in_bytes for metadata in found}


def _match_local(pattern: str) -> dict[str, int]:
    """As `_match`, for local files; Beam does not find patterns without a folder."""
    if os.path.isdir(pattern):
        raise InputError(f"{pattern!r} is a folder; name its files, as by {pattern + '/*.csv'!r}")
    if os.path.isfile(pattern):  # whatever characters its name has
        return {pattern: os.path.getsize(pattern)}
    found = filter(os.path.isfile, glob.glob(_in_folder(pattern), recursive=True))
    return {path: os.path.getsize(path) for path in found}


def _in_folder(pattern: str) -> str:
    """Returns a pattern in which the names of folders that are there mean these folders only."""
    parts = pattern.split(os.sep)
    for i in range(len(parts) - 1, 0, -1):
        folder = os.sep.join(parts[:i])
        if os.path.isdir(folder):
            return os.sep.join([glob.escape(folder), *parts[i:]])
    return pattern


def _open_remote(path: str) -> IO[bytes]:
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)  # type: ignore[no-any-return]


def _unreadable(path: str, error: Exception) -> str:
    return f"{path!r} cannot be read ({reason(error)}); check the path and its permissions"
