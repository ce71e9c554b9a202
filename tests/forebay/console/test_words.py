"""Numbers as people read them."""

import pytest

from forebay.console.words import counted


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (336_776, "336,776 rows")]
)
def test_a_noun_agrees_with_its_count(count: int, text: str) -> None:
    assert counted(count, "row") == text
