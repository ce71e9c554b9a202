"""What docs/how-to/find-good-options.md shows is valid."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable

from doc_pages import Page

from forebay.cli import _parser
from forebay.trainer import options
from forebay.trainer.options.sweep import SweepOptions

PAGE = Page("how-to/find-good-options.md")
READERS: dict[str, Callable[[argparse.Namespace], object]] = {
    "lr-find": options.find_rate_options,
    "sweep": options.sweep_options,
    "train": options.train_options,
}


def test_the_commands_are_valid() -> None:
    commands = re.findall(r"^ *forebay (.*)$", PAGE.text, re.M)
    assert len(commands) >= 4
    for command in commands:
        args = _parser().parse_args(shlex.split(command))
        READERS[args.command](args)


def test_the_ranges_are_what_the_page_calls_them() -> None:
    (line,) = re.findall(r"^forebay sweep (.*hidden-units 64,32 128,64)$", PAGE.text, re.M)
    args = _parser().parse_args(["sweep", *shlex.split(line)])
    rate, hidden = options.sweep_options(args).searches
    assert (rate.low, rate.high, rate.log) == (1e-4, 1e-2, True)
    assert hidden.choices == ((64, 32), (128, 64))


def test_what_is_searched_by_default_is_on_the_page() -> None:
    names = {search.option for search in SweepOptions().searches}
    assert names == {"learning_rate", "batch_size", "l2", "dropout", "hidden_units"}
    linear = SweepOptions(options.TrainOptions(model="linear"))
    assert names - {search.option for search in linear.searches} == {"dropout", "hidden_units"}
