"""Whether what was ingested is enough to go on, and whether all of it was written."""

from collections.abc import Mapping, Sequence

from forebay.pipelines.prepare import dropped_by, step_name
from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.splits.rows import fails
from forebay.pipelines.tallies.tallies import Tallies, tallies_of
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.labels import BinaryClassification, Classification, Label
from forebay.transforms.definition.splits import SPLITS
from forebay.transforms.errors import InputError, RunFailed
from forebay.transforms.windows.period import Period


def check_rejects(ingested: Tallies, dataset: Dataset, limit: float) -> None:
    """Checks that no more than a share of each table's records was rejected.

    Raises:
        InputError: more were.
    """
    check_rejects_of(ingested, "", limit, dataset)
    for name in dataset.sources:
        check_rejects_of(tallies_of(ingested, name), f" of the source {name}", limit, dataset)


def check_rejects_of(ingested: Tallies, table: str, limit: float, dataset: Dataset) -> None:
    """Checks that no more than a share of the records of one table was rejected.

    Args:
        ingested: its tallies.
        table: it, after "records".
        limit: the share.
        dataset: the definition.

    Raises:
        InputError: more were.
    """
    rejects = ingested.get("rejects", {})
    count, records = sum(rejects.values()), sum(ingested.get("records", {}).values())
    if count > limit * records:
        cure = _label_cure(ingested, dataset.label, count) or _split_cure(ingested, dataset, count)
        raise InputError(
            f"{count:,} of {records:,} records{table} were rejected, more than "
            f"--max-reject-fraction {limit:g}; the commonest reasons: {_commonest(rejects)}; "
            f"{cure or 'mend the input or the definition'}"
        )


def _commonest(counts: Mapping[str, int]) -> str:
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3]
    return "; ".join(f"{name} ({times:,})" for name, times in common)


def _label_cure(ingested: Tallies, label: Label, lost: int) -> str | None:
    """Returns what to do where most of the rows lost have a label that none can be."""
    values = ingested.get("labels", {})
    if 2 * sum(values.values()) < max(lost, 1):
        return None
    found = f"such values of the label {label.column!r}: {_commonest(values)}"
    if isinstance(label, BinaryClassification):
        return (
            f"{found}; make 0 and 1 of them with a Derive, or declare a column "
            "Boolean(true=..., false=...) with its texts"
        )
    if isinstance(label, Classification):
        return f"{found}; list its classes as the column has them"
    return f"{found}; mend the input or the definition"


def check_splits(
    ingested: Tallies, dataset: Dataset, period: Period | None, *, learns: bool
) -> None:
    """Checks that there are rows to make examples of.

    Args:
        ingested: the tallies.
        dataset: the definition.
        period: the row times that ask; None: all.
        learns: whether a transform graph is to be learned from train, which then needs rows.

    Raises:
        InputError: there are none.
    """
    rows = ingested.get("rows", {})
    if rows.get("train") or (rows and not learns):
        return
    lost = {**ingested.get("dropped", {}), **ingested.get("rejects", {})}
    if history := history_rows(ingested):
        lost["history only"] = history
    causes = "; ".join(f"{cause} ({count:,})" for cause, count in lost.items()) or "none"
    if not rows and period is not None:
        records = ingested["records"]["read"]
        raise InputError(
            f"no row from {period}, by its {dataset.row_time}, makes an example (records read: "
            f"{records:,}; rows lost: {causes}); change --from and --to, or the input"
        )
    lost_rows = sum(lost.values())
    cure = _label_cure(ingested, dataset.label, lost_rows)
    cure = cure or _split_cure(ingested, dataset, lost_rows) or _where_cure(lost, dataset)
    cure = cure or _prepare_cure(lost, dataset)
    if not rows and not learns:
        cure = cure or "change the input"
        raise InputError(f"no rows to make examples of (rows lost: {causes}); {cure}")
    found = ", ".join(f"{split} {rows.get(split, 0):,}" for split in SPLITS)
    cure = cure or f"change the split {dataset.split!r} or the input"
    if rows:
        cure += ", or name a run of the training period with --transform-fn"
    raise InputError(f"no rows to train on (rows per split: {found}; rows lost: {causes}); {cure}")


def empty_splits(ingested: Tallies, dataset: Dataset, inputs: Sequence[TableInput]) -> str | None:
    """Says which splits of the definition, or of the inputs, have no rows; None: all have some."""
    named = [one.split for one in inputs if one.split is not None]
    expected = dict.fromkeys((*dataset.split.expected, *named))
    empty = [name for name in expected if not ingested["rows"].get(name)]
    if not empty:
        return None
    return (
        f"no row is in {' or '.join(empty)}, by the split {dataset.split!r}: what reads it will "
        "find nothing; change the split or the input if that is not meant"
    )


def _split_cure(ingested: Tallies, dataset: Dataset, lost: int) -> str | None:
    """Returns what to do where most of the rows lost have a value that stands for no split."""
    values = ingested.get("undeclared", {})
    if 2 * sum(values.values()) < max(lost, 1):
        return None
    return (
        f"such values of {dataset.split_column!r}: {_commonest(values)}; name them in train=, "
        "eval= or test= of the split, or leave such rows out of the input"
    )


def _where_cure(lost: Mapping[str, int], dataset: Dataset) -> str | None:
    """Returns what to do where most of the rows lost are those that are not wanted."""
    unwanted = lost.get(fails(dataset), 0) if dataset.conditions else 0
    return "widen the definition's where" if 2 * unwanted > sum(lost.values()) else None


def _prepare_cure(lost: Mapping[str, int], dataset: Dataset) -> str | None:
    """Returns what to do where most of the rows lost are dropped by the definition's own step."""
    dropped = lost.get(dropped_by(dataset), 0)
    return f"mend {step_name(dataset)}" if 2 * dropped > sum(lost.values()) else None


def history_rows(ingested: Tallies) -> int:
    """Returns how many rows served as events only."""
    return int(ingested.get("history", {}).get("rows", 0))


def check_ends(found: Tallies, *ends: str) -> None:
    """Checks that every record that was read, and every row made of one, came to one end.

    Args:
        found: what was counted.
        ends: the kinds of tallies that say what became of rows.

    Raises:
        RunFailed: one came to none, or to several.
    """
    given, came = (
        {kind: sum(found[kind].values()) for kind in kinds if kind in found}
        for kinds in (("records", "added"), ends)
    )
    if sum(given.values()) != sum(came.values()):
        raise RunFailed(
            f"the rows read and added are {given}, and what became of them {came}; this is a "
            "defect of Forebay or of the runner, and nothing was published"
        )


def check_written(ingested: Tallies, transformed: Tallies) -> None:
    """Checks that every row of every split became an example.

    Raises:
        RunFailed: one did not.
    """
    rows, written = ingested.get("rows", {}), transformed.get("written", {})
    if rows != written:
        raise RunFailed(
            f"the rows of the splits are {rows} and the examples written {written}; this is a "
            "defect of Forebay or of the runner, and no run was made"
        )
