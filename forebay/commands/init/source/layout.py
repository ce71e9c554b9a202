"""Python source laid out as ``ruff format`` lays it out.

A bracket that fits on its line stays there; another has one entry a line, each with a trailing
comma, which keeps it so.
"""

import textwrap
import unicodedata
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any

WIDTH = 100
INDENT = "    "
# What a definition calls forebay: its user adds to it, and finds every name there.
PACKAGE = "fb"
# Fields that examples write without their name, where they are required.
_POSITIONAL = {"name", "column", "of", "left", "right"}
# Fields that tell too much to be left out where they have their default.
_ALWAYS = {"part"}


@dataclass(frozen=True)
class Name:
    """A Python name, written as it is."""

    text: str


@dataclass(frozen=True)
class Item:
    """An entry of a bracket.

    Attributes:
        value: what it holds.
        prefix: what stands before it: ``name=``, or ``"key": ``.
        comments: paragraphs above it.
    """

    value: Any
    prefix: str = ""
    comments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bracket:
    """A call, a list or a dict, entry by entry.

    Attributes:
        opening: what stands before the entries, with the bracket.
        entries: what it holds; entries without value are comments only.
        closing: the closing bracket.
    """

    opening: str
    entries: tuple[Item, ...]
    closing: str


def node_of(value: Any) -> str | Bracket:
    """Turns a definition's value into source: text, or a bracket of entries.

    Dataclasses become calls that leave out what has its default.
    """
    if isinstance(value, Bracket):
        return value
    if isinstance(value, Name):
        return value.text
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list | tuple):
        return Bracket("[", tuple(Item(item) for item in value), "]")
    if not is_dataclass(value):
        return repr(value)
    entries: list[Item] = []
    for field in fields(value):
        item = getattr(value, field.name)
        default = field.default
        if field.default_factory is not MISSING:
            default = field.default_factory()
        if item != default or field.name in _ALWAYS:
            plain = field.default is MISSING and field.name in _POSITIONAL
            plain = plain and not any(entry.prefix for entry in entries)
            entries.append(Item(item, "" if plain else f"{field.name}="))
    return Bracket(f"{PACKAGE}.{type(value).__name__}(", tuple(entries), ")")


def laid_out(entry: Item, indent: int = 0, suffix: str = "") -> Iterator[str]:
    """Yields the lines of an entry.

    Args:
        entry: what to write.
        indent: how deep it stands.
        suffix: what follows it: a comma inside brackets.
    """
    margin = INDENT * indent
    for paragraph in entry.comments:
        yield from commented(paragraph, indent)
    if entry.value is None and entry.comments and not entry.prefix:
        return
    node = node_of(entry.value)
    line = f"{margin}{entry.prefix}{_flat(node)}{suffix}"
    if isinstance(node, str) or (not _has_comments(node) and width(line) <= WIDTH):
        yield line if width(line) <= WIDTH else f"{line}  # noqa: E501"
        return
    yield _marked(f"{margin}{entry.prefix}{node.opening}")
    for inner in node.entries:
        yield from laid_out(inner, indent + 1, ",")
    yield f"{margin}{node.closing}{suffix}"


def commented(paragraph: str, indent: int = 0) -> list[str]:
    """Returns a paragraph as lines of comment."""
    start = f"{INDENT * indent}# "
    text = printable(paragraph)
    narrow = WIDTH if width(text) == len(text) else WIDTH // 2
    lines = textwrap.wrap(
        text, narrow, initial_indent=start, subsequent_indent=start, break_on_hyphens=False
    )
    return lines or [start.rstrip()]


def quoted(text: str) -> str:
    """Returns a string literal, in double quotes unless that needs more escapes."""
    literal = repr(text)
    if literal[0] == '"' or text.count('"') > text.count("'"):
        return literal
    body = literal[1:-1].replace("\\'", "'").replace('"', '\\"')
    return f'"{body}"'


def printable(text: str) -> str:
    """Returns the text with line ends and other characters without a shape as escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def width(text: str) -> int:
    """Returns how many columns of a terminal a text takes, as ruff counts them."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _marked(line: str) -> str:
    return line if width(line) <= WIDTH else f"{line}  # noqa: E501"


def _flat(node: str | Bracket) -> str:
    if isinstance(node, str):
        return node
    inner = ", ".join(f"{entry.prefix}{_flat(node_of(entry.value))}" for entry in node.entries)
    return f"{node.opening}{inner}{node.closing}"


def _has_comments(node: str | Bracket) -> bool:
    return isinstance(node, Bracket) and any(
        entry.comments or _has_comments(node_of(entry.value)) for entry in node.entries
    )
