"""Which rows a run makes examples of, and the history that their windows need.

A row whose time lies in the period asks. Other rows serve as events only, and only where a window
of some row of the period can reach them:

    from - lag - w <= e.at < to - lag        and, where declared,  e.available_at < to
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.errors import InputError
from forebay.transforms.instants import instant, instant_us
from forebay.transforms.windows.groups import WindowGroup, window_groups
from forebay.transforms.windows.kernels.ordering import INT64_MIN
from forebay.transforms.windows.operations import furthest

# The least and the greatest of some times, microseconds; None: nobody knows.
Span = tuple[int, int] | None


@dataclass(frozen=True)
class Period:
    """The row times that ask, ``from_us <= time < to_us``.

    Attributes:
        from_us, to_us: microseconds since 1970-01-01 UTC; None: no bound.
    """

    from_us: int | None = None
    to_us: int | None = None

    @classmethod
    def read(cls, from_text: str | None, to_text: str | None) -> "Period | None":
        """Reads the bounds of a period as users write them.

        Args:
            from_text: an ISO 8601 date or instant, UTC where no offset is written, as those of
                `forebay.transforms.definition.splits.TimeSplit`; None: no bound.
            to_text: the same for the end.

        Returns:
            The period; None where both are None.

        Raises:
            InputError: a text is not an instant, or the period is empty.
        """
        if from_text is None and to_text is None:
            return None
        period = cls(_read_bound("--from", from_text), _read_bound("--to", to_text))
        if None not in (period.from_us, period.to_us) and period.from_us >= period.to_us:  # type: ignore[operator]
            raise InputError(
                f"--from {from_text!r} is not before --to {to_text!r}, so no time lies between "
                "them; the period holds the times from --from to just before --to"
            )
        return period

    def asks(self, times: pa.Array) -> pa.BooleanArray:
        """Returns which row times lie in the period, (n,); null times do not."""
        return _between(times, self.from_us, self.to_us)

    def reaches(self, group: WindowGroup, rows: pa.RecordBatch) -> pa.BooleanArray:
        """Returns which rows a window of the group may see as events, as far as times tell, (n,).

        Args:
            group: the windows.
            rows: rows of the group's source, with the columns of the events' times.
        """
        known = None
        if group.available_at is not None:
            known = _between(rows[group.available_at], None, self.to_us)
        if group.versions is not None:  # a version of any time may replace one that is reached
            return pc.or_(known, self.asks(rows[group.row_time])) if group.source == ROWS else known
        low, high = _reach(group, self)
        reached = _between(rows[group.at], low, high)
        return reached if known is None else pc.and_(reached, known)

    def may_ask(self, times: Span) -> bool:
        """Tells whether a row may ask whose time lies in a span."""
        return _meet(times, self.from_us, self.to_us)

    def may_reach(self, group: WindowGroup, spans: Mapping[str, Span]) -> bool:
        """Tells whether `reaches` may say yes to a row.

        Args:
            group: the windows.
            spans: where the row's times lie, by column of the group's source.
        """
        if group.available_at is not None and not _meet(
            spans.get(group.available_at), None, self.to_us
        ):
            return (
                group.versions is not None
                and group.source == ROWS
                and self.may_ask(spans.get(group.row_time))
            )
        return group.versions is not None or _meet(spans.get(group.at), *_reach(group, self))

    def reaches_any(self, groups: Iterable[WindowGroup], rows: pa.RecordBatch) -> pa.BooleanArray:
        """Returns which rows a window of any of the groups may see, as `reaches`, (n,)."""
        found = pa.array(np.zeros(len(rows), np.bool_))
        for group in groups:
            found = pc.or_(found, self.reaches(group, rows))
        return found

    def __str__(self) -> str:
        start = "the beginning" if self.from_us is None else instant(self.from_us)
        end = "the end" if self.to_us is None else instant(self.to_us)
        return f"{start} to {end}"


def read_period(from_text: str | None, to_text: str | None, dataset: Dataset) -> Period | None:
    """Reads the bounds of the rows that a run makes examples of; see `Period.read`.

    Raises:
        InputError: as there, or the definition's rows have no time.
    """
    period = Period.read(from_text, to_text)
    if period is not None and dataset.row_time is None:
        raise InputError(
            f"--from and --to choose rows by their time, and the definition {dataset.name!r} has "
            "no row_time; name a Timestamp column as row_time, or leave the options out"
        )
    return period


def history_needed(dataset: Dataset, source: str = ROWS) -> int | None:
    """Returns how far before a row's time its windows reach into a table, in microseconds.

    Args:
        dataset: the definition.
        source: one of its sources; `ROWS`: its own table.

    Returns:
        The greatest lag + window; 0 without windows; None where a window is unbounded, so that
        the events of all time are needed.
    """
    groups = [group for group in window_groups(dataset) if group.source == source]
    return _greatest(map(_reach_back, groups))


def _read_bound(option: str, text: str | None) -> int | None:
    try:
        return None if text is None else instant_us(text)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"{option} {text!r} is not an ISO 8601 date or instant; write such as '2013-10-28' or "
            "'2013-10-28T00:00:00-04:00' (UTC where no offset is written)"
        ) from error


def _reach(group: WindowGroup, period: Period) -> tuple[int | None, int | None]:
    """Returns the event times that the group's windows reach from the rows of a period."""
    aggregates = group.aggregates.values()
    back = _reach_back(group)
    low = None if back is None or period.from_us is None else period.from_us - back
    high = None if period.to_us is None else period.to_us - min(a.lag_us for a in aggregates)
    return low, high


def _reach_back(group: WindowGroup) -> int | None:
    """Returns how far before a row's time the group's windows may start; None: without bound."""
    back = furthest(group.windows)
    return None if back is None else back + (group.tile_us or 0)


def _greatest(reaches: Iterable[int | None]) -> int | None:
    greatest = 0
    for reach in reaches:
        if reach is None:
            return None
        greatest = max(greatest, reach)
    return greatest


def _meet(span: Span, low: int | None, high: int | None) -> bool:
    """Tells whether a time of a span may be one that `_between` finds."""
    if span is None:
        return True
    least, greatest = span
    return (low is None or greatest >= low) and (high is None or least < max(high, INT64_MIN))


def _between(times: pa.Array, low: int | None, high: int | None) -> pa.BooleanArray:
    micros = times.cast(pa.int64())
    inside = pc.is_valid(micros)
    if low is not None and low > INT64_MIN:
        inside = pc.and_(inside, pc.greater_equal(micros, low))
    if high is not None:
        inside = pc.and_(inside, pc.less(micros, max(high, INT64_MIN)))
    return pc.fill_null(inside, False)
