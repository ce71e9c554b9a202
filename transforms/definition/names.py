"""Which names can leave a definition: for a served model's inputs, for features, for files."""

import keyword
import re
from collections.abc import Iterable, Iterator
from unicodedata import category

from forebay.transforms.errors import Problem

# Bytes; file systems allow 255, and a few letters are put before and behind.
LONGEST_NAME = 200
# TensorFlow makes arguments of a Python function of a signature's inputs: with other letters it
# fails, or gives the input another name. `self` is an argument that it has already.
_SERVABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TAKEN = "self"
# The names of TensorFlow's scopes, less the slash, with which a file's name would lead elsewhere.
_SCOPE = re.compile(r"[A-Za-z0-9_.>-]+")
# What tf.Transform puts behind a name where the most frequent value stands in for missing ones.
_MOST_FREQUENT = "_most_frequent"


def is_servable(name: str) -> bool:
    """Tells whether an input of a SavedModel's signature can have a name, and keeps it."""
    is_plain = _SERVABLE.fullmatch(name) is not None
    return is_plain and not keyword.iskeyword(name) and name != _TAKEN


def is_file_name(name: str) -> bool:
    """Tells whether a file can be named so, as vocabularies and pictures are, in any folder."""
    is_plain = all(category(letter) not in ("Cc", "Cs") for letter in name)
    is_inside = "/" not in name and name not in (".", "..")
    return is_plain and is_inside and len(name.encode()) <= LONGEST_NAME


def served_name_problems(names: Iterable[str]) -> Iterator[Problem]:
    """Yields the mistakes of the raw columns that a served model is given."""
    first: dict[str, str] = {}
    for name in names:
        if not is_servable(name):
            yield Problem(
                "columns", name, "no input of a served model can have this name",
                f"name it otherwise (ASCII letters, digits and '_', a letter first, and no word of "
                f"Python), with field={name!r}",
            )  # fmt: skip
        elif name.lower() in first:
            yield Problem(
                "columns", name,
                f"TensorFlow does not tell it from {first[name.lower()]!r} among a model's inputs",
                "name one of them otherwise, with field= as the table calls it",
            )  # fmt: skip
        first.setdefault(name.lower(), name)


def output_name_problems(names: Iterable[str]) -> Iterator[Problem]:
    """Yields the mistakes of the outputs of features, each of which is named once."""
    outputs = list(names)
    first = {f"{_as_file(name)}{_MOST_FREQUENT}": f"{name}{_MOST_FREQUENT}" for name in outputs}
    for name in outputs:
        if is_file_name(name) and not _SCOPE.fullmatch(name):
            yield Problem(
                "features", name, "TensorFlow can give no operation this name",
                "set name= with ASCII letters, digits, '_', '.' and '-'",
            )  # fmt: skip
        elif _as_file(name) in first:
            yield Problem(
                "features", name,
                f"the vocabulary of {first[_as_file(name)]!r} would have the same file",
                "set another name= on one",
            )  # fmt: skip
        first.setdefault(_as_file(name), name)


def _as_file(name: str) -> str:
    """Returns the file's name that tf.Transform makes of a vocabulary's."""
    return re.sub("-+", "-", re.sub(r"[^A-Za-z0-9_-]", "_", name))
