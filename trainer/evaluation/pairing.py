"""Which row of one run is which of another: by what both carry untouched."""

from collections.abc import Sequence

import numpy as np

from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.evaluation.predictions import CarriedColumn, SplitPredictions
from forebay.trainer.metrics.arrays import Ints
from forebay.transforms.errors import InputError


def check_comparable(run: RunFolder, other: RunFolder) -> None:
    """Refuses runs whose rows cannot be told to be the same.

    Raises:
        InputError: their labels differ, or their classes or passthrough columns, or there are none.
    """
    mine, theirs = run.definition, other.definition
    pair = f"{run.path} and {other.path} cannot be compared"
    if (mine.label.task, mine.label.column) != (theirs.label.task, theirs.label.column):
        raise InputError(
            f"{pair}: one predicts {mine.label.column!r} ({mine.label.task}), the other "
            f"{theirs.label.column!r} ({theirs.label.task}); name a run with the same label"
        )
    classes, others = (getattr(one.label, "classes", ()) for one in (mine, theirs))
    if classes != others:
        raise InputError(
            f"{pair}: {mine.label.column!r} has the classes {_names(classes)} here and "
            f"{_names(others)} there; name a run with the same classes in the same order"
        )
    if not mine.passthrough or set(mine.passthrough) != set(theirs.passthrough):
        raise InputError(
            f"{pair}: the rows are told by their passthrough columns, which are "
            f"{_names(mine.passthrough)} here and {_names(theirs.passthrough)} there; give both "
            "definitions the same, such as a row's keys"
        )


def _names(names: Sequence[str | int]) -> str:
    return ", ".join(map(str, names)) or "none"


def pair_rows(mine: SplitPredictions, other: SplitPredictions, names: Sequence[str]) -> Ints:
    """Finds the other's rows in the order of mine.

    Args:
        mine: rows of the split, predicted by one model.
        other: the same rows of another run, in another order.
        names: the columns that, with the label, tell a row.

    Returns:
        int64 (n,): places p such that ``other.take(p)`` has the rows of mine.

    Raises:
        InputError: the rows are not the same, or not all different.
    """
    n = len(mine.label)
    keys = np.zeros(n + len(other.label), np.int64)
    for one, two in [
        (mine.label, other.label),
        *((mine.columns[name], other.columns[name]) for name in names),
    ]:
        keys = _with_column(keys, np.concatenate([one, two]))
    here, there = keys[:n], keys[n:]
    told = f"told by {', '.join(names)} and the label"
    strangers = int(np.isin(here, there, invert=True).sum())
    missing = int(np.isin(there, here, invert=True).sum())
    if strangers or missing:
        raise InputError(
            f"the two runs have different rows: {strangers:,} of {n:,} here are not there, "
            f"{missing:,} of {len(there):,} there are not here ({told}); compare runs of the same "
            "input and split"
        )
    if len(np.unique(here)) < n or len(there) != n:
        raise InputError(
            f"the two runs' rows cannot be paired: some are alike ({told}); add passthrough "
            "columns that tell them apart"
        )
    place = np.empty(int(keys.max()) + 1, np.int64)
    place[there] = np.arange(n)
    return place[here]


def _with_column(keys: Ints, column: CarriedColumn) -> Ints:
    """Returns whole numbers from 0 that are equal where the keys and the column's values are."""
    _, codes = np.unique(column, return_inverse=True)
    both = keys * (int(codes.max()) + 1) + codes
    _, keys = np.unique(both, return_inverse=True)
    return keys
