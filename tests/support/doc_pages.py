"""The documentation as tests read it: the code, the commands and the tables of its pages.

Every block of Python and of shell commands is run by `tests/docs`, unless a comment right before
it says why not, or one at the end of the page says so of all its commands:

    <!-- not run: needs a cluster -->
    <!-- commands not run: each trains for minutes -->

A block is the file that the line above it names at its end, such as "Save this as `delays.py`:".
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
Table = list[dict[str, str]]

_FENCE = re.compile(r"^( *)(`{3,})(\S*)\s*$")
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->")
_NO_COMMANDS = re.compile(r"^<!-- commands not run: (.+) -->$", re.M)
_NAMED = re.compile(r"`([\w.-]+\.(?:py|toml|jsonl|csv))`[^`]*:$")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        language: what its fence says: ``python``, ``sh``, ``json`` and so on.
        text: its lines.
        line: the number of its fence's line.
        file: the name of the file that it is, where the line above says one.
        not_run: why it is not run, where a comment says so.
    """

    language: str
    text: str
    line: int
    file: str | None
    not_run: str | None

    @property
    def commands(self) -> list[list[str]]:
        """The commands of a block of shell, each as its words; assignments and comments are out."""
        lines = self.text.replace("\\\n", " ").splitlines()
        words = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines]
        return [command for command in words if command]


class Page:
    """One page, read from its Markdown.

    Args:
        name: its path, from ``docs/``; ``../README.md`` lies beside it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = (DOCS / name).read_text("utf-8")

    def __repr__(self) -> str:
        return self.name

    @cached_property
    def blocks(self) -> list[Block]:
        """All fenced blocks, in order; those in lists with their indentation taken off."""
        return list(self._blocks())

    def code(self, language: str) -> list[str]:
        """The text of each block of a language."""
        return [block.text for block in self.blocks if block.language == language]

    def commands(self, *first: str) -> list[list[str]]:
        """The commands that begin with these words, such as ``"forebay", "train"``."""
        found = [words for block in self.blocks if block.language == "sh"
                 for words in block.commands]  # fmt: skip
        return [words for words in found if words[: len(first)] == list(first)]

    @cached_property
    def tables(self) -> list[Table]:
        """The tables, each a list of rows by their columns' names; a pipe in a cell is ``\\|``."""
        found = []
        for block in re.findall(r"(?:^\|.*\|\n)+", self.text, re.M):
            head, _, *rows = ([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
                              for line in block.splitlines())  # fmt: skip
            found.append([dict(zip(head, row, strict=True)) for row in rows])
        return found

    def table_with(self, column: str) -> Table:
        """The first table that has a column of this name."""
        return next(table for table in self.tables if table and column in table[0])

    def run_python(self, block: int = 0) -> dict[str, Any]:
        """Runs one block of Python, and returns the names that it defines."""
        names: dict[str, Any] = {}
        exec(self.code("python")[block], names)
        return names

    def _blocks(self) -> Iterator[Block]:
        lines = self.text.splitlines()
        reason_of_page = _NO_COMMANDS.search(self.text)
        start, fence = 0, None
        for i, line in enumerate(lines):
            found = _FENCE.match(line)
            if fence is None and found:
                start, fence = i, found
            elif fence is not None and line.strip() == fence[2]:
                before = [text for text in lines[max(0, start - 3) : start] if text.strip()]
                above = before[-1].strip() if before else ""
                reason = _NOT_RUN.search(above) or (fence[3] == "sh" and reason_of_page) or None
                named = _NAMED.search(above)
                text = "".join(f"{text.removeprefix(fence[1])}\n" for text in lines[start + 1 : i])
                yield Block(fence[3], text, start + 1, named and named[1], reason and reason[1])
                fence = None


def pages() -> list[Page]:
    """Every page of the documentation, and the README."""
    names = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    return [Page("../README.md"), *map(Page, names)]
