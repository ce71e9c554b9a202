"""The scores of single columns, against scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from forebay.commands.check.checks.scores import category_scores, missing_score, number_scores

CHANCE = np.random.default_rng(1)
N = 500


def without_few(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All but the five rows that count most in a correlation."""
    order = sorted(range(len(x)), key=lambda i: abs((x[i] - np.median(x)) * (y[i] - np.median(y))))
    return x[order[:-5]], y[order[:-5]]


@pytest.mark.parametrize("scale", [1.0, 1e300, 1e-300])
def test_correlations_are_scipys_whatever_the_sign_the_ties_and_the_gaps(scale: float) -> None:
    x = np.round(CHANCE.normal(size=N), 1)
    y = -2 * x + CHANCE.normal(size=N)
    holed = np.where(np.arange(N) % 7 == 0, np.nan, x)
    here = np.isfinite(holed)
    scores = {score.name: score for score in number_scores(scale * holed, y, is_binary=False)}
    pearson, _ = stats.pearsonr(*without_few(x[here], y[here]))
    ranked = without_few(stats.rankdata(x[here]), stats.rankdata(y[here]))
    assert scores["|Pearson|"].value == pytest.approx(-pearson)
    assert scores["|Spearman|"].value == pytest.approx(-stats.pearsonr(*ranked)[0])
    assert {score.rows for score in scores.values()} == {here.sum()}


def test_a_few_rows_of_huge_numbers_are_no_correlation() -> None:
    x, y = CHANCE.normal(size=N), CHANCE.normal(size=N)
    x[:3], y[:3] = 1e9, 1e9
    assert abs(stats.pearsonr(x, y)[0]) > 0.999
    assert all(score.value < 0.2 for score in number_scores(x, y, is_binary=False))


def test_a_class_of_a_few_rows_tells_nothing() -> None:
    x = np.arange(N, dtype=float)
    for positives, scores in ((4, 0), (5, 1), (N - 5, 1), (N - 4, 0)):
        found = list(number_scores(x, (x < positives).astype(float), is_binary=True))
        assert len(found) == scores


def test_the_area_under_the_curve_is_sklearns_in_either_direction() -> None:
    y = CHANCE.integers(0, 2, N).astype(float)
    x = np.round(y + CHANCE.normal(size=N))
    for values in (x, -x):
        (score,) = number_scores(values, y, is_binary=True)
        assert score.value == pytest.approx(roc_auc_score(y, x))


def test_constants_have_no_score() -> None:
    y = CHANCE.normal(size=N)
    assert list(number_scores(np.ones(N), y, is_binary=False)) == []
    assert list(number_scores(y, np.ones(N), is_binary=False)) == []
    assert list(category_scores(np.zeros(N, np.int64), np.ones(N), is_binary=False)) == []


@pytest.mark.parametrize("odd", [0, 1, 2, 30])
def test_a_category_that_is_nearly_always_the_same_tells_nothing(odd: int) -> None:
    codes = (np.arange(N) >= N - odd).astype(np.int64)
    y = CHANCE.normal(size=N)
    assert all(score.value < 0.3 for score in category_scores(codes, y, is_binary=False))
    chosen = CHANCE.permutation(N) < N // 3
    assert all(score.value < 0.7 for score in category_scores(codes, 1.0 * chosen, is_binary=True))


@pytest.mark.parametrize("size", [2, 4, 10])
def test_categories_of_as_many_yes_as_no_tell_nothing(size: int) -> None:
    codes = np.arange(N) // size
    y = (np.arange(N) % 2).astype(float)
    (score,) = category_scores(codes, y, is_binary=True)
    assert score.value < 0.5
    (score,) = category_scores(codes, y, is_binary=False)
    assert score.value == 0


def test_categories_are_scored_by_their_other_rows() -> None:
    codes = CHANCE.integers(0, 20, N)
    telling = codes.astype(float)
    (score,) = category_scores(codes, telling, is_binary=False)
    assert score.value == pytest.approx(1)
    (score,) = category_scores(codes, CHANCE.normal(size=N), is_binary=False)
    assert score.value < 0.5


def test_categories_of_one_row_tell_nothing() -> None:
    y = CHANCE.normal(size=N)
    assert list(category_scores(np.arange(N), y, is_binary=False)) == []
    codes = np.where(np.arange(N) < 100, np.arange(N) % 50, -1)
    (score,) = category_scores(codes, y, is_binary=False)
    assert score.rows == 100


def test_being_missing_is_scored_for_two_classes() -> None:
    y = (np.arange(N) % 3 == 0).astype(float)
    (score,) = missing_score(y > 0.5, y, is_binary=True)
    assert score.value == 1
    assert list(missing_score(np.zeros(N, bool), y, is_binary=True)) == []
    assert list(missing_score(y > 0.5, y, is_binary=False)) == []
