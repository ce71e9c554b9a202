"""How many buckets a cross should have."""

import math
import re

import pytest
from doc_pages import Page
from hypothesis import given
from hypothesis import strategies as st

from forebay.transforms.definition.features import cross_buckets

PAGE = Page("reference/features/crosses.md")


@given(st.integers(1, 7 * 10**13))
def test_they_are_between_half_the_root_and_twice_the_combinations(combinations: int) -> None:
    assert 0.5 * math.sqrt(combinations) <= cross_buckets(combinations) <= 2 * combinations


@given(st.integers(1, 10**18), st.integers(0, 10**9))
def test_more_combinations_never_get_fewer(combinations: int, more: int) -> None:
    assert cross_buckets(combinations) <= cross_buckets(combinations + more) <= 4_194_304


@pytest.mark.parametrize(
    ("combinations", "buckets"),
    [(1, 1), (168, 168), (65_536, 65_536), (65_537, 65_536), (2**24, 2**18), (2**28, 2**21),
     (10**15, 2**22)],
)  # fmt: skip
def test_few_are_numbered_and_many_hashed(combinations: int, buckets: int) -> None:
    assert cross_buckets(combinations) == buckets


def test_the_page_says_where_the_rule_changes() -> None:
    limits = re.findall(r"^\| up to ([0-9,]+) \|", PAGE.text, re.M)
    numbered, floor, middle = (int(limit.replace(",", "")) for limit in limits)
    assert cross_buckets(numbered) == numbered > cross_buckets(numbered + 1) - 1
    assert cross_buckets(floor) == numbered < cross_buckets(floor + 1)
    assert cross_buckets(middle) < 4_194_304 == cross_buckets(middle + 1)


def test_nothing_has_no_cross() -> None:
    with pytest.raises(ValueError, match="a cross of 0 combinations"):
        cross_buckets(0)
