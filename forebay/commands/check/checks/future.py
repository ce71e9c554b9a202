"""Whether rows move when everything after them is removed, doubled or changed. They must not."""

from collections.abc import Collection, Iterator
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.check.checks.order import derived_names
from forebay.commands.check.findings import Finding, Severity, passed
from forebay.commands.check.lineage import Lineage
from forebay.commands.check.subject import (
    Bools,
    Ints,
    Subject,
    cell,
    deciding,
    joined,
    moved,
    replaced,
)
from forebay.console.words import counted, share
from forebay.pipelines.sources.row_identity import ROW_OFFSET
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.definition.windows.windowed import Windowed
from forebay.transforms.windows.groups import WindowGroup

FUTURE = "future"
# Where the past ends, as shares of the rows in order of time.
_CUTS = (0.3, 0.6, 0.9)


def check_future(subject: Subject, lineage: Lineage, leaky: Collection[str]) -> list[Finding]:
    """Changes what lies after an instant and looks at the rows asked until then.

    Args:
        subject: the definition and its rows.
        lineage: which columns times depend on; those are left alone.
        leaky: columns already known to depend on other rows.
    """
    if subject.dataset.row_time is None:
        return [passed(FUTURE, "rows are asked at no particular time", "no row_time")]
    asked_at = subject.rows[subject.dataset.row_time].cast(pa.int64())
    known = np.sort(asked_at.drop_null().to_numpy())
    if not len(known):
        return [passed(FUTURE, "no row of the sample has a row time", "nothing was compared")]
    names = [*derived_names(subject), *subject.dataset.windowed_columns]
    changes: dict[str, dict[str, Ints]] = {}
    others: dict[str, pa.RecordBatch] = {}
    compared = 0
    for fraction in _CUTS:
        cut = int(known[int(fraction * (len(known) - 1))])
        past, among = _past(subject, asked_at, cut)
        for way, rows in _ways(subject, lineage, past, cut):
            compared += len(among)
            for name, found in moved(subject.full, rows, names, among).items():
                best = changes.setdefault(name, {})
                best[way] = np.union1d(best.get(way, np.empty(0, np.int64)), found)
                others.setdefault(name, rows)
    through = _fed_by(subject, {*leaky, *(changes.keys() & set(derived_names(subject)))})
    findings = [
        _leak(subject, name, ways, others[name], compared)
        for name, ways in changes.items()
        if name not in leaky and not through.get(name)
    ]
    findings += [
        _passed_on(name, ways, through[name]) for name, ways in changes.items() if through.get(name)
    ]
    if findings:
        return findings
    if not compared:
        return [passed(FUTURE, "nothing lies after the rows asked first", "nothing was compared")]
    what = "nothing moves when what comes later is removed, doubled or changed"
    evidence = (
        f"{counted(len(names), 'column')} at {len(_CUTS)} instants, {compared:,} comparisons of "
        "rows"
    )
    return [passed(FUTURE, what, evidence)]


def _past(subject: Subject, asked_at: pa.Array, cut: int) -> tuple[Bools, Ints]:
    """Returns which rows there are by an instant, as rows or as events, and which were asked."""
    asked = _flags(pc.less_equal(asked_at, cut))
    past = asked.copy()
    for name in _first_times(subject):
        past |= _flags(pc.less(subject.rows[name].cast(pa.int64()), cut))
    return past, subject.rows[ROW].to_numpy()[asked]


def _first_times(subject: Subject) -> set[str]:
    """The columns that say from when on rows are events; versions of events replace others."""
    return {
        group.at if group.versions is None else str(group.available_at)
        for group in subject.own_groups
    }


def _flags(values: pa.Array) -> Bools:
    return pc.fill_null(values, False).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _ways(
    subject: Subject, lineage: Lineage, past: Bools, cut: int
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yields the rows after each change to those that are not past, or not known yet."""
    later = subject.rows[ROW].filter(pa.array(~past))
    is_later = pc.is_in(subject.parsed[ROW], later)
    now = subject.parsed.filter(pc.invert(is_later))
    then = subject.parsed.filter(is_later)
    if not len(then) or not len(now):
        return
    for way, parsed in (
        ("removed", now),
        ("doubled", joined([now, then, _renamed(then)])),
        ("changed", joined([now, _scrambled(then, lineage)])),
    ):
        rows = subject.derived_or_none(parsed)
        if rows is not None:
            yield (
                f"when what is later is {way}", subject.complete(rows, partial(_changed, way, cut))
            )  # fmt: skip


def _renamed(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Returns copies of rows with identities that no row of a file has."""
    identity = pc.subtract(pa.scalar(-1, pa.int64()), rows[ROW])
    names = [name for name in (ROW, ROW_OFFSET) if name in rows.schema.names]
    return replaced(rows, dict.fromkeys(names, identity))


def _scrambled(rows: pa.RecordBatch, lineage: Lineage) -> pa.RecordBatch:
    """Gives rows each other's cells, save those that say when something happens."""
    order = pa.array(np.roll(np.arange(len(rows)), 1))
    free = set(rows.schema.names) - {ROW, ROW_OFFSET} - lineage.of_times
    return replaced(rows, {name: rows[name].take(order) for name in free})


def _changed(way: str, cut: int, group: WindowGroup, rows: pa.RecordBatch) -> pa.RecordBatch:
    """Changes a group's events that happen, or become available, from an instant on.

    Of events with versions, those that become available: what they say replaces what was known.
    Events that are rows are removed and doubled with them.
    """
    times = [group.at] if group.versions is None else []
    times += [group.available_at] if group.available_at else []
    known = [_flags(pc.less(rows[name].cast(pa.int64()), cut)) for name in times]
    past = np.logical_and.reduce(known)
    if way == "changed":
        return _scrambled_events(group, rows, np.flatnonzero(~past))
    if group.source == ROWS:
        return rows
    now, then = rows.filter(pa.array(past)), rows.filter(pa.array(~past))
    return now if way == "removed" else joined([now, then, _renamed(then)])


def _scrambled_events(group: WindowGroup, rows: pa.RecordBatch, later: Ints) -> pa.RecordBatch:
    """Gives a group's later events each other's values."""
    times = {group.at, group.available_at}
    place = np.arange(len(rows))
    place[later] = np.roll(later, 1)
    values = deciding(group).keys() - {*times, *group.key}
    return replaced(rows, {name: rows[name].take(pa.array(place)) for name in values})


def _fed_by(subject: Subject, leaky: set[str]) -> dict[str, list[str]]:
    """Returns the leaky columns that each windowed column reads."""

    def reads(windowed: Windowed) -> list[str]:
        return sorted(leaky & {*windowed.columns_read, str(subject.dataset.row_time)})

    return {
        name: reads(windowed) for windowed in subject.dataset.windows for name in windowed.names
    }


def _leak(
    subject: Subject, name: str, ways: dict[str, Ints], other: pa.RecordBatch, compared: int
) -> Finding:
    row = int(next(iter(ways.values()))[0])
    return Finding(
        FUTURE, Severity.LEAK, name, "depends on rows that come later",
        "; ".join(f"{share(len(found), compared)} rows move {way}" for way, found in ways.items()),
        row, f"{cell(subject.full, row, name)} → {cell(other, row, name)}",
        "compute the column of its own row, or of events before it by a Windowed aggregate",
    )  # fmt: skip


def _passed_on(name: str, ways: dict[str, Ints], through: list[str]) -> Finding:
    counts = "; ".join(f"{counted(len(found), 'row')} moved {way}" for way, found in ways.items())
    return Finding(
        FUTURE, Severity.LEAK, name, f"carries on what leaks into {', '.join(through)}", counts,
        cure=f"mend {', '.join(through)}",
    )  # fmt: skip
