"""Whether a row's features see its own label: by its cells, its event or a twin of it."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.check.findings import Finding, Severity, passed
from forebay.commands.check.lineage import Lineage
from forebay.commands.check.subject import (
    Bools,
    Ints,
    Subject,
    cell,
    differ,
    group_values,
    is_valid,
    replaced,
)
from forebay.console.words import counted, share
from forebay.transforms.definition.columns import Bytes, Integer, String
from forebay.transforms.definition.identity import ROW
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import WindowGroup

OWN_LABEL, TWINS = "own label", "twins"
# Rows whose label is changed, one at a time.
_PROBES = 40
# A text or whole number that differs in nearly all rows identifies them.
_IDENTIFIES = 0.99
# As many different row times as this share of the rows tell events apart.
_OWN_INSTANTS = 0.5


def check_own_label(subject: Subject, lineage: Lineage) -> list[Finding]:
    """Looks for features made of the label's cells, and changes labels to see what moves."""
    findings = list(_by_cells(subject, lineage))
    probed, by_event = _by_event(subject, lineage)
    findings += by_event
    if not findings:
        what = "no feature moves with the label of its own row"
        evidence = (
            f"{counted(len(subject.dataset.model_columns), 'column')} read by features, made of "
            f"other cells than {', '.join(sorted(lineage.label)) or 'none'}; labels of "
            f"{counted(probed, 'row')} changed"
        )
        findings.append(passed(OWN_LABEL, what, evidence))
    return findings


def _by_cells(subject: Subject, lineage: Lineage) -> Iterator[Finding]:
    """Row columns that features read and that depend on what the label depends on."""
    dataset = subject.dataset
    label, sources = dataset.label.column, lineage.label
    direct = {
        name for name in dataset.model_columns if lineage.cells.get(name) == frozenset({name})
    }
    for name in dataset.model_columns:
        shared = lineage.sources.get(name, frozenset()) & sources
        if not shared:
            continue
        whole = len(sources) == 1 or sources <= direct or label in shared
        severity = Severity.LEAK if whole else Severity.WARNING
        if not whole and shared <= direct and name not in direct:
            continue  # a view of cells that features read anyway; those are named themselves
        made = ", ".join(sorted(sources))
        yield Finding(
            OWN_LABEL, severity, name, f"is made of {', '.join(sorted(shared))}, as the label is",
            f"the label {label} depends on {made} of its own row, not known by the row time",
            cure="leave it out of the features, or ask for the row when it is known (row_time=)",
        )  # fmt: skip


def _by_event(subject: Subject, lineage: Lineage) -> tuple[int, list[Finding]]:
    """Changes the label of one row after another; its own windows must not move."""
    rows, label = subject.rows, subject.dataset.label.column
    labelled = np.flatnonzero(subject.asked & is_valid(rows[label]))
    step = max(1, len(labelled) // _PROBES)
    probes = labelled[::step][:_PROBES] if subject.own_groups else labelled[:0]
    place = dict(zip(subject.parsed[ROW].to_pylist(), range(len(subject.parsed)), strict=True))
    events = {i: group.events(rows) for i, group in enumerate(subject.own_groups)}
    moved: dict[str, list[int]] = {}
    probed = 0
    for index in probes.tolist():
        row = rows.slice(index, 1)
        other = _with_other_label(subject, lineage, place[row[ROW][0].as_py()], row)
        if other is None:
            continue
        probed += 1
        for i, group in enumerate(subject.own_groups):
            before = _alone(group, events[i], row, row)
            after = _alone(group, events[i], row, other)
            for name in group.aggregates:
                if differ(before[name], after[name]).any():
                    moved.setdefault(name, []).append(row[ROW][0].as_py())
    return probed, [
        Finding(
            OWN_LABEL, Severity.LEAK, name, "moves with the label of its own row",
            f"{share(len(found), probed)} rows whose label was changed", found[0],
            cure="report this with the definition: a row must not see its own event",
        )
        for name, found in moved.items()
    ]  # fmt: skip


def _with_other_label(
    subject: Subject, lineage: Lineage, place: int, row: pa.RecordBatch
) -> pa.RecordBatch | None:
    """Returns the row with cells of others, so that its label differs; None where none does."""
    parsed, label = subject.parsed, subject.dataset.label.column
    read = lineage.sources[label] & subject.dataset.columns.keys()
    names = read - lineage.known or read
    for donor in (1, len(parsed) // 2, len(parsed) // 3):
        giver = pa.array([(place + donor) % len(parsed)])
        changed = {name: parsed[name].take(giver) for name in names}
        other = subject.derived_or_none(replaced(parsed.slice(place, 1), changed))
        if other is not None and len(other) and differ(row[label], other[label]).any():
            return other
    return None


def _alone(
    group: WindowGroup, events: pa.RecordBatch, asking: pa.RecordBatch, as_event: pa.RecordBatch
) -> pa.RecordBatch:
    """Computes one row's windows, with another version of its own event."""
    request = group.requests(asking)
    keep = pc.not_equal(events[ROW], asking[ROW][0])
    for i in range(len(group.key)):
        keep = pc.and_(
            keep, pc.fill_null(pc.equal(events[f"key{i}"], request[f"key{i}"][0]), False)
        )
    seen = pa.Table.from_batches([events.filter(keep), group.events(as_event)])
    return compute(group, seen, pa.Table.from_batches([request]))


def check_twins(subject: Subject, lineage: Lineage) -> list[Finding]:
    """Looks for rows that are one event under several identities, and for who sees whom."""
    ids = identities(subject)
    names = [name for name in subject.dataset.columns if name not in ids]
    first = _first_alike(subject.parsed, names) if names else subject.parsed[ROW].to_numpy()
    rows = subject.rows
    places = np.searchsorted(subject.parsed[ROW].to_numpy(), rows[ROW].to_numpy())
    event = first[places]
    twins = int((event != rows[ROW].to_numpy()).sum())
    but = f" but in {', '.join(ids)}" if ids else ""
    findings = _apart(subject, event, ids) if twins else []
    for group in subject.own_groups if twins else []:
        findings += _seen(subject, lineage, group, event, but)
    evidence = f"{share(twins, len(rows))} rows repeat another in {len(names)} columns{but}"
    if twins and not findings:
        example = int(rows[ROW].to_numpy()[event != rows[ROW].to_numpy()][0])
        return [
            Finding(TWINS, Severity.WARNING, "", "rows repeat each other; no window shows it",
                    evidence, example, cure="remove them from the source: they count twice")
        ]  # fmt: skip
    return findings or [passed(TWINS, "no row sees its own event under another identity", evidence)]


def identities(subject: Subject) -> list[str]:
    """Returns the columns read that only name their rows: of text or whole numbers that differ."""
    ids = []
    for name, kind in subject.dataset.columns.items():
        column = subject.parsed[name]
        present = len(column) - column.null_count
        distinct = pc.count_distinct(column).as_py()
        names = isinstance(kind, String | Bytes | Integer)
        if names and distinct > _IDENTIFIES * max(present, 100):
            ids.append(name)
    if subject.dataset.label.column in ids:  # a label is not an identity
        ids.remove(subject.dataset.label.column)
    return ids


def _first_alike(rows: pa.RecordBatch, names: list[str]) -> Ints:
    """Returns for each row the identity of the first row of equal cells, int64 (n,).

    Rows without any cell, as spreadsheets leave them at the end, are nobody's twins.
    """
    codes: npt.NDArray[np.int64] = np.zeros(len(rows), np.int64)
    for name in names:
        encoded = rows[name].dictionary_encode(null_encoding="encode")
        codes = codes * (len(encoded.dictionary) + 1) + encoded.indices.to_numpy()
        codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    own: Ints = rows[ROW].to_numpy()
    blank = np.logical_and.reduce([~is_valid(rows[name]) for name in names])
    return np.where(blank, own, own[first[inverse]])


def _seen(
    subject: Subject, lineage: Lineage, group: WindowGroup, event: Ints, but: str
) -> Iterator[Finding]:
    """Compares a group's windows with those of rows that recognise their twins."""
    as_one = replaced(subject.rows, {ROW: pa.array(event)})
    requests, events = group.requests(as_one), group.events(as_one)
    values = compute(group, pa.Table.from_batches([events]), pa.Table.from_batches([requests]))
    asked = group.requests(subject.rows)[ROW].to_numpy()
    usual = group_values(group, subject.rows, subject.rows)
    here = pa.array(np.searchsorted(subject.rows[ROW].to_numpy(), asked))
    for name in group.aggregates:
        before = usual[name].take(here)
        changed: Bools = differ(before, values[name])
        if not changed.any():
            continue
        of_label = any(map(lineage.is_of_label, group.decided_by(name)))
        row = int(asked[changed][0])
        other = pa.RecordBatch.from_pydict({ROW: pa.array(asked), name: values[name]})
        yield Finding(
            TWINS, Severity.LEAK if of_label else Severity.WARNING, name,
            "sees the row's own event under another identity",
            f"{share(int(changed.sum()), len(asked))} rows see a row that equals them{but}",
            row, f"{cell(subject.full, row, name)}; without twins {cell(other, row, name)}",
            "remove duplicates from the source, or name the event's identity (event_id=)",
        )  # fmt: skip


def _apart(subject: Subject, event: Ints, ids: list[str]) -> list[Finding]:
    """Twins that a split on an identity sends to different splits.

    Rows asked at instants of their own that are equal are the same; of others some are by chance.
    """
    column, rows = subject.dataset.split_column, subject.rows
    twins = (event != rows[ROW].to_numpy()) & is_valid(rows[subject.dataset.label.column])
    if column not in ids or not twins.any():
        return []
    time = subject.dataset.row_time
    distinct = pc.count_distinct(rows[time]).as_py() if time else 0
    severity = Severity.LEAK if distinct > _OWN_INSTANTS * len(rows) else Severity.WARNING
    return [
        Finding(TWINS, severity, column, "splits twins apart: one trains, the other tests",
                f"{counted(int(twins.sum()), 'row')} equal to another in all but {', '.join(ids)}",
                int(rows[ROW].to_numpy()[twins][0]),
                cure="split on a column that twins share, such as a day or a customer")
    ]  # fmt: skip
