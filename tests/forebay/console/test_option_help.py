"""The help of options is what the docstrings of their dataclasses say."""

import argparse
from dataclasses import dataclass, fields

import pytest
from leaf_parsers import leaf_parsers

from forebay.console.arguments import describe, help_of
from forebay.pipelines.options import PreprocessOptions
from forebay.trainer.options import DataOptions, EvaluateOptions, LoopOptions, TrainOptions


@dataclass(frozen=True)
class Fish:
    """What is fished.

    Attributes:
        kind: the kind of fish, or ``any``; see `LoopOptions`.
        least, most: kilograms, of which 50 % are
            bones, where ``kind`` is given.
        nets: the nets used; empty: all.
        lure: what lures them; None: nothing.

    Raises:
        InputError: nothing bites.
    """

    kind: str = "any"
    least: float = 0.5
    most: float = 2.0
    nets: tuple[int, ...] = ()
    lure: str | None = None
    by_night: bool = False


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kind", "the kind of fish, or any; see LoopOptions (default: any)"),
        ("least", "kilograms, of which 50 %% are bones, where --kind is given (default: 0.5)"),
        ("most", "kilograms, of which 50 %% are bones, where --kind is given (default: 2.0)"),
        ("nets", "the nets used (default: all)"),
        ("lure", "what lures them (default: nothing)"),
        ("by_night", ""),
    ],
)
def test_help_is_what_the_docstring_says(name: str, expected: str) -> None:
    assert help_of(Fish, name) == expected


def test_help_may_say_more() -> None:
    assert help_of(Fish, "nets", also="; repeatable") == "the nets used; repeatable (default: all)"
    assert help_of(Fish, "kind", default="cod").endswith("(default: cod)")


@pytest.mark.parametrize(
    "options", [PreprocessOptions, TrainOptions, DataOptions, LoopOptions, EvaluateOptions]
)
def test_every_option_is_described(options: type) -> None:
    assert [field.name for field in fields(options) if not help_of(options, field.name)] == []


def test_every_flag_has_help() -> None:
    for name, parser in leaf_parsers().items():
        silent = [a.dest for a in parser._actions if not a.help]
        assert silent == [], name
        assert parser.description, name
        assert max(map(len, str(parser.description).splitlines())) < 80, name


def test_examples_are_under_the_name_of_the_call() -> None:
    parser = argparse.ArgumentParser(prog="python -m fishing catch")
    describe(parser, "Catches fish.", "--kind cod", "--kind any \\\n--lure bread", also="Of fish.")
    assert parser.format_help().endswith(
        "examples:\n  python -m fishing catch --kind cod\n"
        "  python -m fishing catch --kind any \\\n      --lure bread\n\nOf fish.\n"
    )
