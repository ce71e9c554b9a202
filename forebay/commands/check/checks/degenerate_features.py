"""Features that can teach a model nothing, on the rows of the sample."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.commands.check.checks.feature_values import ids_of_features
from forebay.commands.check.findings import Finding, Severity, passed
from forebay.commands.check.subject import Bools, Subject, differ, is_valid
from forebay.console.words import counted, share
from forebay.pipelines.tallies.degenerate_features import warnings_of
from forebay.transforms.definition.columns import Date
from forebay.transforms.definition.features import Categorical, Frequent

DEGENERATE = "degenerate"
# One category of so many rows; categories as numerous as so many rows.
_CROWDED, _UNIQUE = 0.99, 0.9
# Columns are compared as a whole where these rows agree: there may be thousands of columns.
_ROWS_COMPARED = 5
_EVERY_ROW_ITS_ID = "nearly every row has an id of its own"


def check_degenerate(subject: Subject) -> list[Finding]:
    """Summarises what features make of the sample, and looks for columns that say the same."""
    dataset = subject.dataset
    labelled = is_valid(subject.full[dataset.label.column])
    rows = subject.full.filter(pa.array(subject.asked & labelled))
    if not len(rows):
        what = "no row of the sample has a row time and a label"
        return [Finding(DEGENERATE, Severity.WARNING, dataset.label.column, what, "")]
    findings = [*_degenerate(subject, rows), *_ids(subject, rows), *_duplicates(subject, rows)]
    what = "every feature varies, and no two columns are the same"
    evidence = f"{counted(len(dataset.features), 'feature')}, {counted(len(rows), 'row')}"
    return findings or [passed(DEGENERATE, what, evidence)]


def _degenerate(subject: Subject, rows: pa.RecordBatch) -> Iterator[Finding]:
    summaries = {}
    for name, values in ids_of_features(subject.dataset.features, rows).items():
        counts = np.unique(values, return_counts=True)[1]
        summaries[name] = {"distinct": len(counts), "largest": int(counts.max())}
    missing = {name: rows[name].null_count for name in rows.schema.names}
    known = set()
    for warning in warnings_of(subject.dataset, len(rows), summaries, missing):
        known.add(warning.feature)
        yield _warning(warning.feature, warning.problem, f"{counted(len(rows), 'row')}")
    for name, summary in summaries.items():
        crowded = summary["distinct"] > 1 and summary["largest"] > _CROWDED * len(rows)
        if crowded and name not in known:
            what = "nearly every row has the same value"
            yield _warning(name, what, share(summary["largest"], len(rows)))


def _warning(name: str, what: str, evidence: str) -> Finding:
    return Finding(
        DEGENERATE, Severity.WARNING, name, what, evidence,
        cure="leave the feature out, or mend its column",
    )  # fmt: skip


def _ids(subject: Subject, rows: pa.RecordBatch) -> Iterator[Finding]:
    """Vocabularies about as large as the data."""
    for feature in subject.dataset.features:
        if isinstance(feature, Categorical) and feature.ids == Frequent(
            oov_buckets=feature.oov_ids
        ):
            column = rows[feature.inputs[0]]
            distinct, present = pc.count_distinct(column).as_py(), len(rows) - column.null_count
            if distinct > _UNIQUE * max(present, 100):
                yield Finding(
                    DEGENERATE, Severity.WARNING, feature.output, _EVERY_ROW_ITS_ID,
                    f"{counted(distinct, 'value')} in {counted(present, 'row')}",
                    cure="leave the identity out, or keep frequent values (min_count=, top_k=)",
                )  # fmt: skip


def _duplicates(subject: Subject, rows: pa.RecordBatch) -> Iterator[Finding]:
    """Pairs of columns read by features that agree in every row, and vary."""
    seen: dict[tuple[object, ...], list[str]] = {}
    few = rows.take(pa.array(np.linspace(0, len(rows) - 1, _ROWS_COMPARED).astype(np.int64)))
    for name in subject.dataset.model_columns:
        column = rows[name]
        if isinstance(subject.dataset.all_columns[name], Date):
            column = column.cast(pa.int32())
        varies = pc.count_distinct(column, mode="all").as_py() > 1
        alike = (str(column.type), column.null_count, *map(_rounded, few[name].to_pylist()))
        for other in seen.get(alike, []) if varies else []:
            same: Bools = ~differ(rows[other], rows[name])
            if same.all():
                yield Finding(
                    DEGENERATE, Severity.WARNING, name, f"is the same as {other}",
                    f"in all {len(rows):,} rows", cure="drop one",
                )  # fmt: skip
                break
        else:
            seen.setdefault(alike, []).append(name)


def _rounded(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value
