"""The scores of single columns, against scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from forebay.check.checks.scores import category_scores, missing_score, number_scores

CHANCE = np.random.default_rng(1)
N = 500


def test_correlations_are_scipys_whatever_the_sign_the_ties_and_the_gaps() -> None:
    x = np.round(CHANCE.normal(size=N), 1)
    y = -2 * x + CHANCE.normal(size=N)
    holed = np.where(np.arange(N) % 7 == 0, np.nan, x)
    here = np.isfinite(holed)
    scores = {score.name: score for score in number_scores(holed, y, is_binary=False)}
    assert scores["|Pearson|"].value == pytest.approx(-stats.pearsonr(x[here], y[here])[0])
    assert scores["|Spearman|"].value == pytest.approx(-stats.spearmanr(x[here], y[here])[0])
    assert {score.rows for score in scores.values()} == {here.sum()}


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
