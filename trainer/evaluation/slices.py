"""Metrics by the values of a column."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.evaluation.baselines import scores
from forebay.trainer.evaluation.id_labels import id_outputs
from forebay.trainer.evaluation.slicing import Slicing
from forebay.trainer.metrics.bootstrap import Resampling, intervals
from forebay.trainer.metrics.by_task import Predictions
from forebay.transforms.errors import InputError

# Below this, a metric says more of the few rows than of the model.
FEW_ROWS = 100


def check_columns(run: RunFolder, flag: str, names: Sequence[str]) -> None:
    """Refuses columns that the examples do not carry.

    Raises:
        InputError: one is not there; it names those that are.
    """
    ids = id_outputs(run)
    carried = run.definition.carried_columns
    for name in names:
        if name not in (*carried, *ids):
            raise InputError(
                f"{flag} {name!r}: the examples carry no such column; there are the columns "
                f"{', '.join(carried)}, and the ids {', '.join(ids) or 'of no feature'}; name one "
                f"of these, or make the run anew with passthrough=[{name!r}]"
            )


def measure_slices(
    predictions: Predictions, slicing: Slicing, resampling: Resampling | None
) -> list[dict[str, Any]]:
    """Measures each value's rows.

    Args:
        predictions: the predictions for all rows.
        slicing: how slices are made of the same rows.
        resampling: draws of the rows, for intervals; None: there are none.

    Returns:
        For each value ``value``, ``rows``, ``few_rows`` (below `FEW_ROWS`), ``metrics`` and,
        where asked for, ``intervals``.
    """
    found = []
    for i, word in enumerate(slicing.words):
        rows = np.flatnonzero(slicing.keys == i)
        part = predictions.take(rows)
        measured = {"value": word, "rows": len(rows), "few_rows": len(rows) < FEW_ROWS}
        measured["metrics"] = scores(part)
        if resampling is not None:
            drawn = resampling.take(rows)
            measured["intervals"] = intervals(part.scores, len(rows), drawn)
        found.append(measured)
    return found
