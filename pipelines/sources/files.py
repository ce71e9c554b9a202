"""Files of tables: found by name or pattern, opened for sequential reading, decompressed.

Beam is loaded for files that are not local only: it takes two seconds.
"""

import codecs
import contextlib
import glob
import gzip
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Any, NamedTuple

from forebay.pipelines.sources import s3
from forebay.storage.names import absolute
from forebay.transforms.errors import InputError, reason

UTF_8 = "utf-8"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class SourceFile:
    """A file of a table.

    Attributes:
        path: its name as it was given, on any file system that Beam knows.
        size: its size in bytes, compressed where it is.
        number: its place among all files that are read, from 0.
        version: what tells its content from an earlier or later one, as the file system knows it.
        is_compressed: whether the file is gzip.
        encoding: how its text is written.
        place: where its bytes are, from wherever they are looked for: workers have other working
            folders, and what can be read once only is kept elsewhere.
    """

    path: str
    size: int
    number: int
    version: str = ""
    is_compressed: bool = False
    encoding: str = UTF_8
    place: str = field(kw_only=True)

    @property
    def identity(self) -> str:
        """What tells it from other files, whatever paths and links lead to it."""
        return _identity(self.place)

    @property
    def is_sequential(self) -> bool:
        """Whether the text can only be read from its start: its offsets are not the file's."""
        return self.is_compressed or self.encoding != UTF_8

    @property
    def text_bytes(self) -> int:
        """About how long its text is."""
        return self.size * (_GZIP_RATIO if self.is_compressed else 1)

    def open(self) -> IO[bytes]:
        """Opens the file's text, decompressed, in UTF-8, for reading from its start."""
        stream = self.open_raw()
        if self.is_compressed:
            stream = _Gunzipped(stream)  # type: ignore[assignment]
        if self.encoding == UTF_8:
            return stream
        return io.BufferedReader(_Recoded(stream, self.encoding), _BLOCK)

    def open_raw(self) -> IO[bytes]:
        """Opens the file's bytes as they are stored."""
        try:
            if "://" in self.place:
                return _open_remote(self.place)
            return open(self.place, "rb")
        except OSError as error:  # as Beam's own errors are
            raise InputError(_unreadable(self.path, error)) from error

    def head(self, size: int) -> bytes:
        """Returns the first bytes as they are stored."""
        with self.open_raw() as source:
            return source.read(size)

    def check_unchanged(self) -> None:
        """Checks that the file is still the one that was found.

        Raises:
            InputError: it was written, replaced or removed.
        """
        now = _found(self.place)
        if now is None or (now.version, now.size) != (self.version, self.size):
            what = "is gone" if now is None else "has changed"
            raise InputError(
                f"{self.path}: the file {what} since it was first looked at, and nothing of it may "
                "be used; start again when nobody writes to it, or give a copy of it"
            )


# gzip shrinks tables of text about so much.
_GZIP_RATIO = 5


class _Gunzipped(gzip.GzipFile):
    """The text of a compressed stream; closing it closes the stream, too."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__(fileobj=raw, mode="rb")
        self._raw = raw

    def close(self) -> None:
        super().close()
        self._raw.close()


_AS_SURROGATE = "forebay.as-surrogate"


def _as_surrogate(error: UnicodeError) -> tuple[str, int]:
    """Decodes what cannot be decoded; "surrogateescape" takes no bytes below 128."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


class _Recoded(io.RawIOBase):
    """A text of another encoding as UTF-8; what cannot be decoded is no UTF-8 either."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        codecs.register_error(_AS_SURROGATE, _as_surrogate)
        self._decoder = codecs.getincrementaldecoder(encoding)(_AS_SURROGATE)
        self._text = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not len(self._text):
            block = self._stream.read(_BLOCK)
            text = self._decoder.decode(block, final=not block)
            # What could not be decoded is a lone surrogate, which is no UTF-8.
            self._text = memoryview(text.encode("utf-8", "surrogatepass"))
            if not block:
                break
        count = min(len(buffer), len(self._text))
        buffer[:count], self._text = self._text[:count], self._text[count:]
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


def find_files(patterns: Sequence[str], option: str = "--input ") -> list[SourceFile]:
    """Finds the files of a table.

    Args:
        patterns: paths or globs, on any file system that Beam knows.
        option: what stands before a pattern on the command line, for errors.

    Returns:
        The files in the order of the patterns, those of one in order of name; each once, however
        often and by whatever path it is named. They are numbered from 0.

    Raises:
        InputError: a pattern matches nothing, or a file cannot be read or is empty.
    """
    known: set[str] = set()
    found = [file for pattern in patterns for file in new_files(pattern, known, option)]
    return [replace(file, number=number) for number, file in enumerate(found)]


def new_files(pattern: str, known: set[str], option: str) -> list[SourceFile]:
    """Finds the files that a pattern means, in order of name, but for those that are known.

    Args:
        pattern: a path or glob, on any file system that Beam knows.
        known: what identifies the files found before; those found now are added.
        option: what stands before a pattern on the command line, for errors.

    Raises:
        InputError: the pattern matches nothing, or a file cannot be read or is empty.
    """
    matching = _match(pattern)
    if not matching:
        raise InputError(f"{option}{pattern!r} matches no file; check the path and its quoting")
    files = []
    for path, found in sorted(matching.items()):
        identity = _identity(path)
        if identity in known:
            continue
        if found.size == 0:
            raise InputError(f"{path} is empty; leave it out or write it again")
        known.add(identity)
        files.append(SourceFile(path, found.size, 0, found.version, place=absolute(path)))
    return files


def _identity(path: str) -> str:
    if "://" in path:
        return path
    status = os.stat(path)
    return f"{status.st_dev}-{status.st_ino}"


class _Found(NamedTuple):
    """What a file system says of a file: see `SourceFile`."""

    size: int
    version: str


def _match(pattern: str) -> dict[str, _Found]:
    """Returns the files that a pattern means, by path; a file of that very name is the only one."""
    one = _found(pattern)
    if one is not None:
        return {pattern: one}
    if "://" not in pattern:
        return _match_local(pattern)
    with _told(pattern):
        return dict(_match_remote(pattern))


def _found(path: str) -> _Found | None:
    """Returns what is said of the file of a name, whatever characters that has; None: none is."""
    if "://" not in path:
        return found_at(path) if os.path.isfile(path) else None
    if path.endswith("/"):  # which is a folder's
        return None
    with _told(path):
        if path.startswith(s3.SCHEME):
            found = s3.find(path)
            return None if found is None else _Found(*found)
        system = file_systems(path).get_filesystem(path)
        if not system.exists(path):
            return None
        one = system.metadata(path)
        return _Found(one.size_in_bytes, str(one.last_updated_in_seconds))


def _match_remote(pattern: str) -> Iterator[tuple[str, _Found]]:
    if pattern.startswith(s3.SCHEME):
        yield from ((path, _Found(size, version)) for path, size, version in s3.match(pattern))
        return
    for one in file_systems(pattern).match([pattern])[0].metadata_list:
        yield one.path, _Found(one.size_in_bytes, str(one.last_updated_in_seconds))


def _match_local(pattern: str) -> dict[str, _Found]:
    """As `_match`, for local files; Beam does not find patterns without a folder."""
    if os.path.isdir(pattern):
        raise InputError(f"{pattern!r} is a folder; name its files, as by {pattern + '/*.csv'!r}")
    found = filter(os.path.isfile, glob.glob(_in_folder(pattern), recursive=True))
    return {path: found_at(path) for path in found}


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    """Turns what a file system says of a place that cannot be read into an InputError."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise InputError(_unreadable(path, error)) from error


def found_at(path: str) -> _Found:
    """Returns what the file system says of a local file."""
    status = os.stat(path)
    return _Found(status.st_size, f"{status.st_ino}-{status.st_mtime_ns}")


def _in_folder(pattern: str) -> str:
    """Returns a pattern in which the names of folders that are there mean these folders only."""
    parts = pattern.split(os.sep)
    for i in range(len(parts) - 1, 0, -1):
        folder = os.sep.join(parts[:i])
        if os.path.isdir(folder):
            return os.sep.join([glob.escape(folder), *parts[i:]])
    return pattern


def _open_remote(path: str) -> IO[bytes]:
    if path.startswith(s3.SCHEME):
        return s3.open_file(path)
    from apache_beam.io.filesystem import CompressionTypes

    opened = file_systems(path).open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return opened  # type: ignore[no-any-return]


def file_systems(path: str) -> Any:
    """Returns Beam's file systems, ready for an address.

    Raises:
        InputError: it is of none of them.
    """
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    from forebay.pipelines.google.beam_credentials import find_credentials

    # Before a pipeline has set them, and some ask for them.
    if getattr(FileSystems, "_pipeline_options", None) is None:
        FileSystems.set_options(PipelineOptions([]))
    with _told(path):
        found = FileSystems.get_filesystem(path)
    if found.scheme() == "gs":
        find_credentials()
    return FileSystems


def _unreadable(path: str, error: Exception) -> str:
    return f"{path!r} cannot be read ({reason(error)}); check the path and its permissions"
