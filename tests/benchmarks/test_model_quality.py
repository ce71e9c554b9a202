"""The comparison of models is of definitions that there are, and its command parses."""

from __future__ import annotations

import re
import shlex
from types import ModuleType

from doc_pages import Page

from forebay.transforms.definition.dataset import Dataset

PAGE = Page("measurements/quality.md")


def test_every_question_about_the_flights_is_compared(
    model_quality: ModuleType, flights_example: ModuleType
) -> None:
    found = {name for name, value in vars(flights_example).items() if isinstance(value, Dataset)}

    # `aircraft` asks what `schedule` asks, to show a lookup.
    assert set(model_quality.PEERS) == found - {"aircraft"}


def test_the_commands_of_the_page_parse(model_quality: ModuleType) -> None:
    commands = re.findall(r"^make bench-model(?: +ARGS=\"(.*?)\")?", PAGE.text, re.M)

    parsed = [model_quality.make_parser().parse_args(shlex.split(found)) for found in commands]

    assert {args.split for args in parsed} == {"eval", "test"}
    assert any(args.search for args in parsed)
    assert all(set(args.definitions) <= set(model_quality.PEERS) for args in parsed)
