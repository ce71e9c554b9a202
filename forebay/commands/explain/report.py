"""An explanation as people and machines read it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from forebay.commands.explain.collect import Explained
from forebay.commands.explain.selection import Event, Exclusion, Explanation, Value
from forebay.console.tables import Kind, empty_table
from forebay.console.terminal import results
from forebay.console.words import counted, duration_text
from forebay.transforms.instants import instant


@dataclass(frozen=True)
class RowReport:
    """What is told of a row.

    Attributes:
        row: its identity.
        asked_us: its time.
        identity: what tells it from others.
        columns: its windowed values.
        looked_up: what it found in other tables, by column.
        places: FILE:LINE of it and of every event shown.
        shown: how many events of a window are listed.
    """

    row: int
    asked_us: int
    identity: Mapping[str, Any]
    columns: Mapping[str, Explained]
    looked_up: Mapping[str, Any]
    places: Mapping[int, str]
    shown: int

    def print(self) -> None:
        """Prints the report to standard output."""
        print_report(self)


def shown_rows(columns: Mapping[str, Explained], shown: int) -> set[int]:
    """Returns the identities of the events that a report shows."""
    found: set[int] = set()
    for explained in columns.values():
        explanation = explained.explanation
        found.update(event.row for event in explanation.events[:shown])
        found.update(e.row for exclusion in explanation.exclusions for e in exclusion.events)
    return found


def to_json(report: RowReport) -> dict[str, Any]:
    """Returns the report as JSON values; instants are RFC 3339 in UTC."""
    return {
        "row": {
            "place": report.places[report.row],
            "time": instant(report.asked_us),
            "columns": {name: _plain(value) for name, value in report.identity.items()},
        },
        "lookups": {name: _plain(value) for name, value in report.looked_up.items()},
        "windows": {name: _column(explained, report) for name, explained in report.columns.items()},
    }


def _column(explained: Explained, report: RowReport) -> dict[str, Any]:
    explanation = explained.explanation
    listed = explanation.events[: report.shown]
    return {
        "value": explained.value,
        "start": None if explanation.start_us is None else instant(explanation.start_us),
        "end": instant(explanation.end_us),
        "events": len(explanation.events),
        "values": explanation.valued,
        "listed": [_event(event, report) for event in listed],
        "more": len(explanation.events) - len(listed),
        "excluded": [
            {
                "reason": exclusion.reason,
                "count": exclusion.count,
                "events": [_event(event, report) for event in exclusion.events],
            }
            for exclusion in explanation.exclusions
        ],
    }


def _event(event: Event, report: RowReport) -> dict[str, Any]:
    known = event.available_us
    return {
        "place": report.places[event.row],
        "time": instant(event.time_us),
        "available_at": None if known is None else instant(known),
        "value": _plain(event.value),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if isinstance(value, int | float | str | None) else str(value)


def print_report(report: RowReport) -> None:
    """Prints the report to standard output."""
    console = results()
    console.print(
        f"[bold]{escape(report.places[report.row])}[/], asked at {instant(report.asked_us)}",
        soft_wrap=True,
    )
    if report.identity:
        shown = ", ".join(f"{name}={value}" for name, value in report.identity.items())
        console.print(escape(shown), soft_wrap=True)
    for name, value in report.looked_up.items():
        shown = escape(value_text(_plain(value)))
        console.print(f"{escape(name)} = {shown} (looked up)", soft_wrap=True)
    for names in by_window(report.columns):
        console.print()
        for name in names:
            value = escape(value_text(report.columns[name].value))
            console.print(f"[bold]{escape(name)}[/] = [bold cyan]{value}[/]", soft_wrap=True)
        explanation = report.columns[names[0]].explanation
        console.print(_window(explanation), soft_wrap=True)
        table = _table(explanation, report)
        if table.row_count:
            console.print(table)
    console.print()


def by_window(columns: Mapping[str, Explained]) -> list[list[str]]:
    """Returns the names of the columns, those of the same events of the same window together."""
    found: dict[Any, list[str]] = {}
    for name, explained in columns.items():
        column = explained.explanation.column
        windowed = replace(column.windowed, over=(), ops=())
        found.setdefault((windowed, column.where, column.window_us), []).append(name)
    return list(found.values())


def _window(explanation: Explanation) -> str:
    start = "the beginning" if explanation.start_us is None else instant(explanation.start_us)
    column = explanation.column
    parts = [f"window \\[{start}, {instant(explanation.end_us)})"]
    if column.window_us is not None:
        parts.append(duration_text(column.window_us))
    if column.lag_us:
        parts.append(f"ends {duration_text(column.lag_us)} before the row")
    count = len(explanation.events)
    events = counted(count, "event")
    if explanation.valued != count:
        events += f", {explanation.valued:,} with a value"
    return ", ".join([*parts, events])


def _table(explanation: Explanation, report: RowReport) -> Table:
    names = _short(report.places)
    has_known = explanation.column.windowed.available_at is not None
    has_value = explanation.column.windowed.value is not None
    columns: list[tuple[Kind, str]] = [("word", "event"), ("word", "time")]
    if has_known:
        columns.append(("word", "known from"))
    if has_value:
        columns.append(("number", "value"))
    table = empty_table(*columns, ("text", ""), style="dim")

    def add(event: Event, note: str = "", style: str | None = None) -> None:
        cells = [escape(names[event.row]), instant(event.time_us)]
        if has_known:
            cells.append("" if event.available_us is None else instant(event.available_us))
        if has_value:
            cells.append(escape(value_text(event.value)))
        table.add_row(*cells, escape(note), style=style)

    for event in explanation.events[: report.shown]:
        add(event)
    more = len(explanation.events) - report.shown
    if more > 0:
        table.add_row(f"… and {more:,} more")
    for exclusion in explanation.exclusions:
        for event in exclusion.events:
            add(event, _reason(exclusion), "dim")
    return table


def _short(places: Mapping[int, str]) -> dict[int, str]:
    """Leaves the folders out of places where the files' names alone tell them apart."""
    files = {place.rpartition(":")[0] for place in places.values()}
    if len({os.path.basename(file) for file in files}) < len(files):
        return dict(places)
    return {row: os.path.basename(place) for row, place in places.items()}


def _reason(exclusion: Exclusion) -> str:
    if exclusion.count is None or exclusion.count <= len(exclusion.events):
        return f"not in: {exclusion.reason}"
    return f"not in: {exclusion.reason} ({exclusion.count:,})"


# Whole floats below are written with all of their digits.
_WHOLE = 1e15


def value_text(value: Value | None) -> str:
    """Writes a value for people."""
    if isinstance(value, str):
        return value
    if value is None:
        return "missing"
    whole = isinstance(value, int) or (value.is_integer() and abs(value) < _WHOLE)
    return f"{int(value):,}" if whole else f"{value:g}"
