"""The rules of distinct counts, quantiles and most frequent values, one worked example each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from forebay.transforms.windows.kernels.encoding import to_ranks
from forebay.transforms.windows.kernels.matching import Match, match
from forebay.transforms.windows.kernels.values import Events, Requests
from forebay.transforms.windows.multisets.changes import follow
from forebay.transforms.windows.multisets.multisets import Question, answer
from forebay.transforms.windows.multisets.parts import Multisets, collect, empty, merge, read

FLOAT64 = np.dtype(np.float64)


def everything(n: int) -> Match:
    """n events of one key, all of them seen by one request."""
    return make_match(np.zeros(n, np.int64), np.zeros(n, np.int64), np.array([0]), 1, (None, 0))


def make_match(
    keys: np.ndarray, times: np.ndarray, asking: np.ndarray, at: np.ndarray | int, window: tuple
) -> Match:
    """Events of rows of their own, requests of some keys at one time."""
    rows = np.arange(keys.size)
    events = Events(keys, times, np.ones(keys.size, np.bool_), rows)
    requests = Requests(asking, np.full(asking.size, at), None)
    return match(events, requests, [window])


def ask(
    question: Question, values: Sequence[float] | np.ndarray, which: Sequence[float] = (1,)
) -> list[float | None]:
    """The answers of one window of some values; None for missing."""
    items = to_ranks(np.array(values, question.dtype))
    matched = everything(items.size)
    data, valid = answer(question, items, np.ones(items.size, np.bool_), matched, [0], which)
    return [x if there else None for x, there in zip(data[:, 0, 0], valid[:, 0, 0], strict=True)]


def gather(question: Question, windows: Sequence[Sequence[float]]) -> Multisets:
    """One multiset for each list of values."""
    values = [value for window in windows for value in window]
    keys = np.repeat(np.arange(len(windows)), [len(window) for window in windows])
    items = to_ranks(np.array(values, question.dtype))
    nought = np.zeros(items.size, np.int64)
    matched = make_match(keys, nought, np.arange(len(windows)), 1, (None, 0))
    (found,) = collect(question, items[matched.events], np.ones(items.size, np.bool_), matched, [0])
    return found


def test_distinct_counts_what_is_different() -> None:
    assert ask(Question("distinct"), [7, 7, -2, 7, 0, -2]) == [3.0]


def test_distinct_of_nothing_is_zero() -> None:
    assert ask(Question("distinct"), []) == [0.0]


def test_distinct_is_exact_at_the_limit_and_estimated_beyond() -> None:
    hashes = [2**60, 2**61, 2**62, -1]  # the last is the largest: they have no sign
    assert ask(Question("distinct", 4), hashes) == [4.0]
    assert ask(Question("distinct", 3), hashes) == [2 / (2**62 / 2**64)]


@pytest.mark.parametrize("size", [1_100, 20_000])
def test_distinct_is_estimated_within_its_standard_error(size: int) -> None:
    limit, sets = 1024, 40
    rng = np.random.default_rng(size)
    errors = []
    for _ in range(sets):
        hashes = rng.integers(-(2**63), 2**63, size, endpoint=False)
        (estimate,) = ask(Question("distinct", limit), np.tile(hashes, 2))
        errors.append(estimate / size - 1)
    standard_error = 1 / np.sqrt(limit - 2)
    assert max(map(abs, errors)) < 4 * standard_error
    assert abs(np.mean(errors)) < 4 * standard_error / np.sqrt(sets)


def test_quantiles_interpolate_between_neighbours() -> None:
    values = [40.0, 10.0, 30.0, 20.0]
    question = Question("quantile", dtype=FLOAT64)
    assert ask(question, values, (0, 0.5, 0.25, 1)) == [10.0, 25.0, 17.5, 40.0]


def test_quantiles_count_equal_values_as_often_as_they_occur() -> None:
    assert ask(Question("quantile"), [1, 1, 1, 1, 9], (0.5, 0.75, 0.875)) == [1.0, 1.0, 5.0]


def test_quantile_of_nothing_is_missing() -> None:
    assert ask(Question("quantile"), [], (0.5,)) == [None]


def test_quantiles_between_extremes_do_not_overflow() -> None:
    largest = np.finfo(np.float64).max
    question = Question("quantile", dtype=FLOAT64)
    assert ask(question, [-largest, largest], (0.5, 0.75)) == [0.0, pytest.approx(largest / 2)]
    assert ask(question, [largest, largest], (0.3,)) == [largest]
    assert ask(Question("quantile"), [-(2**63), 2**63 - 1], (0.5, 1)) == [0.0, 2.0**63]


@pytest.mark.parametrize("accuracy", [0.01, 0.2])
@pytest.mark.parametrize("scale", [1.0, -1e-12, 1e200])
def test_rough_quantiles_are_within_the_accuracy(accuracy: float, scale: float) -> None:
    rng = np.random.default_rng(3)
    values = scale * np.exp(rng.normal(0, 3, 5_000)) * rng.choice([1, 1, 1, -1], 5_000)
    qs = np.linspace(0, 1, 101)
    got = np.array(ask(Question("quantile", 100, accuracy, FLOAT64), values, qs))
    exact = np.quantile(values, qs, method="lower")
    assert np.all(np.abs(got - exact) <= accuracy * np.abs(exact))
    assert np.any(got != exact)
    assert np.all(np.diff(got) >= 0)


def test_most_frequent_breaks_ties_by_the_smaller_value() -> None:
    values = [5, 5, -1, 3, 3, 9]
    assert ask(Question("most_frequent"), values, (1, 2, 3, 4, 5)) == [3, 5, -1, 9, None]


def test_most_frequent_of_too_many_values_is_missing() -> None:
    assert ask(Question("most_frequent", 3), [1, 2, 3, 3]) == [3]
    assert ask(Question("most_frequent", 3), [1, 2, 3, 3, 4]) == [None]


def test_most_frequent_is_exact_again_once_old_values_have_left() -> None:
    times = np.arange(8)
    matched = make_match(
        np.zeros(8, np.int64), times, np.zeros(2, np.int64), np.array([6, 8]), (6, 0)
    )
    items = np.array([1, 2, 3, 4, 5, 4, 5, 4])
    data, valid = answer(
        Question("most_frequent", 4), items, np.ones(8, np.bool_), matched, [0], (1, 2)
    )
    assert valid[:, 0].tolist() == [[False, True], [False, True]]
    assert data[:, 0, 1].tolist() == [4, 5]


def test_a_version_enters_when_available_and_leaves_when_retired() -> None:
    """Positions 0 to 3; the last is retired before it becomes available, and so never seen."""
    asked = np.arange(10, 70, 10)
    known, retired = np.array([5, 15, 25, 50]), np.array([35, 25, 99, 45])
    changes, ends = follow(
        codes=np.arange(4),
        groups=np.array([[0, 4, 0, 6]]),
        starts=np.zeros(6, np.int64),
        stops=np.full(6, 4),
        own=np.array([-1, -1, -1, -1, 2, -1]),
        following=np.full(4, -1),
        asked=asked,
        arriving=np.arange(4),
        arrivals=known,
        retiring=np.argsort(retired),
        retirements=np.sort(retired),
    )
    steps = np.split(changes, ends)
    assert [step.tolist() for step in steps] == [[0], [1], [2, ~1], [~0], [~2], [2], []]


def test_a_collapsed_multiset_keeps_no_more_than_the_answer_needs() -> None:
    values = np.exp(np.linspace(0, 1, 5_000))
    distinct = gather(Question("distinct", 50), [values.view(np.int64)])
    quantile = gather(Question("quantile", 50, 0.01, FLOAT64), [values])
    frequent = gather(Question("most_frequent", 50, dtype=FLOAT64), [values])
    assert [ms.collapsed.tolist() for ms in (distinct, quantile, frequent)] == [[True]] * 3
    assert distinct.items.size == 50
    assert 50 <= quantile.items.size <= 53  # e is that many ratios of (1 + 0.01) / (1 - 0.01)
    assert quantile.counts.sum() == 5_000
    assert frequent.items.size == 0


def test_rows_collapse_apart_from_each_other() -> None:
    windows = [[1.0, 2.0, 3.0, 4.0], [], [7.0, 7.0], [5.0, 6.0, 8.0, 9.0, 9.5], [0.0]]
    question = Question("quantile", 3, 0.01, FLOAT64)
    found = gather(question, windows)
    assert found.collapsed.tolist() == [True, False, False, True, False]
    alone = [ask(question, window, (0.5,))[0] for window in windows]
    data, valid = read(found, (0.5,))
    assert [x if there else None for x, there in zip(data[0], valid[0], strict=True)] == alone


def test_rows_are_taken_in_any_order_and_missing_ones_are_empty() -> None:
    found = gather(Question("most_frequent", 3), [[4, 4, 1], [1, 2, 3, 4], [9]])
    taken = found.take(np.array([2, -1, 1, 0, 0]))
    data, valid = read(taken)
    assert valid[0].tolist() == [True, False, False, True, True]
    assert data[0].tolist() == [9, 0, 0, 4, 4]
    assert taken.collapsed.tolist() == [False, False, True, False, False]
    assert found.take(np.empty(0, np.int64)).offsets.tolist() == [0]


def test_taking_from_no_rows_gives_empty_ones() -> None:
    assert empty(Question("distinct"), 0).take(np.array([-1, -1])).collapsed.tolist() == [False] * 2


def test_merging_with_an_empty_one_changes_nothing() -> None:
    question = Question("quantile", 3, 0.01, FLOAT64)
    found = gather(question, [[1.0, 2.0, 3.0, 4.0], [5.0, 5.0]])
    merged = merge(empty(question, 2), found)
    for name, array in found.to_arrays().items():
        np.testing.assert_array_equal(merged.to_arrays()[name], array)


def test_arrays_are_multisets_again() -> None:
    question = Question("distinct", 3)
    found = gather(question, [[1, 2, 2], [1, 2, 3, 4]])
    again = Multisets.from_arrays(question, found.to_arrays())
    assert read(again)[0].tobytes() == read(found)[0].tobytes()


def test_what_does_not_belong_together_is_not_merged() -> None:
    one = empty(Question("distinct", 10), 2)
    with pytest.raises(ValueError, match="merge like with like"):
        merge(one, empty(Question("distinct", 11), 2))
    with pytest.raises(ValueError, match="2 rows do not go with those of"):
        merge(one, empty(Question("distinct", 10), 3))


def test_limit_and_accuracy_are_checked() -> None:
    with pytest.raises(ValueError, match="limit 2: give 3 or more"):
        Question("distinct", 2)
    with pytest.raises(ValueError, match=r"accuracy 1\.0: give 1e-06 or more, and less than 1"):
        Question("quantile", accuracy=1.0)
