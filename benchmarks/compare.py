"""Compares two folders of TFRecords column by column, matching rows by identity.

Every record of both folders is read: rows are counted by split and ids by frequency. Columns are
compared on the rows whose identity's hash falls into one of `keep_one_in` cells: all of them up
to `SAMPLE_ROWS` rows, about that many beyond. The sample is the same for every folder.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

SPLITS = ("train", "eval", "test")
IDENTITY = ("sched_ts", "carrier", "flight")
SAMPLE_ROWS = 500_000
TOLERANCE = 1e-6  # of max(1, |value|); scaled features have a deviation of 1
RANK_ERROR = 0.01  # of the rows, tf.Transform's quantiles; exact ones have none
BUCKETS = 10

# Bucket columns and the number that was cut, scaled or not.
CUT = {"dep_delay_bucket": "dep_delay_z_score"}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WrittenExamples:
    """What a folder of examples holds.

    Attributes:
        rows: how many, by split.
        sample: the sampled rows, one column for each feature, and ``split``.
        frequencies: how often each id occurs in train, by id column.
    """

    rows: Mapping[str, int]
    sample: pl.DataFrame
    frequencies: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnDifference:
    """How one column differs.

    Attributes:
        column: its name.
        rows: compared rows.
        differing: rows whose values differ beyond what is allowed.
        allowed: rows whose values differ as they may: ids of equal frequency, buckets within
            the rank error.
        greatest: greatest absolute difference.
        median, p95: quantiles of the absolute difference over all compared rows.
    """

    column: str
    rows: int
    differing: int
    allowed: int = 0
    greatest: float = 0.0
    median: float = 0.0
    p95: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """What two folders of examples have in common and what not.

    Attributes:
        rows: rows by split, of the reference and of the other.
        unmatched: sampled rows that only one of both has.
        absent: columns that only the reference has.
        extra: columns that only the other has.
        columns: how each common column differs.
    """

    rows: tuple[Mapping[str, int], Mapping[str, int]]
    unmatched: int
    absent: list[str]
    extra: list[str]
    columns: list[ColumnDifference]

    @property
    def equal(self) -> bool:
        """Whether nothing differs beyond what is allowed."""
        same_rows = self.rows[0] == self.rows[1] and not self.unmatched
        differing = any(column.differing for column in self.columns)
        return same_rows and not (self.absent or self.extra or differing)


def keep_one_in(rows: int) -> int:
    """Returns the number of cells of which one is compared."""
    return max(1, -(-rows // SAMPLE_ROWS))


def compare(reference: WrittenExamples, other: WrittenExamples) -> Comparison:
    """Compares samples taken with the same `keep_one_in`."""
    names = sorted(set(reference.sample.columns) & set(other.sample.columns) - set(IDENTITY))
    left, right = (side.sample.with_columns(present=True) for side in (reference, other))
    joined = left.join(right, on=IDENTITY, how="full", suffix="__other", validate="1:1")
    both = joined.filter(pl.col("present") & pl.col("present__other"))
    columns = [
        _difference(name, both[name], both[f"{name}__other"], both, reference.frequencies)
        for name in names
    ]
    return Comparison(
        rows=(reference.rows, other.rows),
        unmatched=len(joined) - len(both),
        absent=sorted(set(reference.sample.columns) - set(other.sample.columns)),
        extra=sorted(set(other.sample.columns) - set(reference.sample.columns)),
        columns=columns,
    )


def _difference(
    name: str,
    found: pl.Series,
    other: pl.Series,
    rows: pl.DataFrame,
    frequencies: Mapping[str, npt.NDArray[np.int64]],
) -> ColumnDifference:
    if found.dtype == pl.String:
        return ColumnDifference(name, len(found), int((found != other).sum()))
    a, b = found.to_numpy().astype(np.float64), other.to_numpy().astype(np.float64)
    apart = np.where(np.isnan(a) & np.isnan(b), 0.0, np.abs(a - b))
    apart = np.where(np.isnan(apart), np.inf, apart)
    differs = apart > (TOLERANCE * np.maximum(1.0, np.abs(a)) if found.dtype.is_float() else 0.0)
    allowed = np.zeros(len(differs), np.bool_)
    if name in frequencies:
        allowed = differs & _tied(a, b, frequencies[name])
    elif name in CUT:
        value, split = rows[CUT[name]].to_numpy(), rows["split"]
        allowed = differs
        for bucket in (a, b):
            allowed = allowed & _within_rank_error(bucket, value, split)
    if not len(apart):
        return ColumnDifference(name, 0, 0)
    return ColumnDifference(
        name,
        len(differs),
        int((differs & ~allowed).sum()),
        int(allowed.sum()),
        float(apart.max()),
        float(np.median(apart)),
        float(np.quantile(apart, 0.95)),
    )


def _tied(a: Floats, b: Floats, frequencies: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tells where two ids are equally frequent in train and always stand for each other."""
    first, second = a.astype(np.int64), b.astype(np.int64)
    inside = np.maximum(first, second) < len(frequencies)
    tied: npt.NDArray[np.bool_] = inside.copy()
    tied[inside] = frequencies[first[inside]] == frequencies[second[inside]]
    pairs = np.unique(np.stack([first, second]), axis=1)
    for side, ids in zip(pairs, (first, second), strict=True):
        values, partners = np.unique(side, return_counts=True)
        tied &= ~np.isin(ids, values[partners > 1])
    return tied


def _within_rank_error(bucket: Floats, value: Floats, split: pl.Series) -> npt.NDArray[np.bool_]:
    """Tells where a value may lie in a bucket if boundaries' ranks in train err so much."""
    train = np.sort(value[(split == SPLITS.index("train")).to_numpy()])
    below = np.searchsorted(train, value, "left") / max(1, len(train))
    up_to = np.searchsorted(train, value, "right") / max(1, len(train))
    at_least_first = up_to >= bucket / BUCKETS - RANK_ERROR
    before_next = below <= (bucket + 1) / BUCKETS + RANK_ERROR
    return np.asarray(at_least_first & before_next)


def example_files(folder: str | Path) -> dict[str, list[str]]:
    """Returns the TFRecord files of a folder of examples by split."""
    return {
        split: [
            str(path)
            for path in sorted(Path(folder, "examples", split).glob("*.tfrecord*"))
            if path.stat().st_size
        ]
        for split in SPLITS
    }


def load(path: str | Path) -> WrittenExamples:
    """Reads what ``read_examples.py`` saved."""
    facts = json.loads(Path(f"{path}.json").read_text("utf-8"))
    frequencies = {name: np.array(counts) for name, counts in facts["frequencies"].items()}
    return WrittenExamples(facts["rows"], pl.read_parquet(f"{path}.parquet"), frequencies)
