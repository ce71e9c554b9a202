"""Columns compared with numbers of any size, against Python's own exact comparison."""

import math
import operator
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.transforms.comparisons import compare
from forebay.transforms.definition.columns import Column, Integer, Number
from forebay.transforms.parsing.cells import read_cells

OPERATORS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip
EDGES = (0, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64, 2**70, 1742000000000000001, 10**18)
integers = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.builds(
        lambda edge, step: max(-(2**63), min(edge + step, 2**63 - 1)),
        st.sampled_from(EDGES), st.integers(-2, 2),
    ),
)  # fmt: skip
floats = st.one_of(st.floats(allow_nan=False), st.builds(float, integers))
bounds = st.one_of(
    st.integers(-(2**80), 2**80),
    st.builds(operator.add, st.sampled_from(EDGES), st.integers(-2, 2)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.builds(operator.truediv, st.integers(-9, 9), st.just(2)),
)


@given(st.lists(st.one_of(integers, st.none())), st.sampled_from(list(OPERATORS)), bounds)
def test_integers_are_compared_exactly(
    values: list[int | None], comparison: str, bound: float
) -> None:
    found = compare(pa.array(values, pa.int64()), comparison, bound).to_pylist()
    expected = [v if v is None else OPERATORS[comparison](v, Fraction(bound)) for v in values]
    assert found == expected


@given(st.lists(st.one_of(floats, st.none())), st.sampled_from(list(OPERATORS)), bounds)
def test_floats_are_compared_exactly(
    values: list[float | None], comparison: str, bound: float
) -> None:
    found = compare(pa.array(values, pa.float64()), comparison, bound).to_pylist()
    assert found == [v if v is None else OPERATORS[comparison](v, bound) for v in values]


@pytest.mark.parametrize("comparison", ["<", "<=", ">", ">=", "=="])
def test_what_is_no_number_meets_nothing(comparison: str) -> None:
    assert compare(pa.array([math.nan]), comparison, 10**18).to_pylist() == [False]


@pytest.mark.parametrize(
    ("column", "read", "rejected"),
    [
        (Integer(range=(0, 1e15)), ["0", "1000000000000000"], ["9007199254740993", "-1"]),
        (Integer(range=(0, 2**64)), ["0", "9223372036854775807"], ["-1"]),
        (Integer(range=(-0.5, 2.5)), ["0", "2"], ["-1", "3"]),
        (Integer(range=(2**53 + 1, None)), ["9007199254740993"], ["9007199254740992"]),
        (Number(range=(0, 10**18)), ["1e18", "0.5"], ["1000000000000000128", "nan"]),
        (Number(range=(2**53 + 1, None)), ["9007199254740994"], ["9007199254740992"]),
    ],
)
def test_ranges_of_large_numbers(column: Column, read: list[str], rejected: list[str]) -> None:
    found = read_cells(pa.array([text.encode() for text in read + rejected]), column)
    assert found.values.is_valid().to_pylist() == [True] * len(read) + [False] * len(rejected)
