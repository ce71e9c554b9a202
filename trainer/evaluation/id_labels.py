"""What the ids of slices mean, in words for people."""

import re
from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.examples.inputs import CategoricalInput, inputs_of
from forebay.trainer.weights.id_names import MISSING_NAME, names_of_run
from forebay.transforms.definition.features import Bucketized, Calendar, Custom, Feature
from forebay.transforms.definition.features.calendar import CALENDAR_SIZES

MISSING_WORD, OTHER_WORD = MISSING_NAME, "(other)"

_OTHERS = re.compile(r"\(other \d+\)")
_CALENDAR: Mapping[str, tuple[str, ...]] = {
    "day_of_week": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "month": ("Jan", "Feb", "Mar", "Apr", "May", "Jun",
              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "quarter": ("Q1", "Q2", "Q3", "Q4"),
    "is_weekend": ("weekday", "weekend"),
    **{
        part: tuple(str(i + 1) for i in range(CALENDAR_SIZES[part]))
        for part in ("day_of_month", "day_of_year", "week_of_year")
    },
}  # fmt: skip


def id_outputs(run: RunFolder) -> dict[str, CategoricalInput]:
    """Returns the transformed outputs that are one id a row, by name."""
    inputs = inputs_of(run).categorical
    return {one.name: one for one in inputs if one.width == 1 and one.pooling is None}


def id_words(run: RunFolder, output: str) -> dict[int, str]:
    """Returns the word for every id of an output.

    Ids of a vocabulary or a list have its words; those for values outside it are ``(other)``.
    Calendar ids are days and months by name, given buckets their bounds. What has no word has its
    number. The last id of a declared feature is ``(missing)`` where a missing value has one.

    Args:
        run: the run.
        output: one of `id_outputs`.
    """
    column = id_outputs(run)[output]
    feature = next((f for f in run.definition.features if output in f.outputs), None)
    names = names_of_run(run, inputs_of(run)).of(column)
    if isinstance(feature, Custom):
        names[-1] = str(column.lowest + column.size - 1)
    known = _known(feature)
    names[: len(known)] = known
    return {
        column.lowest + i: OTHER_WORD if _OTHERS.fullmatch(name) else name
        for i, name in enumerate(names)
    }


def _known(feature: Feature | None) -> list[str]:
    """Returns the words of calendar ids and of given buckets; none of others."""
    if isinstance(feature, Calendar):
        return list(_CALENDAR.get(feature.part, ()))
    if isinstance(feature, Bucketized) and feature.boundaries:
        bounds = [-np.inf, *feature.boundaries, np.inf]
        return [between(low, high) for low, high in pairwise(bounds)]
    return []


def as_text(word: bytes) -> str:
    """Returns a text for people; the empty one shows as ``''``."""
    return word.decode("utf-8", "replace") or "''"


def between(low: float, high: float) -> str:
    """Returns the words for a number from one bound, to below another."""
    if low == -np.inf:
        return f"below {high:g}"
    return f"from {low:g}" if high == np.inf else f"{low:g} to {high:g}"
