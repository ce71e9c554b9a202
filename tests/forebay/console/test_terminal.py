"""What is printed does nothing to a terminal, whatever the data holds."""

from __future__ import annotations

import re
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.markup import escape
from rich.table import Table

from forebay.console.tables import aligned
from forebay.console.terminal import plain, plain_line, results, say, say_json, tell

# A colour, the window's title, a move of the cursor, the one-letter forms of the same, a bell, an
# erased line, a name that is not UTF-8, and what Rich would read as its own.
NASTY = "\x1b[31mred\x1b]0;title\x07\x9b2Jup\x1b[1A\x08\x7f\rgone \udce9\ud800 [red]x[/] [/]"
TEXTS = st.text(st.characters(codec=None)) | st.just(NASTY)
RICH_OWN = re.compile(r"\x1b\[[0-9;]*m")


def controls(text: str) -> set[str]:
    return {letter for letter in text if category(letter) in ("Cc", "Cs")} - {"\n", "\t"}


@given(TEXTS)
def test_plain_text_has_no_controls_and_keeps_the_rest(text: str) -> None:
    found = plain(text)
    assert not controls(found)
    assert "\n" not in plain_line(text)
    letters = [letter for letter in text if not controls(letter)]
    kept = iter(found)
    assert "://" in text or all(letter in kept for letter in letters)


def test_each_kind_is_told_apart() -> None:
    assert plain("a\x00\x1b\x7f\x9b\udce9\ud800\tb\nc") == "a␀␛␡�\\xe9�\tb\nc"
    assert plain_line("b\nc") == "b␊c"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@host/a", "https://me:***@host/a"),
        ("'s3://:se:c@ret@host' is none", "'s3://:***@host' is none"),
        ("https://host/a:b@c", "https://host/a:b@c"),
        ("see a://b:c@d and e://f:g@h", "see a://b:***@d and e://f:***@h"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert plain(url) == shown
    say_json({"url": url})
    assert capsys.readouterr().out == f'{{"url": "{shown}"}}\n'


def test_lines_tables_and_json_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    say(NASTY)
    tell(NASTY)
    say_json({NASTY: [NASTY]}, indent=2)
    for line in aligned([["name", "value"], [NASTY, "1"], ["two\nlines", "2"]]):
        say(line)
    printed = capsys.readouterr()
    assert not controls(printed.out + printed.err)
    assert "two␊lines" in printed.out


def test_rich_moves_the_cursor_and_nobody_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    shown = results()
    table = Table("name", "value")
    table.add_row(escape(NASTY), "[bold]2[/]")
    shown.print(table)
    shown.print(f"[red]{escape(NASTY)}[/]", escape(NASTY), soft_wrap=True)
    printed = capsys.readouterr().out
    assert RICH_OWN.search(printed)
    assert not controls(RICH_OWN.sub("", printed))
