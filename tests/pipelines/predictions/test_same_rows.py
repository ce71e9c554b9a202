"""New rows and earlier ones: a row of both tables is one row, beside a search of every pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from forebay.pipelines.predictions.same_rows import ASKED, joined, with_asked
from forebay.transforms.definition.identity import ROW

SCHEMA = pa.schema(
    [("site", pa.string()), ("at", pa.int64()), ("level", pa.float64()), ("note", pa.string())]
)
KNOWN = ["at", "site"]
LATER = ["level", "note"]
OWN = [*KNOWN, *LATER]
FIRST_EARLIER = 1_000

Row = Mapping[str, Any]

rows = st.lists(
    st.fixed_dictionaries(
        {
            "site": st.sampled_from(["a", "b", None]),
            "at": st.integers(0, 2),
            "level": st.sampled_from([None, 0.0, -0.0, 1.5, float("nan")]),
            "note": st.sampled_from([None, "", "x"]),
        }
    ),
    max_size=12,
)


@given(rows, rows)
def test_a_row_of_both_is_one(new: list[Row], earlier: list[Row]) -> None:
    found = {row[ROW]: row for batch in join(new, earlier) for row in batch.to_pylist()}

    expected = joined_slowly(new, earlier)
    assert sorted(found) == sorted(expected)
    for identity, row in expected.items():
        assert [plain(found[identity][name]) for name in row] == [plain(v) for v in row.values()]


def test_equal_rows_are_paired_one_by_one() -> None:
    row = {"site": "a", "at": 1, "level": None, "note": None}
    known = [row | {"level": 1.0}, row | {"level": 2.0}, row | {"level": 3.0}]

    found = [one for batch in join([row, row], known) for one in batch.to_pylist()]

    assert {one[ROW]: one["level"] for one in found} == {0: 1.0, 1: 2.0, FIRST_EARLIER + 2: 3.0}


def test_the_row_that_says_most_is_found_first() -> None:
    row = {"site": "a", "at": 1, "level": None, "note": None}
    known = [row | {"level": 5.0}, row | {"level": 7.0}]

    found = [one for batch in join([row, row | {"level": 5.0}], known) for one in batch.to_pylist()]

    assert {one[ROW]: one["level"] for one in found} == {0: 7.0, 1: 5.0}


def test_what_is_derived_is_not_compared() -> None:
    new, known = (
        table([{"site": "a", "at": 1, "level": level, "note": None}], first).append_column(
            "is_open", pa.array([level is None])
        )
        for first, level in ((0, None), (FIRST_EARLIER, 3.0))
    )

    (found,) = joined(new, known, OWN).rows

    assert [(one[ROW], one["level"]) for one in found.to_pylist()] == [(0, 3.0)]


def test_numbers_are_those_that_a_model_takes() -> None:
    row = {"site": "a", "at": 1, "note": None}

    new = row | {"level": float(np.float32(0.1))}
    found = [one for batch in join([new], [row | {"level": 0.1}]) for one in batch.to_pylist()]

    assert [one[ROW] for one in found] == [0]


def test_what_is_no_number_is_missing_in_either_table() -> None:
    row = {"site": "a", "at": 1, "note": None}
    given = [float("nan"), None, 0.0]
    for mine, theirs in zip(given, [None, float("nan"), -0.0], strict=True):
        new = table([row | {"level": mine}], 0, [*KNOWN, "level"])
        known = table([row | {"level": theirs}], FIRST_EARLIER, [*KNOWN, "level"])
        assert new[ASKED] == known[ASKED]
        (found,) = joined(new, known, OWN).rows
        assert found[ROW].to_pylist() == [0]


def test_what_a_new_row_says_of_itself_holds() -> None:
    row = {"site": "a", "at": 1, "level": 7.0, "note": None}

    found = [one for batch in join([row], [row | {"level": 8.0}]) for one in batch.to_pylist()]

    assert {one[ROW]: one["level"] for one in found} == {0: 7.0, FIRST_EARLIER: 8.0}


def test_what_makes_a_row_another_is_told() -> None:
    row = {"site": "a", "at": 1, "level": None, "note": "open"}
    same = row | {"at": 2, "note": None}
    known = [row | {"level": 8.0, "note": "closed"}, same | {"level": 3.0, "note": "closed"}]

    found = joined(table([row, same], 0), table(known, FIRST_EARLIER), OWN)

    assert found.differing == {"note": 1}
    assert sum(map(len, found.rows)) == 3


def join(new: Sequence[Row], earlier: Sequence[Row]) -> list[pa.RecordBatch]:
    known = {one[ASKED] for one in table(new, 0).to_pylist()}
    candidates = table(earlier, FIRST_EARLIER)
    candidates = candidates.filter(pa.array([h in known for h in candidates[ASKED].to_pylist()],
                                            pa.bool_()))  # fmt: skip
    return joined(table(new, 0), candidates, OWN).rows


def table(rows: Sequence[Row], first: int, asked: Sequence[str] = KNOWN) -> pa.Table:
    batch = pa.RecordBatch.from_pylist(list(rows), SCHEMA)
    batch = batch.append_column(ROW, pa.array(np.arange(first, first + len(rows))))
    return pa.Table.from_batches([with_asked(batch, asked)])


def joined_slowly(new: Sequence[Row], earlier: Sequence[Row]) -> dict[int, Row]:
    """The rows of both tables, those that could be in the new one, by identity."""
    free = dict(enumerate(earlier, FIRST_EARLIER))
    found: dict[int, Row] = {}
    order = sorted(range(len(new)), key=lambda i: -sum(has(new[i][name]) for name in LATER))
    for place in order:
        row = new[place]
        same = next((i for i, other in free.items() if is_same(row, other)), None)
        found[place] = row if same is None else free.pop(same)
    known = {tuple(row[name] for name in KNOWN) for row in new}
    left = {i: row for i, row in free.items() if tuple(row[name] for name in KNOWN) in known}
    return found | left


def is_same(row: Row, other: Row) -> bool:
    known = all(row[name] == other[name] for name in KNOWN)
    return known and all(not has(row[n]) or row[n] == other[n] for n in LATER)


def has(value: Any) -> bool:
    """Tells whether a value is one: NaN is missing."""
    return value is not None and value == value


def plain(value: Any) -> Any:
    return repr(value) if isinstance(value, float) else value
