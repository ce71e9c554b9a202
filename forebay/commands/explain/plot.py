"""A picture of windows and their events, as PNG."""

import datetime as dt
import textwrap
from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from forebay.commands.explain.collect import Explained
from forebay.commands.explain.replacement import is_value
from forebay.commands.explain.report import RowReport, by_window, value_text
from forebay.commands.explain.selection import Event, Explanation
from forebay.console.canvas import figure, png
from forebay.transforms.instants import instant, instant_us

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PANEL_INCHES = 1.9
_LINE_LETTERS = 150
# More panels than this cannot be read on one picture.
MOST_PANELS = 12
# A window's width goes beside it so often, and up to so often to show the nearest event there.
_MARGIN, _MOST_MARGIN = 0.05, 0.4
# Higher values are drawn so high: an axis that spans more cannot be divided.
_HIGHEST = 1e300
# What a calendar shows: the years from 2 to 9998, with room for the places of ticks.
_FIRST_US, _LAST_US = instant_us("0002-01-01"), instant_us("9998-12-31")


def draw(report: RowReport) -> bytes:
    """Returns a PNG with one panel for each window: its band, the events in and around it."""
    windows = by_window(report.columns)[:MOST_PANELS]
    identity = ", ".join(f"{name}={value}" for name, value in report.identity.items())
    title = f"{report.places[report.row]}, asked at {instant(report.asked_us)}"
    lines = "\n".join([title, *textwrap.wrap(identity, _LINE_LETTERS)])
    drawn = figure(lines, 11, 1.1 + _PANEL_INCHES * len(windows), title_size=9)
    panels = drawn.subplots(len(windows), 1, squeeze=False)[:, 0]
    for axes, names in zip(panels, windows, strict=True):
        _panel(axes, [report.columns[name] for name in names])
    panels[-1].set_xlabel("UTC")
    handles = {label: h for axes in panels for h, label in zip(*_legend(axes), strict=True)}
    drawn.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=8)
    return png(drawn)


def _legend(axes: Axes) -> tuple[Sequence[object], Sequence[str]]:
    found: tuple[Sequence[object], Sequence[str]] = axes.get_legend_handles_labels()
    return found


def _panel(axes: Axes, columns: Sequence[Explained]) -> None:
    explanation = columns[0].explanation
    values = [f"{c.explanation.column.name} = {value_text(c.value)}" for c in columns]
    text = "\n".join(textwrap.wrap(",  ".join(values), _LINE_LETTERS))
    axes.set_title(text, fontsize=8, loc="left")
    excluded = [event for exclusion in explanation.exclusions for event in exclusion.events]
    low, high = _span(explanation, excluded)
    start = low if explanation.start_us is None else max(explanation.start_us, low)
    end = max(explanation.end_us, low)
    axes.axvspan(_moment(start), _moment(end), color="tab:blue", alpha=0.13,
                 linewidth=0, label="window")  # fmt: skip
    axes.axvline(_moment(explanation.asked_us), color="crimson", linewidth=1.2, label="row's time")
    axes.set_xlim(_moment(low), _moment(high))
    # Events outside the picture, such as the last one a year ago, would flatten the window.
    near = [event for event in excluded if low <= event.time_us <= high]
    windowed = explanation.column.windowed
    inside = [event for event in explanation.events if windowed.value is None or _is_number(event)]
    _scatter(axes, inside, color="tab:blue", label="in the window")
    _scatter(axes, near, color="grey", marker="x", label="not in, or without a value")
    if windowed.value is None:
        axes.set_yticks([])
    axes.set_ylabel(windowed.value or "events", fontsize=8)
    axes.tick_params(labelsize=8)
    locator = AutoDateLocator(maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)


def _span(explanation: Explanation, excluded: Iterable[Event]) -> tuple[int, int]:
    """Returns the times that a panel shows: the window, the row's time and a margin."""
    start = explanation.start_us
    if start is None:
        times = [event.time_us for event in (*explanation.events, *excluded)]
        start = min([*times, explanation.end_us - 1])
    width = explanation.asked_us - start
    margin, most = max(int(width * _MARGIN), 1), int(width * _MOST_MARGIN)
    times = [event.time_us for event in excluded]
    low = min((time for time in times if start - most <= time < start), default=start)
    high = max((time for time in times if time <= explanation.asked_us + most), default=low)
    low, high = min(low, start) - margin, max(high, explanation.asked_us) + margin
    return max(low, _FIRST_US), min(high, _LAST_US)


def _scatter(
    axes: Axes, events: Sequence[Event], *, color: str, label: str, marker: str = "o"
) -> None:
    heights = [
        min(max(float(event.value), -_HIGHEST), _HIGHEST) if _is_number(event) else 0  # type: ignore[arg-type]
        for event in events
    ]
    axes.scatter(
        [_moment(event.time_us) for event in events], heights, s=22, color=color, marker=marker,
        label=label, zorder=3,
    )  # fmt: skip


def _is_number(event: Event) -> bool:
    return is_value(event.value) and not isinstance(event.value, str)


def _moment(micros: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=micros)
