"""Directives of the commands' reference, read from their own argument parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from forebay.cli import COMMANDS, _parser


class CommandReference(SphinxDirective):
    """Usage, examples and every option of one command, each option a target of its own."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Returns the nodes of the command that the argument names."""
        command = self.arguments[0]
        parsers = _command_parsers()
        if command not in parsers:
            raise self.error(f"no command '{command}'; there are {', '.join(parsers)}")
        return self.parse_text_to_nodes("\n".join(_lines(command, parsers[command])))


class CommandList(SphinxDirective):
    """Every command with its one line of help, as a table."""

    def run(self) -> list[nodes.Node]:
        """Returns the nodes of the table."""
        rows = [f"| [`forebay {name}`]({name}.md) | {_text(command.help)} |"
                for name, command in COMMANDS.items()]  # fmt: skip
        lines = ["| command | what it does |", "|---|---|", *rows]
        return self.parse_text_to_nodes("\n".join(lines))


def _command_parsers() -> dict[str, argparse.ArgumentParser]:
    (commands,) = _parser()._subparsers._group_actions
    return dict(commands.choices)


def _lines(command: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """The reference as MyST Markdown."""
    if parser.description:
        yield from (_text(parser.description), "")
    yield from ("```text", parser.format_usage().strip(), "```", "")
    for group in parser._action_groups:
        actions = [action for action in group._group_actions if action.help != argparse.SUPPRESS]
        within = [action for action in actions if isinstance(action, argparse._SubParsersAction)]
        if actions and not within:
            yield from (f"**{(group.title or 'options').capitalize()}**", "")
            if group.description:
                yield from (_text(group.description), "")
            for action in actions:
                yield from _option(parser, action)
    if parser.epilog:
        yield from ("```text", parser.epilog.strip(), "```", "")
    if parser._subparsers is not None:
        (actions_of,) = parser._subparsers._group_actions
        for name, child in actions_of.choices.items():
            # An option of each: the page's targets are the words of the whole command.
            yield from (f"````{{program}} forebay {command} {name}", "````", "")
            yield from (f"## `forebay {command} {name}`", "", *_lines(f"{command} {name}", child))


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> Iterator[str]:
    formatter = parser._get_formatter()
    value = formatter._format_args(action, formatter._get_default_metavar_for_optional(action))
    names = [f"{name} {value}".strip() for name in action.option_strings] or [value]
    yield f"````{{option}} {', '.join(names)}"
    yield _text(formatter._expand_help(action) if action.help else "")
    yield from ("````", "")


def _text(text: str) -> str:
    """Help as Markdown: what stands in backquotes is code, and nothing else is markup."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return _plain(text)
    return "".join(f"`{part}`" if i % 2 else _plain(part) for i, part in enumerate(parts))


def _plain(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\`*_[]<>|" else c for c in text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers the directive."""
    app.add_directive("forebay-command", CommandReference)
    app.add_directive("forebay-commands", CommandList)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
