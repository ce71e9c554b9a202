"""JSON: what is written comes back, does nothing to a terminal, and is never too deep to handle."""

from __future__ import annotations

import json
from typing import Any
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.transforms.json_text import MOST_NESTED, json_text, parse_json

TEXTS = st.text(st.characters(codec=None), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)  # fmt: skip


@given(VALUES, st.sampled_from([None, 2]))
def test_what_is_written_is_read_and_moves_no_cursor(value: Any, indent: int | None) -> None:
    text = json_text(value, indent=indent)
    assert parse_json(text.encode()) == json.loads(text) == value
    assert not {letter for letter in text if category(letter) == "Cc"} - {"\n"}


def nested(depth: int, around: str) -> str:
    opened, closed = {"list": ("[", "]"), "object": ('{"a":', "}")}[around]
    return opened * depth + "1" + closed * depth


@pytest.mark.parametrize("around", ["list", "object"])
def test_depth_is_bounded_long_before_python_gives_up(around: str) -> None:
    parse_json(nested(MOST_NESTED, around))
    for depth in (MOST_NESTED + 1, 985, 100_000):
        with pytest.raises(ValueError, match="nested deeper than 100 levels"):
            parse_json(nested(depth, around))


@pytest.mark.parametrize("text", [b"", b"\xff", b"{", b"[1,]", b"\xff\xfe[\x001\x00]\x00"])
def test_what_is_no_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        parse_json(text)
