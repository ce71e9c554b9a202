"""Features suspiciously close to the label, and features known only after the row is asked."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from forebay.commands.check.checks.evidence import find_evidence, instants, later, span
from forebay.commands.check.checks.label import identities
from forebay.commands.check.checks.label_evidence import (
    FEWEST_ROWS,
    LATER_ITSELF,
    Closeness,
    closeness,
    filled_cells,
    missing_together,
    targets_of,
    telling_rows,
)
from forebay.commands.check.checks.scores import FEWEST_ROWS_OF_A_CLASS
from forebay.commands.check.findings import Finding, Severity, passed
from forebay.commands.check.lineage import Lineage
from forebay.commands.check.subject import Bools, Subject, cell, is_valid
from forebay.console.words import counted, share
from forebay.transforms.definition.columns import Date, Integer, Number, Timestamp
from forebay.transforms.definition.features import Categorical
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression

CLOSE, LATE = "close to the label", "known too late"
# An instant that is later in fewer of the rows says nothing of when what is tied to it is known; of
# one that is a feature itself, or the end of one, LATER_ITSELF will do.
_LATER = 0.5
_CURE = "leave it out, or make sure that it is known at the row time"


def check_closeness(subject: Subject) -> list[Finding]:
    """Scores every column that features read, alone, as a predictor of the label."""
    dataset, label = subject.dataset, subject.dataset.label
    targets = targets_of(label, subject.full[label.column])
    known = np.isfinite(targets[0])
    used = subject.asked & known
    if (few := _too_few(subject, [target[used] for target in targets])) is not None:
        return [few]
    findings: list[Finding] = []
    found: dict[str, Closeness] = {}
    labels = [target[used] for target in targets]
    categories = {f.inputs[0] for f in dataset.features if isinstance(f, Categorical)}
    for name in dataset.model_columns:
        found[name] = closeness(
            subject.full[name].filter(pa.array(used)), dataset.all_columns[name], label, labels,
            is_category=name in categories,
        )  # fmt: skip
        findings += _close(subject, name, found[name], used)
    findings += _missing_together(subject, known)
    if not findings:
        best = max((one.score for one in found.values()), key=lambda score: score.value)
        what = "no column alone gives the label away"
        evidence = f"{counted(len(found), 'column')}; the closest has {best.name} {best.value:.3f}"
        findings.append(passed(CLOSE, what, evidence))
    return findings


def _too_few(subject: Subject, labels: list[np.ndarray]) -> Finding | None:
    """A warning where the label's rows are too few to compare anything with."""
    label = subject.dataset.label
    rows = len(labels[0])
    if rows < FEWEST_ROWS:
        few = f"{counted(rows, 'row')} with a label: too few to tell"
        return Finding(CLOSE, Severity.WARNING, label.column, few, f"needs {FEWEST_ROWS}")
    least = FEWEST_ROWS_OF_A_CLASS
    if isinstance(label, Regression) or any(least <= y.sum() <= rows - least for y in labels):
        return None
    few = "no class but one has rows enough to tell"
    return Finding(CLOSE, Severity.WARNING, label.column, few, f"needs {least} rows of each")


def _close(subject: Subject, name: str, found: Closeness, used: Bools) -> Iterator[Finding]:
    if not found.is_suspect:
        return
    given_away = found.gives_away and name not in subject.dataset.windowed_columns
    severity = Severity.LEAK if given_away else Severity.WARNING
    what = "nearly reproduces the label" if given_away else "is suspiciously close to the label"
    row = int(subject.full[ROW].to_numpy()[used & is_valid(subject.full[name])][:1].sum())
    label = subject.dataset.label.column
    shown = f"{cell(subject.full, row, name)}; {label} {cell(subject.full, row, label)}"
    score = found.score
    evidence = f"{score.name} {score.value:.4f} over {counted(score.rows, 'row')}"
    yield Finding(CLOSE, severity, name, what, evidence, row, shown, _CURE)


def _missing_together(subject: Subject, labelled: Bools) -> Iterator[Finding]:
    """Columns that are missing where the label is: filled when the outcome is known, maybe."""
    dataset, asked = subject.dataset, subject.asked
    missing = {name: ~is_valid(subject.full[name]) for name in dataset.row_columns}
    ids = identities(subject)
    filled = filled_cells(
        {name: absent for name, absent in missing.items() if name not in ids}, dataset.label.column
    )
    for name in dataset.model_columns:
        if name not in dataset.row_columns:
            continue
        others = filled if name in ids else filled - ~missing[name]
        rows = telling_rows(others, share=0.0) & asked
        found = missing_together(missing[name], ~labelled, rows)
        if found is not None:
            both = int(found.rows.sum())
            yield Finding(
                CLOSE, Severity.WARNING, name, f"is missing {found.where}",
                f"{share(both, int(asked.sum()))} rows lack both, {found.apart:,} one of them",
                int(subject.full[ROW].to_numpy()[found.rows][0]),
                cure="is it known at the row time, or only with the label? If so, leave it out",
            )  # fmt: skip


def check_lateness(subject: Subject, lineage: Lineage) -> list[Finding]:
    """Looks for features that the table's own times say are known after the row time."""
    base = subject.dataset.row_time
    if base is None:
        return [passed(LATE, "rows are asked at no particular time", "no row_time")]
    row_names = [n for n in subject.dataset.model_columns if n in subject.dataset.row_columns]
    unknown = [n for n in row_names if not lineage.sources[n] or lineage.sources[n] - lineage.known]
    found = [f for name in unknown if (f := _late(subject, lineage, name, base)) is not None]
    what = "no feature's value is tied to a time after the row time"
    times = len(instants(subject.dataset))
    return found or [
        passed(
            LATE, what, f"{counted(len(row_names), 'column')}, {counted(times, 'time')} of the row"
        )
    ]


def _late(subject: Subject, lineage: Lineage, name: str, base: str) -> Finding | None:
    rows = subject.rows
    here = subject.asked & is_valid(rows[name])
    for instant in instants(subject.dataset):
        after = later(rows, instant, base) & here
        if instant == base or not after.any():
            continue
        why = _why_late(subject, lineage, name, instant, float(after.sum() / here.sum()))
        if why:
            sure = _is_outcome(subject, lineage, instant, base)
            row = int(rows[ROW].to_numpy()[after][0])
            return Finding(
                LATE, Severity.LEAK if sure else Severity.WARNING, name,
                f"may be known at {instant} only, after the row is asked"
                + (", when its label is" if sure else ""),
                f"{share(int(after.sum()), int(here.sum()))} rows have it after {base}; {why}",
                row, f"{base} {cell(rows, row, base)}; {instant} {cell(rows, row, instant)}",
                _CURE if sure else f"if {instant} is a plan known before {base}, all is well",
            )  # fmt: skip
    return None


def _why_late(subject: Subject, lineage: Lineage, name: str, instant: str, after: float) -> str:
    """Says what ties a column to an instant, later in a share of the rows; empty: nothing."""
    dataset, rows, base = subject.dataset, subject.rows, str(subject.dataset.row_time)
    if isinstance(dataset.row_columns[name], Timestamp | Date):
        is_late = name == instant and after >= LATER_ITSELF
        return "it is an instant after the row time" if is_late else ""
    if after >= LATER_ITSELF and _is_span(subject, name, instant):
        return f"{name} is the time from {base} to {instant}"
    if after < LATER_ITSELF:
        return ""
    found = find_evidence(dataset, lineage, rows, name, instant, base)
    telling = [evidence for evidence in found if evidence.kind == "either" or after >= _LATER]
    return "; ".join(evidence.text for evidence in telling if evidence.kind != "declared")


def _is_outcome(subject: Subject, lineage: Lineage, instant: str, base: str) -> bool:
    """Tells whether an instant is tied to the label: then it is not a plan."""
    label = subject.dataset.label.column
    found = find_evidence(subject.dataset, lineage, subject.rows, label, instant, base)
    return (
        lineage.is_of_label(instant)
        or _is_span(subject, label, instant)
        or any(evidence.kind != "either" for evidence in found)
    )


def _is_span(subject: Subject, name: str, instant: str) -> bool:
    """Tells whether a column is the time between the row time and an instant."""
    dataset = subject.dataset
    return (
        isinstance(dataset.row_columns[name], Number | Integer)
        and span(subject.rows, name, str(dataset.row_time), instant) is not None
    )
