"""The parsers of all commands, of those within commands too, such as ``vertex train``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from forebay.cli import _parser


def leaf_parsers() -> dict[str, argparse.ArgumentParser]:
    """Returns each command's parser, by its words."""
    return dict(_leaves(_parser(), ""))


def _leaves(
    parser: argparse.ArgumentParser, words: str
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from _leaves(child, f"{words} {name}".strip())
            return
    yield words, parser
