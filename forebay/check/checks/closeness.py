"""Features suspiciously close to the label, and features known only after the row is asked."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.check.checks.evidence import later, numeric, ties, timestamps
from forebay.check.checks.scores import Score, category_scores, missing_score, number_scores
from forebay.check.findings import Finding, Severity, passed
from forebay.check.lineage import Lineage
from forebay.check.subject import Bools, Subject, cell, is_valid
from forebay.console.words import share
from forebay.transforms.definition.columns import (
    Boolean,
    Bytes,
    Date,
    Integer,
    Numbers,
    String,
    Timestamp,
)
from forebay.transforms.definition.features import Categorical
from forebay.transforms.definition.labels import Classification, Label, Regression
from forebay.transforms.definition.sources import ROW

CLOSE, LATE = "close to the label", "known too late"
# From which score on a column is suspect, and from which it gives the label away: of correlations
# and of areas under the ROC curve.
_SUSPECT = {"correlation": 0.97, "AUC": 0.99}
_GIVES_AWAY = {"correlation": 0.999, "AUC": 0.9995}
_FEWEST_ROWS = 100
_MISSING_AT_LEAST, _MISSING_ALIKE = 5, 0.95
_LATER = 0.5
_NO_SCORE = Score("score", 0.0, 0)
_CURE = "leave it out, or make sure that it is known at the row time"


def check_closeness(subject: Subject) -> list[Finding]:
    """Scores every column that features read, alone, as a predictor of the label."""
    dataset, label = subject.dataset, subject.dataset.label
    rows, asked = subject.full, subject.asked
    targets = _targets(label, rows[label.column])
    known = np.isfinite(targets[0])
    used = asked & known
    if used.sum() < _FEWEST_ROWS:
        few = f"{int(used.sum()):,} rows have a label: too few to tell"
        return [Finding(CLOSE, Severity.WARNING, label.column, few, f"needs {_FEWEST_ROWS}")]
    is_binary = not isinstance(label, Regression)
    findings: list[Finding] = []
    best = _NO_SCORE
    for name in dataset.model_columns:
        scores = [
            score
            for target in targets
            for score in _scores(subject, name, target, used, is_binary)
            if score.rows >= _FEWEST_ROWS
        ]
        top = max(scores, key=lambda score: score.value, default=best)
        best = max(best, top, key=lambda score: score.value)
        findings += _close(subject, name, top, used)
        findings += _missing_alike(subject, name, known)
    if not findings:
        what = "no column alone gives the label away"
        evidence = (
            f"{len(dataset.model_columns)} columns; the closest has {best.name} {best.value:.3f}"
        )
        findings.append(passed(CLOSE, what, evidence))
    return findings


def _targets(label: Label, column: pa.Array) -> list[np.ndarray]:
    """Returns the label as numbers, float64 (n,), NaN where missing; of classes, each one's."""
    if not isinstance(label, Classification):
        return [numeric(column)]
    known = is_valid(column) & pc.is_in(column, pa.array(label.classes, column.type)).to_numpy(
        zero_copy_only=False
    )
    return [
        np.where(known, pc.fill_null(pc.equal(column, name), False).to_numpy(False), np.nan)
        for name in label.classes
    ]


def _scores(
    subject: Subject, name: str, labels: np.ndarray, used: Bools, is_binary: bool
) -> Iterator[Score]:
    column = subject.full[name].filter(pa.array(used))
    kind = subject.dataset.all_columns[name]
    y = labels[used]
    if not isinstance(kind, String | Numbers | Bytes):
        yield from number_scores(numeric(column), y, is_binary)
    categories = {f.inputs[0] for f in subject.dataset.features if isinstance(f, Categorical)}
    if isinstance(kind, String | Boolean | Date) or (
        isinstance(kind, Integer) and name in categories
    ):
        codes = column.dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64)
        yield from category_scores(codes, y, is_binary)
    for score in missing_score(~is_valid(column), y, is_binary):
        yield Score(f"{score.name} of being missing", score.value, score.rows)


def _close(subject: Subject, name: str, score: Score, used: Bools) -> Iterator[Finding]:
    measure = "AUC" if score.name.startswith("AUC") else "correlation"
    if score.value < _SUSPECT[measure]:
        return
    given_away = (
        score.value >= _GIVES_AWAY[measure] and name not in subject.dataset.windowed_columns
    )
    severity = Severity.LEAK if given_away else Severity.WARNING
    what = "nearly reproduces the label" if given_away else "is suspiciously close to the label"
    row = int(subject.full[ROW].to_numpy()[used & is_valid(subject.full[name])][:1].sum())
    label = subject.dataset.label.column
    shown = f"{cell(subject.full, row, name)}; {label} {cell(subject.full, row, label)}"
    evidence = f"{score.name} {score.value:.4f} over {score.rows:,} rows"
    yield Finding(CLOSE, severity, name, what, evidence, row, shown, _CURE)


def _missing_alike(subject: Subject, name: str, labelled: Bools) -> Iterator[Finding]:
    """A column that is missing where the label is: known afterwards, maybe."""
    if name in subject.dataset.windowed_columns:
        return
    asked = subject.asked
    missing, unlabelled = ~is_valid(subject.full[name]) & asked, ~labelled & asked
    both, either = int((missing & unlabelled).sum()), int((missing | unlabelled).sum())
    if both >= _MISSING_AT_LEAST and both >= _MISSING_ALIKE * either:
        row = int(subject.full[ROW].to_numpy()[missing & unlabelled][0])
        yield Finding(
            CLOSE, Severity.WARNING, name, "is missing exactly where the label is",
            f"{share(both, int(asked.sum()))} rows lack both, {either - both:,} one of them", row,
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
    times = len(timestamps(subject.dataset))
    return found or [passed(LATE, what, f"{len(row_names)} columns, {times} times of the row")]


def _late(subject: Subject, lineage: Lineage, name: str, base: str) -> Finding | None:
    rows, dataset = subject.rows, subject.dataset
    here = subject.asked & is_valid(rows[name])
    for instant in timestamps(dataset):
        after = later(rows, instant, base) & here
        if instant == base or not here.any() or after.sum() < _LATER * here.sum():
            continue
        if isinstance(dataset.row_columns[name], Timestamp):
            why = "it is an instant after the row time" if name == instant else ""
        else:
            found = list(ties(dataset, lineage, rows, name, instant, base))
            why = "; ".join(tie.text for tie in found if tie.kind != "declared")
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


def _is_outcome(subject: Subject, lineage: Lineage, instant: str, base: str) -> bool:
    """Tells whether an instant is tied to the label: then it is no plan."""
    label = subject.dataset.label.column
    found = ties(subject.dataset, lineage, subject.rows, label, instant, base)
    return lineage.is_of_label(instant) or any(tie.kind != "either" for tie in found)
