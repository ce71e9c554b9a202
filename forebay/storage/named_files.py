"""Files that a user names to be written: whole or not at all, and never over their own inputs."""

import errno
import fcntl
import io
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from forebay.console.machine import failure_of
from forebay.console.terminal import note
from forebay.storage.entries import identity
from forebay.transforms.errors import ForebayError, InputError, reason

# A file in the making, beside the name that it takes: not named as those within a run are, which
# whoever holds the run removes.
_BEGINS, _ENDS = ".forebay-output-", ".tmp"
_LONGEST_NAME = 255  # bytes, wherever Linux keeps files
_TEMPORARY = re.compile(r"\.forebay-output-[0-9a-f]{16}\.tmp")
# A name of whatever standard input is: it is read, or is to be, by this process or who started it.
_STANDARD_INPUT = "/dev/stdin"


class _DeviceError(OSError):
    """What a device or a pipe says, and not what is read meanwhile."""


class _Device(io.FileIO):
    """A device or a pipe that is written to."""

    def __init__(self, path: str, mode: str) -> None:
        try:
            super().__init__(path, mode)
        except OSError as error:
            raise _DeviceError(error.errno, error.strerror) from error

    def write(self, content: Any) -> int:
        """Writes."""
        try:
            return super().write(content) or 0
        except OSError as error:
            raise _DeviceError(error.errno, error.strerror) from error


@contextmanager
def written_whole(
    path: str, option: str, inputs: Iterable[str] = (), *, replaces: bool = True
) -> Iterator[IO[bytes]]:
    """Opens a new file that takes its name when all is written, and is gone if that fails.

    A file that has the name is replaced; a device or a pipe is written to as it is.

    Args:
        path: the file's name.
        option: what it was given by, for errors.
        inputs: files that are read, by whatever names: they are not replaced, nor is the file that
            standard input is.
        replaces: whether a file that has the name by then is replaced.

    Raises:
        InputError: it is there and not to be replaced, is one of the inputs, a link or a folder, or
            cannot be written.
        RunFailed: there is no space for it.
    """
    _check_name(path, option, inputs)
    if is_special(path):
        try:
            with io.BufferedWriter(_Device(path, "wb")) as device:
                yield device
        except _DeviceError as error:
            raise _unwritable(path, option, error) from error
        return
    try:
        folder = os.path.dirname(path) or "."
        _clean(folder)
        stream = _new_file(folder)
        temporary = stream.name
    except OSError as error:
        raise _unwritable(path, option, error) from error
    try:
        with stream:
            yield stream
            stream.flush()
            with suppress(FileNotFoundError):
                os.fchmod(stream.fileno(), stat.S_IMODE(os.lstat(path).st_mode))
            os.fsync(stream.fileno())
        _check_name(path, option, inputs)
        if replaces:
            os.replace(temporary, path)
        else:
            _take_name(temporary, path, option)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _take_name(temporary: str, path: str, option: str) -> None:
    """Gives a file a name that no other has, even if one took it a moment ago."""
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise InputError(
            f"{option} {path!r} is there already, written meanwhile; choose another name"
        ) from error
    os.unlink(temporary)


def write_whole(
    path: str, content: bytes, option: str, inputs: Iterable[str] = (), *, replaces: bool = True
) -> None:
    """Writes a file that a user names; see `written_whole`."""
    with written_whole(path, option, inputs, replaces=replaces) as stream:
        stream.write(content)


def check_output(path: str, option: str, inputs: Iterable[str] = ()) -> None:
    """Checks that a file that a user names may be written, before the work that it is for.

    Raises:
        InputError, RunFailed: as for `written_whole`.
    """
    _check_name(path, option, inputs)
    if is_special(path):
        return
    try:
        with _new_file(os.path.dirname(path) or ".") as tried:
            os.unlink(tried.name)
    except OSError as error:
        raise _unwritable(path, option, error) from error


def _check_name(path: str, option: str, inputs: Iterable[str]) -> None:
    if not path.strip():
        raise InputError(f"{option} {path!r} names no file; write a file's name")
    special, there = is_special(path), identity(path)
    read = inputs if special else (*inputs, _STANDARD_INPUT)
    if there is not None and there in {identity(each) for each in read}:
        raise InputError(f"{option} {path!r} is one of the files that are read; choose another")
    if special:
        return
    if len(os.fsencode(os.path.basename(path))) > _LONGEST_NAME:
        raise _unwritable(
            path, option, OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        )
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


def _new_file(folder: str) -> IO[bytes]:
    """Makes a file in the making, and holds it: what nobody holds, a killed process has left."""
    while True:  # until nobody took it for left before it was held
        path = os.path.join(folder, f"{_BEGINS}{secrets.token_hex(8)}{_ENDS}")
        stream = open(path, "xb")  # noqa: SIM115 - closed by who writes it
        with suppress(OSError):  # where there are no locks, nothing is taken for left either
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.exists(path):
            return stream
        stream.close()


def _clean(folder: str) -> None:
    """Removes the files in the making that killed processes left in a folder, and says so."""
    try:
        names = filter(_TEMPORARY.fullmatch, os.listdir(folder))
    except OSError:  # it may be written to, not looked at
        return
    left = [name for name in names if _removed(os.path.join(folder, name))]
    if left:
        note(f"removed what a killed process left unfinished in {folder}: {', '.join(left)}")


def _removed(path: str) -> bool:
    """Removes a file in the making that nobody holds any more; tells whether it was one."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return False
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(opened)


def is_special(path: str) -> bool:
    """Tells whether a name is of a device or a pipe, which hold nothing that could be lost."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _unwritable(path: str, option: str, error: OSError) -> ForebayError:
    return failure_of(error, path) or InputError(
        f"{option} {path!r} cannot be written ({reason(error)}); choose another place"
    )
