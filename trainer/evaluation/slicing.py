"""A column's rows by its values, or by ranges of them where there are many."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.evaluation.id_labels import (
    MISSING_WORD,
    as_text,
    between,
    id_outputs,
    id_words,
)
from forebay.trainer.evaluation.predictions import CarriedColumn
from forebay.trainer.metrics.arrays import Bools, Floats, Ints
from forebay.transforms.definition import columns as kinds
from forebay.transforms.definition.columns import MISSING_BYTES, MISSING_INT

# More texts than this are shown as the most frequent ones and the rest, more days as months.
MOST_VALUES = 100
# More numbers than this are cut into tenths of the rows.
MOST_NUMBERS = 30
TENTHS = 10
REST_WORD = "(rest)"
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Slicing:
    """A column's rows by its values.

    Attributes:
        column: its name.
        words: the values, in the order to show.
        keys: int64 (n,), the place of each row's value among them.
    """

    column: str
    words: tuple[str, ...]
    keys: Ints


def slice_rows(run: RunFolder, name: str, values: CarriedColumn) -> Slicing:
    """Sorts rows by the values of a column.

    Ids and texts are values of their own, beyond `MOST_VALUES` texts all others are one; dates
    and instants are days, or months where there are too many; numbers of many values are cut into
    tenths of the rows.

    Args:
        run: the run.
        name: a column that `check_columns` let pass.
        values: the column, (n,), n from 1.
    """
    kind = run.definition.all_columns.get(name)
    if name in id_outputs(run):
        return _ids(name, values, id_words(run, name))
    if values.dtype == object:
        return _texts(name, values)
    missing = values == MISSING_INT if values.dtype == np.int64 else ~np.isfinite(values)
    if isinstance(kind, kinds.Boolean):
        return _ordered(name, values, missing, lambda value: "true" if value else "false")
    if isinstance(kind, kinds.Date | kinds.Timestamp):
        return _days(name, values // (1 if isinstance(kind, kinds.Date) else _DAY_US), missing)
    return _numbers(name, values, missing)


def _ids(name: str, values: Ints, words: Mapping[int, str]) -> Slicing:
    """Sorts rows by id; ids of one word, such as all those outside a vocabulary, are one."""
    places = {word: i for i, word in enumerate(dict.fromkeys(words.values()))}
    ids, rows = np.unique(values, return_inverse=True)
    by_id = np.array([places[words[int(i)]] for i in ids])
    found, keys = np.unique(by_id[rows], return_inverse=True)
    names = list(places)
    return Slicing(name, tuple(names[place] for place in found), keys)


def _ordered(
    name: str, values: CarriedColumn, missing: Bools, word: Callable[[Any], str]
) -> Slicing:
    """Sorts rows by values in rising order, missing ones last."""
    found, keys = np.unique(values[~missing], return_inverse=True)
    words = [word(value) for value in found]
    return _with_missing(name, words, keys, missing)


def _with_missing(name: str, words: list[str], keys: Ints, missing: Bools) -> Slicing:
    if not missing.any():
        return Slicing(name, tuple(words), keys)
    everywhere = np.full(len(missing), len(words), np.int64)
    everywhere[~missing] = keys
    return Slicing(name, (*words, MISSING_WORD), everywhere)


def _texts(name: str, values: CarriedColumn) -> Slicing:
    """Sorts rows by texts, the most frequent first."""
    missing: Bools = values == MISSING_BYTES
    found, keys, rows = np.unique(values[~missing], return_inverse=True, return_counts=True)
    order = np.argsort(-rows, kind="stable")
    words = [as_text(found[i]) for i in order[:MOST_VALUES]]
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    if len(found) > MOST_VALUES:
        words.append(REST_WORD)
    return _with_missing(name, words, np.minimum(place, MOST_VALUES)[keys], missing)


def _days(name: str, days: Ints, missing: Bools) -> Slicing:
    """Sorts rows by day, or by month where there are many days."""
    unit = "D" if len(np.unique(days[~missing])) <= MOST_VALUES else "M"
    calendar = days.astype("M8[D]").astype(f"M8[{unit}]")
    return _ordered(name, calendar, missing, str)


def _numbers(name: str, values: CarriedColumn, missing: Bools) -> Slicing:
    """Sorts rows by number, or by tenths of the rows where there are many numbers."""
    there: Floats = values[~missing].astype(np.float64)
    found = np.unique(there)
    if len(found) <= MOST_NUMBERS:
        return _ordered(name, values, missing, lambda value: f"{value:g}")
    tenths = np.quantile(there, np.linspace(0, 1, TENTHS + 1)[1:-1], method="lower")
    # A least number that many rows have, such as 0, is a slice by itself: none are below it.
    edges = np.unique(np.maximum(tenths, found[1]))
    bounds = [-np.inf, *edges, np.inf]
    words = [between(low, high) for low, high in pairwise(bounds)]
    return _with_missing(name, words, np.searchsorted(edges, there, "right"), missing)
