"""What the machine refused, in words: which file, what was said of it, and what helps."""

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from forebay.transforms.errors import RunFailed, UserError

_PATH = "check the path"
_FOLDER = "check its permissions, or choose another folder"
# The errors that say something about the machine or about what it was told, and what helps.
_CURES = {
    errno.ENOSPC: "free some there, or choose another folder",
    errno.EDQUOT: "remove something of yours there, or choose another folder",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), or choose another folder",
    errno.EROFS: "choose a folder that can be written to",
    errno.EACCES: _FOLDER,
    errno.EPERM: _FOLDER,
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "close other programs, or raise the machine's limit on open files",
    errno.ENOMEM: "use a machine with more memory, or close other programs",
    errno.EIO: "check the disk",
    errno.ESTALE: "mount the file system anew",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: _PATH,
    errno.ENOENT: _PATH,
    errno.ENOTDIR: _PATH,
    errno.EISDIR: _PATH,
    errno.EEXIST: "choose another name",
    errno.ENOTEMPTY: "choose another name",
    errno.EBUSY: "end what uses it",
    errno.EXDEV: "choose a folder on one file system",
    errno.ETXTBSY: "end what uses it",
    errno.EBADF: "open it before the command is started",
    errno.EPIPE: "let its reader stay until the end",
}
# Those that another command line mends.
_OF_THE_USER = {
    errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOENT,
    errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.EXDEV, errno.EBADF,
}  # fmt: skip
# Those that are there again where the same is tried again, until somebody mends them.
_LASTING = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM,
}  # fmt: skip
# What libraries quote without a number, and our own errors in small letters; a word such as "File
# exists" may be about something else.
_PHRASES = {
    os.strerror(number).lower(): number
    for number in (
        errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EMFILE,
        errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE, errno.ENAMETOOLONG,
    )
} | {"oom when allocating": errno.ENOMEM}  # fmt: skip
_NUMBERED = re.compile(r"\[[Ee]rrno (\d+)\] [^:\n]*(?:: b?'([^'\n]+)')?")
_QUOTED = re.compile(rf"(?:(/[^;\n]*|[^;:\s]+); )?({'|'.join(_PHRASES)})", re.I)
# A disk with less than this is full: nothing of ours fits.
_LEAST_BYTES = 64 << 10


@dataclass(frozen=True)
class MachineRefusal:
    """Something that the machine would not do.

    Attributes:
        number: the error's, as `errno` names it.
        place: the file or folder; None: it is not known.
    """

    number: int
    place: str | None = None

    @property
    def is_users(self) -> bool:
        """Whether another command line mends it."""
        return self.number in _OF_THE_USER

    @property
    def is_lasting(self) -> bool:
        """Whether trying again is in vain until somebody mends it."""
        return self.number in _LASTING

    def __str__(self) -> str:
        cause = os.strerror(self.number)
        cause = cause[:1].lower() + cause[1:]
        where = f"{self.place}: " if self.place else ""
        return f"{where}{cause}; {_CURES[self.number]}"


def find_refusal(error: BaseException) -> MachineRefusal | None:
    """Returns what the machine refused, where an exception or what caused it says so."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or following.__context__
    for one in chain:
        if isinstance(one, OSError) and one.errno in _CURES:
            return MachineRefusal(one.errno, _place(one))
        if isinstance(one, MemoryError):
            return MachineRefusal(errno.ENOMEM)
    return next((found for one in chain if (found := refusal_in(str(one)))), None)


def refusal_in(text: str) -> MachineRefusal | None:
    """Returns what the machine refused, where a text, such as another process's traceback, says so.

    The last that it says counts, as tracebacks have it.
    """
    for number, place in reversed(_NUMBERED.findall(text)):
        if int(number) in _CURES:
            return MachineRefusal(int(number), place or None)
    for place, phrase in reversed(_QUOTED.findall(text)):
        return MachineRefusal(_PHRASES[phrase.lower()], place or None)
    return None


def failure_of(error: OSError, path: str) -> RunFailed | None:
    """Returns what to raise where a path is refused for what is not the user's mistake.

    None: another path would mend it, so that whoever took it from the user has better words.
    """
    is_known = error.errno in _CURES and error.errno not in _OF_THE_USER
    return RunFailed(str(MachineRefusal(error.errno, path))) if is_known and error.errno else None


@contextmanager
def full_disk_told(folder: str) -> Iterator[None]:
    """Says of what fails inside that a disk is full, where one is: libraries fail in strange ways.

    Args:
        folder: the folder that is written to, besides the one for temporary files; it need not be
            there.

    Raises:
        RunFailed: something failed that is not a mistake of the user's, and a disk is full.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        for place in (folder, tempfile.gettempdir()):
            if _is_full(place):
                raise RunFailed(str(MachineRefusal(errno.ENOSPC, place))) from error
        raise


def free_bytes(folder: str) -> int | None:
    """Returns how much is free where a folder is or would be; None: nobody counts there."""
    space = None if "://" in folder else _space(folder)
    return space.f_bavail * space.f_frsize if space is not None and space.f_blocks else None


def _space(folder: str) -> os.statvfs_result:
    place = os.path.abspath(folder)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    return os.statvfs(place)  # where nobody counts, all is 0


def _is_full(folder: str) -> bool:
    if "://" in folder:
        return False
    space = _space(folder)
    few_bytes = space.f_blocks > 0 and space.f_bavail * space.f_frsize < _LEAST_BYTES
    return few_bytes or (space.f_files > 0 and space.f_favail == 0)


def _place(error: OSError) -> str | None:
    name = error.filename2 or error.filename
    return os.fsdecode(name) if isinstance(name, str | bytes) else None
