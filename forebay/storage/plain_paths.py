"""Paths for libraries that take some characters of a name for a pattern.

TensorFlow looks a checkpoint's name up as a pattern, and Beam a file's: in a folder called
``run[1]`` neither finds what it has just written. Nor do they take a name that is no UTF-8.
"""

import functools
import os
import tempfile

from forebay.transforms.errors import InputError

PATTERN_LETTERS = frozenset("*?[]{}\\")


def plain_path(path: str, *, is_here: bool = True) -> str:
    """Returns a path of the same folder that no library takes for a pattern.

    Where the path has such characters that is a link, there as long as this process.

    Args:
        path: a folder that is there, on a local disk; or any path on another file system.
        is_here: whether only this machine looks it up: another one has no link.

    Raises:
        InputError: the path has such characters, and a link would not do.
    """
    if _is_plain(path):
        return path
    if is_here and "://" not in path:
        return _link(os.path.abspath(path))
    raise InputError(
        f"{path!r} has one of the characters {' '.join(sorted(PATTERN_LETTERS))}, which are "
        "taken for a pattern there, or is no UTF-8; choose another name"
    )


def _is_plain(path: str) -> bool:
    is_text = not any("\ud800" <= letter <= "\udfff" for letter in path)
    return is_text and PATTERN_LETTERS.isdisjoint(path)


@functools.cache
def _link(path: str) -> str:
    folder = _links().name
    link = os.path.join(folder, f"{len(os.listdir(folder))}-plain")
    os.symlink(path, link, target_is_directory=True)
    return link


@functools.cache
def _links() -> tempfile.TemporaryDirectory[str]:
    """Returns a folder for links; it is removed when the process ends."""
    made = tempfile.TemporaryDirectory(prefix="forebay-")
    if not _is_plain(made.name):
        raise InputError(
            f"the folder for temporary files, {tempfile.gettempdir()!r}, has one of the characters "
            f"{' '.join(sorted(PATTERN_LETTERS))}; set TMPDIR to another"
        )
    return made
