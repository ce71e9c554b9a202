"""Labels that no model can learn, by their values."""

import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.check.findings import Finding, Severity, passed
from forebay.commands.check.subject import Subject
from forebay.console.words import counted, share
from forebay.pipelines.splits.refusals import label_refusals
from forebay.transforms.comparisons import has_value
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Classification

LABEL_VALUES = "label values"
# Fewer labels of no class are told by the run alone.
_NO_CLASS = 0.01
_SHOWN = 3


def check_label_values(subject: Subject) -> list[Finding]:
    """Looks at the labels of the rows that ask."""
    label = subject.dataset.label
    rows = subject.rows.filter(pa.array(subject.asked))
    rows = rows.filter(has_value(rows[label.column]))
    column = rows[label.column]
    findings = []
    for refusal in label_refusals(column, label):
        refused = pa.array(refusal.rows)
        if refusal.rows.any():
            what = f"is {refusal.text}"
            cure = "such rows are rejected: make a label of them with a Derive, or of the texts"
            findings.append(_finding(rows.filter(refused), label.column, len(rows), what, cure))
    if isinstance(label, Classification):
        other = rows.filter(pc.invert(pc.is_in(column, pa.array(label.classes, column.type))))
        if len(other) > _NO_CLASS * len(rows):
            cure = "such rows are dropped: list classes= as the column has them"
            findings.append(
                _finding(other, label.column, len(rows), "is none of the classes", cure)
            )
    what = "every label is one that a model can learn"
    return findings or [passed(LABEL_VALUES, what, f"{counted(len(rows), 'row')} with a label")]


def _finding(rows: pa.RecordBatch, label: str, of: int, what: str, cure: str) -> Finding:
    counts = rows[label].value_counts().to_pylist()
    most = sorted(counts, key=lambda one: (-one["counts"], repr(one["values"])))[:_SHOWN]
    values = ", ".join(f"{one['values']!r} ({one['counts']:,})" for one in most)
    return Finding(
        LABEL_VALUES, Severity.WARNING, label, what, f"{share(len(rows), of)} labels: {values}",
        int(rows[ROW][0].as_py()), f"{label} = {rows[label][0].as_py()!r}", cure,
    )  # fmt: skip
