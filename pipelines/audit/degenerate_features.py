"""Features that can teach a model nothing, on the rows of the sample."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.findings import Finding, Severity, passed, share
from pipelines.audit.subject import Bools, Subject, differ, is_valid
from pipelines.audit.ties import numeric
from pipelines.feature_warnings import warnings_of
from transforms.columns import Date
from transforms.features import (
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Feature,
    Frequent,
    Identity,
    Listed,
    Numeric,
)
from transforms.features.categorical import MOST_FREQUENT
from transforms.pairs import Difference, Pair
from transforms.zones import utc_to_local

DEGENERATE = "degenerate"
_DAY_US = 86_400_000_000
_HOUR_US = 3_600_000_000
# One category of so many rows; categories as numerous as so many rows.
_CROWDED, _UNIQUE = 0.99, 0.9
_EVERY_ROW_ITS_ID = "nearly every row has an id of its own"

Ints = npt.NDArray[np.int64]


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
    evidence = f"{len(dataset.features)} features, {len(rows):,} rows"
    return findings or [passed(DEGENERATE, what, evidence)]


def _degenerate(subject: Subject, rows: pa.RecordBatch) -> Iterator[Finding]:
    summaries, ids = {}, _feature_ids(subject, rows)
    for name, values in ids.items():
        counts = np.unique(values, return_counts=True)[1]
        summaries[name] = {"distinct": len(counts), "largest": int(counts.max())}
    missing = {name: rows[name].null_count for name in rows.schema.names}
    known = set()
    for warning in warnings_of(subject.dataset, len(rows), summaries, missing):
        known.add(warning.feature)
        yield _warning(warning.feature, warning.problem, f"{len(rows):,} rows")
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


def _feature_ids(subject: Subject, rows: pa.RecordBatch) -> dict[str, Ints]:
    """Returns a number for each distinct value of each feature's output, without the graph."""
    found: dict[str, Ints] = {}
    for feature in subject.dataset.features:
        if isinstance(feature, Crossed):
            parts = [found[name] for name in feature.of if name in found]
            if len(parts) == len(feature.of):
                found[feature.output] = np.unique(np.stack(parts), axis=1, return_inverse=True)[1]
        else:
            values = _ids_of(feature, rows)
            if values is not None:
                found[feature.outputs[0]] = np.unique(values, return_inverse=True)[1]
    return found


def _ids_of(feature: Feature, rows: pa.RecordBatch) -> np.ndarray | None:
    if isinstance(feature, Categorical):
        return _category_ids(feature, rows[feature.inputs[0]])
    if isinstance(feature, Calendar):
        return _calendar(feature, rows[feature.inputs[0]])
    if not isinstance(feature, Numeric | Bucketized):
        return None
    values = _operand(feature.column, rows)
    there = np.isfinite(values)
    if isinstance(feature, Numeric):
        least, most = feature.clip
        values = np.clip(
            values, -np.inf if least is None else least, np.inf if most is None else most
        )
        mean = float(values[there].mean()) if there.any() else 0.0
        return np.where(there, values, mean if feature.impute == "mean" else feature.impute)
    bounds = list(feature.boundaries)
    if feature.quantiles is not None and there.any():
        shares = np.linspace(0, 1, feature.quantiles + 1)[1:-1]
        bounds = np.unique(np.quantile(values[there], shares)).tolist()
    return np.where(there, np.digitize(values, bounds), len(bounds) + 1)


def _category_ids(feature: Categorical, column: pa.Array) -> np.ndarray:
    """A number for each value that the feature tells apart, another where it is missing."""
    if feature.impute not in (None, MOST_FREQUENT):
        column = pc.fill_null(column, feature.impute)
    there = is_valid(column)
    if isinstance(feature.ids, Listed):
        column = pc.fill_null(pc.index_in(column, pa.array(feature.ids.values, column.type)), -1)
    elif isinstance(feature.ids, Identity):
        column = column.cast(pa.int64())
        known = pc.and_(pc.greater_equal(column, 0), pc.less(column, feature.ids.size))
        column = pc.if_else(known, column, -1)
    found = column.dictionary_encode(null_encoding="encode").indices.to_numpy()
    if there.all() or not there.any():
        return found  # type: ignore[no-any-return]
    missing = found.max() + 1 if feature.impute is None else np.bincount(found[there]).argmax()
    return np.where(there, found, missing)


def _operand(source: str | Pair, rows: pa.RecordBatch) -> np.ndarray:
    """What a numeric feature is computed from, float64 (n,), NaN where it is missing."""
    if isinstance(source, str):
        return numeric(rows[source])
    left, right = numeric(rows[source.left]), numeric(rows[source.right])
    if isinstance(source, Difference):
        return left - right  # type: ignore[no-any-return]
    return left / np.where(right == 0, np.nan, right)


def _calendar(feature: Calendar, column: pa.Array) -> np.ndarray:
    """The part of the local clock; -1 where it is missing."""
    there = is_valid(column)
    if pa.types.is_date32(column.type):
        local = pc.fill_null(column.cast(pa.int32()), 0).to_numpy().astype(np.int64) * _DAY_US
    else:
        local = utc_to_local(pc.fill_null(column.cast(pa.int64()), 0).to_numpy(), feature.tz)
    days = local // _DAY_US
    dates = days.astype("M8[D]")
    months = dates.astype("M8[M]")
    parts: Mapping[str, Ints] = {
        "hour_of_day": local % _DAY_US // _HOUR_US,
        "day_of_week": (days + 3) % 7,
        "day_of_month": (dates - months).astype(np.int64),
        "month": months.astype(np.int64) % 12,
    }
    return np.where(there, parts[feature.part], -1)


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
                    f"{distinct:,} values in {present:,} rows",
                    cure="leave the identity out, or keep frequent values (min_count=, top_k=)",
                )  # fmt: skip


def _duplicates(subject: Subject, rows: pa.RecordBatch) -> Iterator[Finding]:
    """Pairs of columns read by features that agree in every row, and vary."""
    seen: dict[str, list[str]] = {}
    for name in subject.dataset.model_columns:
        column = rows[name]
        if isinstance(subject.dataset.all_columns[name], Date):
            column = column.cast(pa.int32())
        varies = pc.count_distinct(column, mode="all").as_py() > 1
        for other in seen.get(str(column.type), []) if varies else []:
            same: Bools = ~differ(rows[other], rows[name])
            if same.all():
                yield Finding(
                    DEGENERATE, Severity.WARNING, name, f"is the same as {other}",
                    f"{len(rows):,} rows agree", cure="drop one",
                )  # fmt: skip
                break
        else:
            seen.setdefault(str(column.type), []).append(name)
