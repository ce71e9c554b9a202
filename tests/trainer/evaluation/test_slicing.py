"""Rows by the values of a column, in words, against plain dictionaries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forebay.storage.run.run_folder import RunFolder, open_run
from forebay.trainer.evaluation.id_labels import MISSING_WORD, id_outputs, id_words
from forebay.trainer.evaluation.slicing import MOST_VALUES, REST_WORD, Slicing, slice_rows
from forebay.transforms.definition.columns import MISSING_INT

DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def run(regression_run: Path) -> RunFolder:
    return open_run(str(regression_run))


def rows_by_word(slicing: Slicing) -> dict[str, list[int]]:
    return {
        word: np.flatnonzero(slicing.keys == i).tolist() for i, word in enumerate(slicing.words)
    }


def test_texts_come_by_frequency(run: RunFolder) -> None:
    column = np.array([b"a", b"b", b"\xff", b"b", b"", b"\xc3\xa9"], object)
    found = slice_rows(run, "trip_id", column)
    assert (found.words[0], found.words[-1]) == ("b", MISSING_WORD)
    assert rows_by_word(found) == {"b": [1, 3], "''": [4], "a": [0], "é": [5], MISSING_WORD: [2]}


def test_rare_texts_are_one(run: RunFolder) -> None:
    column = np.array([b"%03d" % (i % 150) for i in range(400)], object)
    slicing = slice_rows(run, "trip_id", column)
    assert len(slicing.words) == MOST_VALUES + 1
    assert slicing.words[-1] == REST_WORD
    # The first hundred are there three times each, the rest twice.
    assert len(rows_by_word(slicing)[REST_WORD]) == 2 * 50
    assert slicing.words[0] == "000"


def test_instants_are_days_and_many_days_are_months(run: RunFolder) -> None:
    few = np.array([0, DAY_US - 1, DAY_US, -1, MISSING_INT])
    assert rows_by_word(slice_rows(run, "left_at", few)) == {
        "1969-12-31": [3], "1970-01-01": [0, 1], "1970-01-02": [2], MISSING_WORD: [4],
    }  # fmt: skip
    many = np.arange(120) * DAY_US
    found = rows_by_word(slice_rows(run, "left_at", many))
    assert {word: len(rows) for word, rows in found.items()} == {
        "1970-01": 31, "1970-02": 28, "1970-03": 31, "1970-04": 30,
    }  # fmt: skip


def test_few_numbers_are_themselves_and_many_are_tenths(run: RunFolder) -> None:
    column = np.array([2.5, np.nan, -1.0, 2.5], np.float32)
    assert rows_by_word(slice_rows(run, "guess", column)) == {
        "-1": [2], "2.5": [0, 3], MISSING_WORD: [1],
    }  # fmt: skip
    column = np.random.default_rng(0).permutation(1_000).astype(np.float32)
    found = slice_rows(run, "guess", column)
    assert len(found.words) == 10
    assert found.words[0].startswith("below ")
    assert found.words[-1].startswith("from ")
    for i, word in enumerate(found.words[1:-1], start=1):
        low, high = map(float, word.split(" to "))
        np.testing.assert_array_equal(found.keys == i, (column >= low) & (column < high))
    assert np.abs(np.bincount(found.keys) - 100).max() <= 1


@pytest.mark.parametrize(("zeros", "slices"), [(101, 10), (300, 8), (950, 2)])
def test_a_least_number_of_many_rows_is_a_slice_by_itself(
    run: RunFolder, zeros: int, slices: int
) -> None:
    column = np.maximum(np.arange(1_000) - zeros + 1, 0).astype(np.float32)
    found = slice_rows(run, "guess", column)
    assert found.words[0] == "below 1"
    np.testing.assert_array_equal(found.keys == 0, column == 0)
    rows = np.bincount(found.keys, minlength=len(found.words))
    assert rows.min() > 0
    assert len(found.words) == slices


def test_ids_have_the_words_of_their_features(run: RunFolder) -> None:
    assert id_outputs(run).keys() >= {
        "line_id", "express_id", "distance_bucket", "left_at_hour_of_day", "day_day_of_week",
        "line_hour", "line_bucket",
    }  # fmt: skip
    vocabulary = [word.decode() for word in run.transform_output.vocabulary_by_name("line_id")]
    words = id_words(run, "line_id")
    assert [words[i] for i in range(len(vocabulary))] == vocabulary
    assert "étoile" in vocabulary
    assert [words[i] for i in range(5, len(words))] == ["(other)", "(other)", MISSING_WORD]
    assert id_words(run, "day_day_of_week")[6] == "Sun"
    assert id_words(run, "left_at_hour_of_day")[23] == "23"
    assert id_words(run, "distance_bucket") == {
        0: "0", 1: "1", 2: "2", 3: "3", 4: "4", 5: MISSING_WORD,
    }  # fmt: skip


def test_ids_outside_the_vocabulary_are_one_slice(run: RunFolder) -> None:
    found = rows_by_word(slice_rows(run, "line_id", np.array([0, 5, 6, 0])))
    assert found["(other)"] == [1, 2]
