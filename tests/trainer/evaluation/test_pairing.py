"""Rows of two runs, told by what both carry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import GRADES, SPLIT_ROWS, write_manifest

from forebay.storage.run.run_folder import open_run
from forebay.trainer.evaluation.pairing import check_comparable, pair_rows
from forebay.trainer.evaluation.predictions import SplitPredictions
from forebay.transforms.definition.labels import Classification
from forebay.transforms.errors import InputError

NAMES = ("day", "line")


def make_rows(n: int = 500) -> SplitPredictions:
    random = np.random.default_rng(4)
    places = random.permutation(n)
    columns = {
        "day": (places % 25).astype(np.int64),
        "line": np.array([b"line %d" % (place // 25) for place in places], object),
    }
    return SplitPredictions(random.normal(0, 1, n), np.arange(n, dtype=float), columns)


def test_rows_are_found_in_any_order() -> None:
    mine = make_rows()
    other = mine.take(np.random.default_rng(5).permutation(500))
    paired = other.take(pair_rows(mine, other, NAMES))
    np.testing.assert_array_equal(paired.prediction, mine.prediction)


def test_a_row_that_only_one_run_has_is_refused() -> None:
    mine = make_rows()
    with pytest.raises(InputError, match=r"3 of 500 here are not there, 0 of 497 there"):
        pair_rows(mine, mine.take(slice(3, None)), NAMES)


def test_another_label_is_another_row() -> None:
    mine = make_rows()
    label = mine.label.copy()
    label[7] += 1
    with pytest.raises(InputError, match=r"1 of 500 here are not there, 1 of 500 there"):
        pair_rows(mine, SplitPredictions(label, mine.prediction, mine.columns), NAMES)


def test_rows_that_nothing_tells_apart_are_refused() -> None:
    mine = make_rows()
    twice = mine.take([*range(500), 3])
    with pytest.raises(InputError, match=r"some are alike \(told by day, line and the label\)"):
        pair_rows(twice, twice, NAMES)


def test_missing_numbers_are_equal() -> None:
    mine = make_rows(50)
    columns = {**mine.columns, "day": np.where(mine.columns["day"] == 3, np.nan, 1.0)}
    mine = SplitPredictions(mine.label, mine.prediction, columns)
    np.testing.assert_array_equal(pair_rows(mine, mine, NAMES), np.arange(50))


def test_runs_of_other_classes_are_not_compared(
    multiclass_run: Path, copy_of: Callable[[Path], Path]
) -> None:
    run, copy = open_run(str(multiclass_run)), copy_of(multiclass_run)
    check_comparable(run, run)
    definition = replace(run.definition, label=Classification("grade", GRADES[::-1]))
    write_manifest(copy, definition, {split: b - a for split, (a, b) in SPLIT_ROWS.items()})
    words = "classes early, usual, late here and late, usual, early there; name a run with the same"
    with pytest.raises(InputError, match=words):
        check_comparable(run, open_run(str(copy)))
