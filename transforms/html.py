"""What notebooks show: small tables in HTML, every text of which is escaped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

_LONGEST = 80  # letters of a cell that are shown


def heading(text: str, beside: str = "") -> str:
    """Returns a line of bold text, and quieter text beside it."""
    return f"<p><b>{escape(text)}</b> <span style='opacity:.65'>{escape(beside)}</span></p>"


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns a table; numbers stand right, missing values are blank."""
    head = "".join(f"<th style='text-align:left'>{escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def pairs(rows: Iterable[tuple[str, Any]]) -> str:
    """Returns a table of names and what they stand for."""
    return table(("", ""), rows)


def preformatted(text: str) -> str:
    """Returns text as it would stand on a terminal."""
    return f"<pre style='line-height:1.2'>{escape(text)}</pre>"


def _cell(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    side = "right" if is_number else "left"
    return f"<td style='text-align:{side}'>{escape(_text(value))}</td>"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
