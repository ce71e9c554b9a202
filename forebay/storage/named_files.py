"""Files that a user names to be written: whole or not at all, and never over their own inputs."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from forebay.storage.entries import identity
from forebay.storage.names import temporary_name
from forebay.transforms.errors import InputError


@contextmanager
def written_whole(path: str, option: str, inputs: Iterable[str] = ()) -> Iterator[IO[bytes]]:
    """Opens a new file that takes its name when all is written, and is gone if that fails.

    A file that has the name is replaced; a device or a pipe is written to as it is.

    Args:
        path: the file's name.
        option: what it was given by, for errors.
        inputs: files that are read, by whatever names: they are not replaced.

    Raises:
        InputError: it is one of the inputs, a link or a folder, or cannot be written.
    """
    check_output(path, option, inputs)
    try:
        if _is_special(path):
            with open(path, "wb") as stream:
                yield stream
            return
        folder = os.path.dirname(path) or "."
        temporary = os.path.join(folder, temporary_name())
        stream = open(temporary, "xb")  # noqa: SIM115 - closed below, before it has its name
    except OSError as error:
        raise _unwritable(path, option, error) from error
    try:
        with stream:
            yield stream
            stream.flush()
            with suppress(FileNotFoundError):
                os.fchmod(stream.fileno(), stat.S_IMODE(os.lstat(path).st_mode))
            os.fsync(stream.fileno())
        check_output(path, option, inputs)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def write_whole(path: str, content: bytes, option: str, inputs: Iterable[str] = ()) -> None:
    """Writes a file that a user names; see `written_whole`."""
    with written_whole(path, option, inputs) as stream:
        stream.write(content)


def check_output(path: str, option: str, inputs: Iterable[str] = ()) -> None:
    """Checks that a file that a user names may be written, before the work that it is for.

    Raises:
        InputError: as for `written_whole`.
    """
    if not path.strip():
        raise InputError(f"{option} {path!r} names no file; write a file's name")
    there = identity(path)
    if there is not None and there in {identity(each) for each in inputs}:
        raise InputError(f"{option} {path!r} is one of the files that are read; choose another")
    if _is_special(path):
        return
    if os.path.islink(path):
        raise InputError(
            f"{option} {path!r} is a link, and nothing is written through links; name the file "
            "itself"
        )
    if os.path.isdir(path):
        raise InputError(f"{option} {path!r} is a folder; name a file")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        state = "cannot be written to" if os.path.isdir(folder) else "is not a folder"
        raise InputError(f"{option} {path!r} cannot be written ({folder} {state}); choose another")


def _is_special(path: str) -> bool:
    """Tells whether a name is of a device or a pipe, which hold nothing that could be lost."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _unwritable(path: str, option: str, error: OSError) -> InputError:
    return InputError(
        f"{option} {path!r} cannot be written ({error.strerror}); choose another place"
    )
