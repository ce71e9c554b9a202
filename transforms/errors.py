"""The exceptions that Forebay raises on purpose.

ForebayError
├── UserError              the user can mend it (exit status 2)
│   ├── DefinitionError    the definition contradicts itself
│   ├── InputError         a file, a column or a row is not what the definition says
│   ├── RunFolderError     a run folder is missing, unfinished or in the way
│   └── InstanceError      a row given to a model does not fit its inputs
└── RunFailed              the machinery failed (exit status 1)
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_LONGEST = 300  # characters of each part of a mistake that are shown
# What TensorFlow's errors say of the operation of its graph.
_NODES = re.compile(r"\{\{.*?\}\}\s*|\s*\[Op:.*")
# The cause of a problem with a name that no column has.
NO_SUCH_COLUMN = "no such column"


class ForebayError(Exception):
    """Base of every exception raised on purpose; its text is meant for the user."""


class UserError(ForebayError):
    """The user can mend the cause."""


class InputError(UserError):
    """A file, a column or a row is not what the definition says."""


class RunFolderError(UserError):
    """A run folder is missing, unfinished or in the way."""


class InstanceError(UserError):
    """A row given to a model does not fit its inputs."""


class RunFailed(ForebayError):
    """The run failed for a reason that lies outside the user's input."""


def first_line(error: BaseException) -> str:
    """Returns what kind of exception it is, and the first line of what it says."""
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def reason(error: BaseException) -> str:
    """Returns what an exception says in one line, without the names that programs have for it."""
    if isinstance(error, DefinitionError):
        return str(error.problems[0])
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start:,} is not UTF-8"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return _NODES.sub("", first_line(error).removeprefix(f"{type(error).__name__}: "))


@dataclass(frozen=True)
class Problem:
    """One mistake in a definition.

    Attributes:
        where: the path of the field, such as ``windows[1].over``.
        value: the value found there.
        cause: why it cannot stand.
        cure: what to write instead.
    """

    where: str
    value: object
    cause: str
    cure: str

    def __str__(self) -> str:
        value = " ".join(repr(self.value).split())
        parts = (self.where, value, self.cause, self.cure)
        where, value, cause, cure = map(_shortened, parts)
        return f"{where} = {value}: {cause}; {cure}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


class DefinitionError(UserError):
    """A definition, or windows without one, has mistakes; all of them are in ``problems``."""

    def __init__(self, name: str | None, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} mistake" + ("s" if len(self.problems) > 1 else "")
        if name is None:
            super().__init__(f"the windows have {count}: {'; '.join(map(str, self.problems))}")
            return
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"the definition {name!r} has {count}:{lines}")


def unknown_column(where: str, name: str, columns: Mapping[str, Any]) -> Problem:
    """Describes a name that no column has, with the nearest names there are."""
    near = nearest_names(name, columns)
    cure = f"did you mean {near}?" if near else f"the columns are {', '.join(columns)}"
    return Problem(where, name, NO_SUCH_COLUMN, cure)


def nearest_names(name: str, names: Iterable[str]) -> str | None:
    """Returns those of the names that resemble a name, as a question lists them; None: none does.

    Of one that looks the same it says what differs: Unicode writes some letters in several ways,
    such as é, which is one character, or an e and an accent.
    """
    import difflib

    composed = unicodedata.normalize("NFC", name)
    for known in names:
        if unicodedata.normalize("NFC", known) == composed:
            return f"{known!a}, the same letters as {name!a} in other characters of Unicode"
    near = difflib.get_close_matches(name, list(names), n=3, cutoff=0.5)
    return " or ".join(n if n.isprintable() and n == n.strip() else repr(n) for n in near) or None
