"""Whether windows see values before they are known, as far as the table's own times tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.check.checks.evidence import Evidence, find_evidence, later, timestamps
from forebay.commands.check.findings import Finding, Severity, passed
from forebay.commands.check.lineage import Lineage
from forebay.commands.check.subject import (
    Ints,
    Subject,
    cell,
    deciding,
    differ,
    group_values,
    is_valid,
    replaced,
)
from forebay.console.words import counted, share
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.windows.groups import WindowGroup

AVAILABILITY, DECLARED = "availability", "declared times"
# An instant that is later for fewer of the events says nothing of when a value is known: with
# other evidence, and without.
_LATER_TIED, _LATER_UNTIED = 0.05, 0.5
_ODD, _NEVER = 0.01, 0.2
_KNOWN = "__known"


@dataclass(frozen=True)
class _Case:
    """A value of a group's events that may be known at another instant only.

    Attributes:
        value: its column.
        instant: the Timestamp column.
        found: the evidence.
        moved: int64, identities of the rows that move if it is known at the instant only.
        column: the windowed column that moves most.
        shown: how it moves in the first of them.
        names: all windowed columns that move.
        later: share of the events for which the instant is later than what is declared.
    """

    value: str
    instant: str
    found: tuple[Evidence, ...]
    moved: Ints
    column: str
    shown: str
    names: tuple[str, ...]
    later: float


def check_availability(subject: Subject, lineage: Lineage) -> list[Finding]:
    """Recomputes windows as if their values were known only at other times of the event."""
    findings: list[Finding] = []
    for group in subject.groups:
        for value, names in deciding(group).items():
            cases = list(_cases(subject, lineage, group, value, names))
            graded = [(_grade(subject, lineage, group, case), case) for case in cases]
            leaks = [case for grade, case in graded if grade is Severity.LEAK]
            doubts = [case for grade, case in graded if grade is Severity.WARNING]
            if leaks or doubts:
                worst = max(leaks or doubts, key=lambda case: (len(case.found), len(case.moved)))
                severity = Severity.LEAK if leaks else Severity.WARNING
                findings.append(_finding(subject, group, worst, severity))
            elif not cases and _is_instant_label(subject, lineage, group, value):
                findings.append(_instant_label(group, value, names))
    if not findings:
        what = "no windowed value is seen before the table's own times say that it is known"
        evidence = (
            f"{len(subject.groups)} sets of events, "
            f"{counted(len(timestamps(subject.dataset)), 'time')}"
        )
        findings.append(passed(AVAILABILITY, what, evidence))
    return findings


def _known_at(group: WindowGroup, rows: pa.RecordBatch) -> pa.Array:
    """When the definition takes an event to be known: null for rows that are not events."""
    if group.available_at is None:
        return rows[group.at]
    return _latest(rows[group.at], rows[group.available_at], skip_nulls=False)


def _cases(
    subject: Subject, lineage: Lineage, group: WindowGroup, value: str, names: Sequence[str]
) -> Iterator[_Case]:
    dataset, rows = subject.dataset, subject.events(group)
    is_own = group.source == ROWS
    known = _known_at(group, rows)
    with_known = replaced(rows, {group.at: known})
    events = is_valid(known) & is_valid(rows[value])
    for instant in timestamps(dataset.tables[group.source]):
        if instant in (group.at, group.available_at, value) or not events.any():
            continue
        after = float(later(with_known, instant, group.at)[events].mean())
        base = group.available_at or group.at
        found = (
            tuple(find_evidence(dataset, lineage, with_known, value, instant, base))
            if is_own
            else ()
        )
        if after < (_LATER_TIED if found else _LATER_UNTIED):
            continue
        values = _values_if_known(subject, group, _not_before(known, rows[instant]))
        changes = {name: np.flatnonzero(differ(subject.full[name], values[name])) for name in names}
        changes = {name: where for name, where in changes.items() if len(where)}
        if changes:
            column = max(changes, key=lambda name: len(changes[name]))
            where = changes[column]
            asking = subject.rows[ROW]
            row = int(asking[where[0]].as_py())
            other = pa.RecordBatch.from_pydict({ROW: asking, column: values[column]})
            shown = f"{cell(subject.full, row, column)} → {cell(other, row, column)}"
            identities = asking.to_numpy()[where]
            yield _Case(
                value, instant, found, identities, column, shown, tuple(changes), after
            )  # fmt: skip


def _not_before(known: pa.Array, instant: pa.Array) -> pa.Array:
    """The later of two instants, where the first is there: events known at no time stay so."""
    latest = _latest(known, instant, skip_nulls=True)
    return pc.if_else(pc.is_valid(known), latest, pa.scalar(None, latest.type))


def _latest(first: pa.Array, second: pa.Array, *, skip_nulls: bool) -> pa.Array:
    us = pc.max_element_wise(first.cast(pa.int64()), second.cast(pa.int64()), skip_nulls=skip_nulls)
    return us.cast(first.type)


def _values_if_known(
    subject: Subject, group: WindowGroup, known: pa.Array
) -> Mapping[str, pa.Array]:
    """Returns a group's windowed columns as if its events were known at other instants."""
    events = subject.events(group).append_column(_KNOWN, known)
    return group_values(replace(group, available_at=_KNOWN), subject.rows, events)


def _grade(subject: Subject, lineage: Lineage, group: WindowGroup, case: _Case) -> Severity | None:
    """Says how sure it is that the value is known at the instant only; None: no reason to think."""
    if group.source != ROWS:  # what it has to do with the rows' columns is not known
        return Severity.WARNING if group.available_at is None else None
    kinds = {evidence.kind for evidence in case.found}
    of_label = lineage.is_of_label(case.value)
    if kinds:
        is_fact = case.instant in _facts(subject)
        sure = of_label or "missing" in kinds or is_fact
        return Severity.LEAK if sure and kinds != {"declared"} else Severity.WARNING
    if group.available_at is not None:
        return None
    if of_label and group.at == subject.dataset.row_time:
        return Severity.LEAK
    is_known = case.value in subject.dataset.model_columns
    revealed = is_known or _is_revealed(subject, lineage, case.value, group.at)
    return None if revealed else Severity.WARNING


def _is_revealed(subject: Subject, lineage: Lineage, value: str, at: str) -> bool:
    """Tells whether the time at which the event happens is itself tied to the value."""
    if lineage.sources[value] & lineage.sources[at]:
        return True
    base = str(subject.dataset.row_time)
    return any(find_evidence(subject.dataset, lineage, subject.rows, value, at, base))


def _facts(subject: Subject) -> set[str | None]:
    """The instants at which the definition itself says that something happens or is known."""
    windows = [windowed for windowed in subject.dataset.windows if windowed.source is None]
    return {w.at for w in windows} | {w.available_at for w in windows}


def _finding(subject: Subject, group: WindowGroup, case: _Case, severity: Severity) -> Finding:
    asked = int(subject.asked.sum())
    why = "; ".join(evidence.text for evidence in case.found) or (
        "it is what the label is made of, and taken as known when rows are asked"
        if severity is Severity.LEAK
        else "nothing else ties them"
    )
    base = group.available_at or group.at
    others = len(case.names) - 1
    also = f", and {others} more windowed columns" if others else ""
    return Finding(
        AVAILABILITY, severity, case.column,
        f"sees {case.value} from {base} on; it may be known at {case.instant} only",
        f"{case.instant} is later for {case.later:.0%} of the events; {why}; "
        f"known then, {share(len(case.moved), asked)} rows move{also}",
        int(case.moved[0]), case.shown,
        f"at={case.instant!r} or available_at={case.instant!r}",
    )  # fmt: skip


def _is_instant_label(subject: Subject, lineage: Lineage, group: WindowGroup, value: str) -> bool:
    no_lag = any(aggregate.lag_us == 0 for aggregate in group.aggregates.values())
    undeclared = group.available_at in (None, group.at)
    at_request = group.source == ROWS and group.at == subject.dataset.row_time
    return lineage.is_of_label(value) and undeclared and at_request and no_lag


def _instant_label(group: WindowGroup, value: str, names: Sequence[str]) -> Finding:
    return Finding(
        AVAILABILITY, Severity.WARNING, names[0],
        f"takes {value} as known at {group.at}, when it is still to be predicted",
        "no other time of the event says when it is known",
        cure="declare available_at=, or a lag= that covers the delay",
    )  # fmt: skip


def check_declared(subject: Subject) -> list[Finding]:
    """Looks at declared availability times, and makes sure that they hide what is later."""
    findings: list[Finding] = []
    groups = [group for group in subject.groups if group.available_at is not None]
    for group in groups:
        rows, names = subject.events(group), list(group.aggregates)
        have = is_valid(rows[group.at]) & is_valid(rows[group.available_at])
        early = int(later(rows, group.at, str(group.available_at)).sum())
        late = int(later(rows, str(group.available_at), group.at).sum())
        n, events = int(have.sum()), int(is_valid(rows[group.at]).sum())
        for odd, what, evidence in (
            (early > _ODD * n, "before they happen", share(early, n)),
            (events - n > _NEVER * events, "never", share(events - n, events)),
            (
                n > 0 and not late,
                "when they happen, so that it changes nothing",
                share(n - late, n),
            ),
        ):
            if odd:
                findings.append(_odd(group, what, evidence))
        findings += _hidden(subject, group, names)
    if not findings:
        what = "events are unseen until the instant declared as available_at"
        evidence = f"{len(groups)} sets of events" if groups else "no available_at is declared"
        findings.append(passed(DECLARED, what, evidence))
    return list({(f.severity, f.column, f.what): f for f in findings}.values())


def _odd(group: WindowGroup, what: str, evidence: str) -> Finding:
    return Finding(
        DECLARED, Severity.WARNING, str(group.available_at),
        f"says that events of {group.at} are known {what}", f"{evidence} events",
        cure="check that it is the column meant, and its unit and zone",
    )  # fmt: skip


def _hidden(subject: Subject, group: WindowGroup, names: list[str]) -> Iterator[Finding]:
    """Moves all availability past the last request: every window must be empty."""
    rows = subject.rows
    events, last = subject.events(group), pc.max(rows[group.row_time])
    unseen = _values_if_known(subject, group, pa.repeat(last, len(events)))
    empty = group_values(group, rows, events.slice(0, 0))
    for name in names:
        wrong = np.flatnonzero(differ(empty[name], unseen[name]))
        if len(wrong):
            yield Finding(
                DECLARED, Severity.LEAK, name, "sees events that are not available yet",
                f"{share(len(wrong), len(rows))} rows", int(rows[ROW][wrong[0]].as_py()),
                cure="report this with the definition",
            )  # fmt: skip
