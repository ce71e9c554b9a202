"""What docs/how-to/find-good-options.md shows is valid."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable

import pytest
from doc_pages import Page

from forebay.cli import _parser
from forebay.trainer import options
from forebay.trainer.options.choose import Table, choose
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
    table = {row["option"].strip("`").replace("-", "_"): row["where"] for row in PAGE.tables[1]}
    found = {search.option: search for search in SweepOptions().searches}
    assert list(table) == list(found)
    assert (found["l2"].low, found["l2"].high) == (1e-7, 1e-2)
    assert table["l2"].startswith("1e-7 to 1e-2;")
    assert (found["dropout"].low, found["dropout"].high) == (0.0, 0.3)
    assert table["dropout"].startswith("0 to 0.3;")
    assert re.findall(r"\d{3,}", table["batch_size"]) == [
        str(n) for n in found["batch_size"].choices
    ]
    layers = [",".join(map(str, units)) for units in found["hidden_units"].choices]
    assert re.findall("`([0-9,]+)`", table["hidden_units"]) == layers
    rate = choose(options.TrainOptions(), Table(10_000_000, 9, "regression")).options.learning_rate
    assert found["learning_rate"].low == pytest.approx(rate / 30, rel=0.05)
    assert found["learning_rate"].high == pytest.approx(rate * 10, rel=0.05)
    for given, words in (
        (options.TrainOptions(model="linear"), "not for `--model linear`"),
        (options.TrainOptions(eval_steps=5), "not with `--eval-steps`"),
        (options.TrainOptions(l2=0.0), "not where it is 0"),
    ):
        left_out = {*found} - {search.option for search in SweepOptions(given).searches}
        assert left_out == {name for name, where in table.items() if words in where}
