"""The rules of windowed aggregates, one hand-worked example each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from forebay.transforms.windows.compute import aggregate
from forebay.transforms.windows.kernels import ordering
from forebay.transforms.windows.kernels.values import Events, Requests, Values
from forebay.transforms.windows.operations import Aggregate

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
Number = float | None


def column(numbers: Sequence[Number], dtype: type = np.float64) -> Values:
    return Values(
        np.array([0 if number is None else number for number in numbers], dtype),
        np.array([number is not None for number in numbers], np.bool_),
    )


def events(
    times: Sequence[int | None],
    x: Sequence[Number] | None = None,
    *,
    dtype: type = np.float64,
    keys: Sequence[int] | None = None,
    rows: Sequence[int] | None = None,
    available_at: Sequence[int | None] | None = None,
) -> Events:
    """Events of key 0 and rows 100, 101, ... unless told otherwise."""
    n = len(times)
    time = column(times, np.int64)
    return Events(
        key=np.array([0] * n if keys is None else keys, np.int64),
        time=time.data,
        time_valid=time.valid,
        row=np.array(range(100, 100 + n) if rows is None else rows, np.int64),
        values={} if x is None else {"x": column(x, dtype)},
        available_at=None if available_at is None else column(available_at, np.int64),
    )


def at(
    *times: int, keys: Sequence[int] | None = None, rows: Sequence[int] | None = None
) -> Requests:
    """Requests of key 0 and rows 0, 1, ... unless told otherwise."""
    n = len(times)
    return Requests(
        key=np.array([0] * n if keys is None else keys, np.int64),
        time=np.array(times, np.int64),
        row=np.array(range(n) if rows is None else rows, np.int64),
    )


def listed(values: Values) -> list[Number]:
    return [
        number if there else None
        for number, there in zip(values.data.tolist(), values.valid.tolist(), strict=True)
    ]


def one(events_: Events, requests: Requests, wanted: Aggregate) -> list[Number]:
    (result,) = aggregate(events_, requests, [wanted])
    return listed(result)


def test_every_operation_on_one_window() -> None:
    table = events([1, 2, 3, 4], [5.0, 1.0, 3.0, 7.0])
    ops = ("count", "sum", "mean", "min", "max", "first", "last", "var", "std")
    results = aggregate(table, at(5), [Aggregate(op, "x", 10) for op in ops])
    *simple, variance, deviation = [listed(result)[0] for result in results]
    assert simple == [4, 16.0, 4.0, 1.0, 7.0, 5.0, 7.0]
    assert variance == pytest.approx((1 + 9 + 1 + 9) / 3, rel=1e-15)
    assert deviation == pytest.approx((20 / 3) ** 0.5, rel=1e-15)


def test_a_window_holds_its_first_instant_and_not_its_last() -> None:
    # Asked at 10 over 4: [6, 10).
    assert one(events([5, 6, 9, 10, 11]), at(10), Aggregate("count", None, 4)) == [2]


def test_an_unbounded_window_holds_everything_before() -> None:
    table = events([INT64_MIN, 5, 9, 10])
    assert one(table, at(10, INT64_MIN), Aggregate("count", None, None)) == [3, 0]


def test_a_lag_moves_both_ends() -> None:
    # Asked at 10 over 4 with lag 3: [3, 7).
    assert one(events([2, 3, 6, 7, 9]), at(10), Aggregate("count", None, 4, lag_us=3)) == [2]


def test_windows_beyond_the_range_of_times_do_not_wrap() -> None:
    table = events([INT64_MIN, 0, INT64_MAX])
    requests = at(INT64_MIN, -2, 1, INT64_MAX)
    assert one(table, requests, Aggregate("count", None, INT64_MAX)) == [0, 1, 1, 1]
    assert one(table, requests, Aggregate("count", None, 5, lag_us=INT64_MAX)) == [0, 0, 1, 0]


def test_keys_are_apart_and_null_keys_see_and_show_nothing() -> None:
    table = events([1, 1, 1, 1], keys=[0, 1, 1, -1])
    assert one(table, at(5, 5, 5, 5, keys=[0, 1, 2, -1]), Aggregate("count", None, None)) == [
        1, 2, 0, 0,
    ]  # fmt: skip


def test_events_without_a_time_are_never_seen() -> None:
    assert one(events([None, 0, 1]), at(5), Aggregate("count", None, None)) == [2]


def test_a_row_never_sees_its_own_event() -> None:
    # Row 7 left at 3 although it is asked for at 5; row 8, asked for at 5, may see that.
    table = events([3, 4], [10.0, 20.0], rows=[7, 9])
    assert one(table, at(5, 5, rows=[7, 8]), Aggregate("sum", "x", 10)) == [20.0, 30.0]


def test_rows_with_several_events_see_none_of_them() -> None:
    table = events([1, 2, 3, 4], [1.0, 2.0, 4.0, 8.0], rows=[7, 9, 7, 7])
    assert one(table, at(5, rows=[7]), Aggregate("max", "x", 10)) == [2.0]


def test_events_are_seen_only_once_available() -> None:
    # All happened at 1; known before, at and after 5, and never.
    table = events([1, 1, 1, 1], [1.0, 2.0, 4.0, 8.0], available_at=[4, 5, 6, None])
    assert one(table, at(5, 6, 7), Aggregate("sum", "x", 10)) == [1.0, 3.0, 7.0]


def test_availability_is_compared_with_the_time_asked_for_without_the_lag() -> None:
    table = events([1], [1.0], available_at=[8])
    assert one(table, at(8, 9), Aggregate("sum", "x", None, lag_us=5)) == [None, 1.0]


def test_what_is_known_before_it_happens_is_seen_once_it_has() -> None:
    table = events([5], [1.0], available_at=[1])
    assert one(table, at(3, 5, 6), Aggregate("sum", "x", None)) == [None, None, 1.0]


def test_nulls_and_non_finite_numbers_are_no_values() -> None:
    table = events([1, 1, 1, 1, 1], [None, np.nan, np.inf, -np.inf, 2.0])
    results = aggregate(
        table,
        at(5),
        [Aggregate("count", None, 9), Aggregate("count", "x", 9), Aggregate("mean", "x", 9)],
    )
    assert [listed(result) for result in results] == [[5], [1], [2.0]]


@pytest.mark.parametrize("op", ["sum", "mean", "min", "max", "var", "std", "first", "last"])
def test_an_empty_window_gives_the_default_or_nothing(op: str) -> None:
    table = events([100], [1.0])
    assert one(table, at(5), Aggregate(op, "x", 9)) == [None]
    assert one(table, at(5), Aggregate(op, "x", 9, default=-2.5)) == [-2.5]


def test_an_empty_window_counts_zero() -> None:
    assert one(events([], []), at(5), Aggregate("count", "x", 9, min_count=3)) == [0]


def test_a_thin_window_is_missing_whatever_the_default() -> None:
    table = events([10, 20, 21], [1.0, 2.0, 4.0])
    requests = at(5, 11, 22)  # 0, 1 and 2 values
    assert one(table, requests, Aggregate("sum", "x", 5, default=0.5, min_count=2)) == [
        0.5, None, 6.0,
    ]  # fmt: skip
    assert one(table, requests, Aggregate("count", "x", 5, min_count=2)) == [0, None, 2]


def test_one_value_has_no_variance() -> None:
    assert one(events([1], [4.0]), at(5), Aggregate("var", "x", 9, default=0.0)) == [None]


def test_equal_values_have_variance_zero_exactly() -> None:
    table = events(list(range(50)), [1e9 + 0.1] * 50)
    assert one(table, at(50), Aggregate("std", "x", None)) == [0.0]


def test_variance_survives_a_large_offset() -> None:
    table = events([1, 2, 3], [1e15, 1e15 + 1, 1e15 + 2])
    assert one(table, at(5), Aggregate("var", "x", 9)) == [1.0]


def test_sums_survive_cancellation() -> None:
    table = events([1, 2, 3], [1e16, 1.0, -1e16])
    assert one(table, at(5), Aggregate("sum", "x", 9)) == [1.0]


def test_one_huge_value_spoils_only_the_windows_that_hold_it() -> None:
    table = events([1, 2, 3], [1e300, 0.1, 0.2])
    assert one(table, at(4), Aggregate("sum", "x", 2)) == [pytest.approx(0.3, rel=1e-15)]


def test_extreme_magnitudes_neither_overflow_nor_vanish() -> None:
    large = events([1, 2, 3], [1.7e308, 1.7e308, -1.7e308])
    assert one(large, at(5), Aggregate("sum", "x", 9)) == [pytest.approx(1.7e308, rel=1e-15)]
    assert one(large, at(3), Aggregate("sum", "x", 9)) == [None]  # 3.4e308 is not a float64
    assert one(large, at(3), Aggregate("mean", "x", 9)) == [pytest.approx(1.7e308, rel=1e-15)]
    wide = events([1, 2], [1e152, 3e152])
    assert one(wide, at(5), Aggregate("var", "x", 9)) == [pytest.approx(2e304)]
    small = events([1, 2], [1e-200, 3e-200])
    assert one(small, at(5), Aggregate("std", "x", 9)) == [pytest.approx(2**0.5 * 1e-200)]


def test_integers_stay_integers() -> None:
    big = 2**53 + 1
    table = events([1, 2, 3], [big, 2, -5], dtype=np.int64)
    wanted = [Aggregate(op, "x", 9) for op in ("sum", "min", "max", "first", "last")]
    results = aggregate(table, at(5), wanted)
    assert [listed(result) for result in results] == [[big - 3], [-5], [big], [big], [-5]]
    assert [result.data.dtype for result in results] == [np.float64] + [np.int64] * 4


def test_sums_of_integers_are_the_float_nearest_to_the_exact_one() -> None:
    table = events([1, 2, 3], [INT64_MAX, INT64_MAX, INT64_MIN], dtype=np.int64)
    sums = [float(INT64_MAX), float(2 * INT64_MAX), float(INT64_MAX - 1)]
    assert one(table, at(2, 3, 4), Aggregate("sum", "x", None)) == sums


def test_a_rate_is_of_the_exact_difference() -> None:
    wanted = Aggregate("rate", "x", None, per_us=5)
    large = events([1, 2], [10**18, 10**18 + 3], dtype=np.int64)
    assert one(large, at(5), wanted) == [15.0]
    whole = events([1, 2], [INT64_MAX, INT64_MIN], dtype=np.int64)
    assert one(whole, at(5), wanted) == [5.0 * -(2**64)]
    tiny = events([1, 6], [5e-324, 15e-324])
    assert one(tiny, at(9), wanted) == [1e-323]
    huge = events([1, 21], [-1.7e308, 1.7e308])
    assert one(huge, at(30), wanted) == [pytest.approx(0.85e308, rel=1e-15)]


def test_a_later_event_of_any_size_changes_no_earlier_row() -> None:
    wanted = [Aggregate(op, "x", None) for op in ("std", "skew")]
    before, after = (
        [listed(found) for found in aggregate(events([0, 1, 2, 30], xs), at(5), wanted)]
        for xs in ([1.0, 2.0, 4.0, None], [1.0, 2.0, 4.0, 1.7976931348623157e308])
    )
    assert before == after
    assert before == [[pytest.approx(1.5275252316519468)], [pytest.approx(0.93521952958282)]]


def test_small_values_beside_another_keys_large_ones_have_a_deviation() -> None:
    table = events([1, 2, 1], [1e-170, 3e-170, 1.0], keys=[0, 0, 1])
    assert one(table, at(5), Aggregate("std", "x", None)) == [pytest.approx(2**0.5 * 1e-170)]


def test_a_default_that_is_no_integer_makes_integers_floats() -> None:
    table = events([1], [3], dtype=np.int64)
    assert one(table, at(5, 0), Aggregate("max", "x", 9, default=0.5)) == [3.0, 0.5]
    assert one(table, at(5, 0), Aggregate("max", "x", 9, default=2.0)) == [3, 2]


def test_ties_of_first_and_last_break_by_availability_then_value() -> None:
    table = events([1, 1, 1, 1], [3.0, 9.0, 1.0, 5.0], available_at=[2, 0, 2, 1])
    wanted = [Aggregate("first", "x", 9), Aggregate("last", "x", 9)]
    assert [listed(result) for result in aggregate(table, at(5), wanted)] == [[9.0], [3.0]]
    without = events([1, 1, 1], [3.0, 9.0, 1.0])
    assert [listed(result) for result in aggregate(without, at(5), wanted)] == [[1.0], [9.0]]


def test_the_last_value_passes_over_nulls() -> None:
    assert one(events([1, 2], [3.0, None]), at(5), Aggregate("last", "x", 9)) == [3.0]


def test_results_come_in_the_order_asked_for() -> None:
    table = events([1, 2, 3])
    assert one(table, at(9, 2, 3), Aggregate("count", None, None)) == [3, 1, 2]
    assert aggregate(table, at(5), []) == []


def test_arrays_given_are_left_alone_and_may_be_read_only() -> None:
    table, requests = events([3, 1, 2], [1.0, np.nan, -0.0]), at(9, 2)
    before = table.values["x"].data.copy()
    for array in (table.key, table.time, table.row, table.values["x"].data, requests.time):
        array.setflags(write=False)
    aggregate(table, requests, [Aggregate("min", "x", 9), Aggregate("var", "x", 9)])
    np.testing.assert_array_equal(table.values["x"].data, before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("median", "x", 9), "op 'median': choose one of count, sum"),
        (("sum", None, 9), "sum of no column: name one"),
        (("sum", "x", 0), "window_us 0: give 1 to"),
        (("sum", "x", 2**63), "None for unbounded"),
        (("sum", "x", 9, -1), "lag_us -1: give 0 to"),
        (("sum", "x", 9, 0, float("nan")), "default nan: give a finite number"),
        (("count", "x", 9, 0, 1.0), "default 1.0: an empty window's count is 0"),
        (("sum", "x", 9, 0, None, -1), "min_count -1: give 0 or more"),
    ],
)
def test_impossible_aggregates_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("*", r"\*")):
        Aggregate(*arguments)


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(TypeError, match="float32: cast them"):
        Values(np.zeros(2, np.float32), np.ones(2, np.bool_))
    with pytest.raises(TypeError, match="one bool per value"):
        Values(np.zeros(2), np.ones(3, np.bool_))
    with pytest.raises(TypeError, match=r"row of shape \(1,\)"):
        Requests(np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(1, np.int64))
    with pytest.raises(TypeError, match="key of type int32: cast it to int64"):
        Requests(np.zeros(1, np.int32), np.zeros(1, np.int64), np.zeros(1, np.int64))
    with pytest.raises(TypeError, match="available_at of type float64: cast it to int64"):
        Events(*(table := [np.zeros(1, np.int64)] * 2), np.ones(1, np.bool_), table[0], {},
               Values(np.zeros(1), np.ones(1, np.bool_)))  # fmt: skip


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(KeyError, match=r"no value column 'y': there are \['x'\]"):
        one(events([1], [1.0]), at(5), Aggregate("sum", "y", 9))


@pytest.mark.parametrize("span", [1, 3, 2**11, 2**20, 2**45, 2**63 - 1])
def test_sorting_is_stable_over_any_range(span: int) -> None:
    rng = np.random.default_rng(span)
    for n in (0, 1, 2, 1000):
        keys = rng.integers(-span - 1, span, n, endpoint=True)
        order = ordering.sort_by(np.arange(n), keys)
        np.testing.assert_array_equal(order, np.argsort(keys, kind="stable"))


def test_importing_brings_neither_beam_nor_tensorflow() -> None:
    code = (
        "import sys, forebay.transforms.windows.compute\n"
        "print([name for name in ('apache_beam', 'tensorflow') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
