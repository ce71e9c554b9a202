"""Compiled searches against loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forebay.transforms.windows.kernels.ordering import NEVER, places_in


@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.booleans()), unique_by=lambda x: x[0])
)
def test_some_of_different_numbers_are_found_where_they_are(chosen: list[tuple[int, bool]]) -> None:
    whole = np.array([number for number, _ in chosen], np.int64)
    part = [number for number, is_in in chosen if is_in]
    wanted = [part.index(number) if is_in else NEVER for number, is_in in chosen]
    assert places_in(whole, np.array(part, np.int64)).tolist() == wanted
