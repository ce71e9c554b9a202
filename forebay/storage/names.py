"""Names of files and folders: what they may be, and which only we give."""

import os
import re
import secrets
from fnmatch import fnmatchcase
from unicodedata import category

from forebay.transforms.errors import InputError

# A file in the making, and a folder in the making: nobody else chooses such a name.
_TEMPORARY = re.compile(r"\.forebay-[0-9a-f]{16}\.tmp")
# Whose addresses the file systems of both Beam and TensorFlow read and write.
_STORES = ("gs",)
# Exists while a process holds the folder it lies in; see `forebay.storage.locks`.
LOCK_NAME = ".forebay.lock"


def is_remote(path: str) -> bool:
    """Tells whether a path is on an object store, which has neither links nor locks."""
    return "://" in path


def absolute(path: str) -> str:
    """Returns a path that leads to the same place from any working folder."""
    return path if is_remote(path) else os.path.abspath(path)


def check_place(path: str) -> None:
    """Refuses a place for runs and models that is neither a local path nor on an object store.

    A ``file://`` address would pass by all that keeps local files: name the path itself.

    Raises:
        InputError: write the path, or the address of an object store.
    """
    scheme, apart, rest = path.partition("://")
    if apart and scheme not in _STORES:
        cure = (
            f"write {rest!r}" if scheme == "file" else "name a folder, or such as gs://bucket/run"
        )
        raise InputError(f"{path}: no run and no model is kept at {scheme}:// addresses; {cure}")


def is_inside(name: str) -> bool:
    """Tells whether a relative path stays below its folder and is written plainly.

    The one question to ask of a name that was read from a file before a path is made of it.
    """
    is_plain = all(category(letter) not in ("Cc", "Cs") for letter in name)
    return is_plain and all(part not in ("", ".", "..") for part in name.split("/"))


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
