"""What a windowed value was made of: its window's events, and those that a reader may miss there.

The selection is the contract's words on Arrow columns, one event after the other, and shares
nothing with the engine that computes windows for whole datasets, so that each can tell on the
other. An event ``e`` of the row's key is in the window of a row asked for at ``q`` where

    q - lag - w <= e.at < q - lag,   e.available_at < q (where declared),   e is not the row's own

and where the definition names an event id, e stands for its event at q: no other version does.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.explain.replacement import is_value, replaced
from forebay.commands.explain.windowed_columns import WindowedColumn
from forebay.transforms.comparisons import compare, has_value
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.windows.windowed import Where, Windowed

Number = int | float
Value = Number | str
_EXAMPLES = 3
# Columns of the rows explained: whether they have the asking row's key, and are its own event.
OF_KEY, OWN, _GONE = "__of_key", "__own", "__gone"
_REPLACED, _DELETED = "replaced by another version", "deleted"


@dataclass(frozen=True)
class Event:
    """An event as it is shown.

    Attributes:
        row: the identity of the row that it came with.
        time_us: when it happened.
        available_us: when it became known; None: no such time, or none declared.
        value: the value aggregated; None: missing, or events are counted.
    """

    row: int
    time_us: int
    available_us: int | None
    value: Value | None


@dataclass(frozen=True)
class Exclusion:
    """Events that are not in a window, or do not count in it.

    Attributes:
        reason: why.
        count: how many; None: there may be more than the nearest one, which is shown.
        events: the latest of them.
    """

    reason: str
    count: int | None
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Explanation:
    """What one windowed value of one row was made of.

    Attributes:
        column: the output column.
        asked_us: the row's time.
        start_us: the window's start; None: without bound.
        end_us: its end, excluded.
        events: the events in it, by time.
        valued: how many of them have a value, or how many there are where events are counted.
        exclusions: events that a reader may expect in it.
    """

    column: WindowedColumn
    asked_us: int
    start_us: int | None
    end_us: int
    events: tuple[Event, ...]
    valued: int
    exclusions: tuple[Exclusion, ...]


# Gives the events of the rows of which all masks are true.
_Select = Callable[..., tuple[Event, ...]]


def passes(filters: Sequence[Where], rows: pa.Table) -> pa.ChunkedArray:
    """Returns which rows all filters keep, bool (n,)."""
    kept = _all(rows)
    for where in filters:
        compared = compare(rows[where.column], where.comparison, where.value)
        kept = pc.and_(kept, pc.fill_null(compared, False))
        kept = pc.and_(kept, has_value(rows[where.column]))
    return kept


@dataclass(frozen=True)
class _Masks:
    """What is true of each row, bool (n,).

    Attributes:
        early, inside, late: whether it lies before, in or after the window.
        kept: the filters keep it.
        other: whether it is another event than the asking row's own.
        known: whether it was available before the row asked.
        valued: whether it has a value.
        gone: why the event is not as the row says, as text; empty: it is.
    """

    early: pa.ChunkedArray
    inside: pa.ChunkedArray
    late: pa.ChunkedArray
    kept: pa.ChunkedArray
    other: pa.ChunkedArray
    known: pa.ChunkedArray
    valued: pa.ChunkedArray
    gone: pa.ChunkedArray

    @property
    def current(self) -> pa.ChunkedArray:
        """The event is as the row says."""
        return pc.equal(self.gone, "")

    @classmethod
    def of(cls, column: WindowedColumn, at: str, rows: pa.Table, asked_us: int) -> "_Masks":
        """Looks at rows that have a time; for the arguments see `explain`."""
        windowed = column.windowed
        start, end = column.bounds(asked_us)
        time = rows[at].cast(pa.int64())
        early = pc.less(time, start) if start is not None else pc.invert(_all(rows))
        late = pc.greater_equal(time, end)
        known = _all(rows)
        if windowed.available_at is not None:
            available = rows[windowed.available_at].cast(pa.int64())
            known = pc.fill_null(pc.less(available, column.answered_for(asked_us)), False)
        valued = _all(rows) if windowed.value is None else has_value(rows[windowed.value])
        return cls(
            early=early,
            inside=pc.invert(pc.or_(early, late)),
            late=late,
            kept=passes(column.where, rows),
            other=pc.invert(rows[OWN]),
            known=known,
            valued=valued,
            gone=rows[_GONE],
        )


def explain(column: WindowedColumn, at: str, rows: pa.Table, asked_us: int) -> Explanation:
    """Selects the events of a column's window, and those a reader may expect there.

    Args:
        column: the output column.
        at: the column with the events' times.
        rows: rows as the source has them: the columns that the window reads, `ROW`, `OF_KEY` and
            `OWN`; where the definition names an event id, all versions of each event. Rows without
            a time are in no window.
        asked_us: the asking row's time.
    """
    windowed = column.windowed
    gone = _gone(windowed, at, rows, column.answered_for(asked_us))
    rows = rows.append_column(_GONE, gone).filter(pc.and_(rows[OF_KEY], pc.is_valid(rows[at])))
    are = _Masks.of(column, at, rows, asked_us)

    def select(*masks: pa.ChunkedArray) -> tuple[Event, ...]:
        return _events(rows.filter(functools.reduce(pc.and_, masks)), at, windowed)

    seen = (are.inside, are.kept, are.other, are.known, are.current)
    start, end = column.bounds(asked_us)
    return Explanation(
        column, asked_us, start, end, select(*seen), len(select(*seen, are.valued)),
        (*_left_out(column, are, select), *_beside(are, select, asked_us)),
    )  # fmt: skip


def _left_out(column: WindowedColumn, are: _Masks, select: _Select) -> Iterator[Exclusion]:
    """Yields why events of the window's time are not among its values."""
    name, value = column.windowed.available_at, column.windowed.value
    filters = " and ".join(map(str, column.where))
    others = (are.inside, are.kept, are.other)
    found = (
        ("the row's own event", select(are.inside, are.kept, pc.invert(are.other))),
        (f"not yet known by {name}", select(*others, pc.invert(are.known))),
        (_REPLACED, select(*others, are.known, pc.equal(are.gone, _REPLACED))),
        (_DELETED, select(*others, are.known, pc.equal(are.gone, _DELETED))),
        (
            f"no finite {value}",
            select(*others, are.known, are.current, pc.invert(are.valued)),
        ),
        (f"fails {filters}", select(are.inside, pc.invert(are.kept), are.other, are.current)),
    )
    for why, them in found:
        if them:
            yield Exclusion(why, len(them), them[-_EXAMPLES:])


def _beside(are: _Masks, select: _Select, asked_us: int) -> Iterator[Exclusion]:
    """Yields the last event before the window, and the first one behind it."""
    sides = (are.early, are.late)
    before, after = (select(side, are.kept, are.other, are.current) for side in sides)
    if before:
        yield Exclusion("before the window", None, before[-1:])
    if after:
        why = "within the lag" if after[0].time_us < asked_us else "not before the row's time"
        yield Exclusion(why, None, after[:1])


def _all(rows: pa.Table) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(np.ones(len(rows), bool))])


def _gone(windowed: Windowed, at: str, rows: pa.Table, answered_us: int) -> pa.ChunkedArray:
    """Says of each row why the event is not as it says at some instant; empty: it is."""
    gone = pa.chunked_array([pa.repeat("", len(rows))])
    if windowed.event_id is None or windowed.available_at is None:
        return gone
    if windowed.deleted is not None:
        gone = pc.if_else(pc.fill_null(rows[windowed.deleted], False), _DELETED, gone)
    versions = replaced(
        rows, windowed.event_id, windowed.available_at, windowed.precedence(at), answered_us
    )
    return pc.if_else(versions, _REPLACED, gone)


def _events(rows: pa.Table, at: str, windowed: Windowed) -> tuple[Event, ...]:
    """Returns rows as events, in order of time, availability and value."""
    return tuple(sorted(_each(rows, at, windowed), key=_precedence))


def _each(rows: pa.Table, at: str, windowed: Windowed) -> Iterator[Event]:
    n = len(rows)
    known = windowed.available_at
    available = [None] * n if known is None else rows[known].cast(pa.int64()).to_pylist()
    values = [None] * n if windowed.value is None else rows[windowed.value].to_pylist()
    times = rows[at].cast(pa.int64()).to_pylist()
    for row, time, seen, value in zip(rows[ROW].to_pylist(), times, available, values, strict=True):
        yield Event(row, time, seen, value)


def _precedence(event: Event) -> tuple[Any, ...]:
    available = -math.inf if event.available_us is None else event.available_us
    value = (True, event.value) if is_value(event.value) else (False, 0)
    return (event.time_us, available, value, event.row)
