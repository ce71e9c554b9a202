"""Which rows become examples: those of which the definition's conditions hold."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.pipelines.splits.rows import split_rows
from forebay.pipelines.tallies.checks import check_rejects, check_splits, empty_splits
from forebay.transforms.definition.columns import Boolean, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.serialize import digest, from_json, to_json
from forebay.transforms.definition.splits import (
    ColumnSplit,
    HashSplit,
    RandomSplit,
    TimeSplit,
)
from forebay.transforms.definition.windows.windowed import Where
from forebay.transforms.errors import DefinitionError, InputError


def shops(**changes: object) -> Dataset:
    parts = {
        "name": "shops",
        "columns": {
            "t": Timestamp(), "shop": String(), "open": Boolean(), "x": Number(), "y": Number(),
        },
        "features": [Numeric("x")], "label": Regression("y"),
        "split": HashSplit("shop", train=1, eval=0, test=0),
        **changes,
    }  # fmt: skip
    return Dataset(**parts)  # type: ignore[arg-type]


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]), st.sampled_from([True, False, None]),
        st.sampled_from([0.0, 1.5, -2.0, float("nan"), float("inf"), None]),
    ),
    max_size=20,
)  # fmt: skip


@given(ROWS)
def test_rows_that_fail_a_condition_are_counted_and_no_examples(
    rows: list[tuple[str | None, bool | None, float | None]],
) -> None:
    dataset = shops(where=[Where("open", "==", True), Where("x", ">=", 0)])
    n, opened = len(rows), pa.array([is_open for _, is_open, _ in rows], pa.bool_())
    batch = pa.RecordBatch.from_pydict({
        "shop": pa.array(["s"] * n, pa.string()), "open": opened,
        "x": pa.array([r[2] for r in rows], pa.float64()), "y": pa.array([1.0] * n, pa.float64()),
        ROW: pa.array(range(n), pa.int64()),
    })  # fmt: skip

    found = split_rows(batch, dataset)

    wanted = [i for i, (_, is_open, x) in enumerate(rows) if is_open and x in (0.0, 1.5)]
    kept = found.splits["train"][ROW].to_pylist() if wanted else []
    assert kept == wanted
    assert ("train" in found.splits) == bool(wanted)
    left = {"fails open == True and x >= 0": n - len(wanted)} if n > len(wanted) else {}
    assert found.dropped == left


def test_a_condition_is_kept_with_the_definition_and_changes_its_digest() -> None:
    one, several = (shops(where=w) for w in (Where("x", "<", 1.5), [Where("x", "<", 1.5)]))

    assert one == several == from_json(to_json(one))
    assert digest(one) != digest(shops()) == digest(shops(where=[]))
    assert '"where"' not in to_json(shops())


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (Where("opne", "==", True), "where.column = 'opne': no such column; did you mean open"),
        (Where("open", "==", "yes"), "where.value = 'yes': cannot be compared with open"),
        ("open == True", "where[0] = 'open == True': a text; write a Where"),
        (Where("x", "=<", 1), "where[0].comparison = '=<': not one of the choices"),
    ],
)
def test_mistakes_of_a_condition_are_named(where: object, said: str) -> None:
    with pytest.raises(DefinitionError) as error:
        shops(where=where)
    assert said in str(error.value)


def test_a_condition_that_nothing_meets_is_named() -> None:
    dataset = shops(where=Where("shop", "==", "Z"))
    facts = {"records": {"read": 9}, "dropped": {"fails shop == 'Z'": 9}}
    said = r"rows lost: fails shop == 'Z' \(9\)\); widen the definition's where"
    for learns in (True, False):
        with pytest.raises(InputError, match=said):
            check_splits(facts, dataset, None, learns=learns)


def test_values_that_stand_for_no_split_are_named() -> None:
    dataset = shops(split=ColumnSplit("shop", train="a"))
    batch = pa.RecordBatch.from_pydict(
        {"shop": ["a", "b", "b", "c"], "x": [1.0] * 4, "y": [1.0] * 4, ROW: [0, 1, 2, 3]}
    )
    found = split_rows(batch, dataset)
    assert found.undeclared == {"'b'": 2, "'c'": 1}

    reason = "shop: no value of train, eval or test"
    facts = {"records": {"read": 4}, "rejects": {reason: 3}, "undeclared": found.undeclared}
    with pytest.raises(InputError) as error:
        check_rejects(facts, dataset, 0.01)
    assert (
        f"{reason} (3); such values of 'shop': 'b' (2); 'c' (1); name them in train=, eval= or "
        "test= of the split, or leave such rows out of the input" in str(error.value)
    )


@pytest.mark.parametrize(
    ("split", "rows", "said"),
    [
        (HashSplit("shop"), {"train": 5, "test": 1}, "no row is in eval, by the split HashSplit("),
        (HashSplit("shop", eval=0, test=0), {"train": 5}, None),
        (TimeSplit("2024-01-01", "2024-02-01"), {"train": 5}, "no row is in eval or test, by the"),
        (TimeSplit("2024-01-01", "2024-01-01"), {"train": 5, "test": 2}, None),
        (ColumnSplit("shop", train="a", test="b"), {"train": 5}, "no row is in test, by the"),
        (ColumnSplit("shop", train="a"), {"train": 5}, None),
        (RandomSplit(eval=0), {"train": 5, "test": 1}, None),
    ],
)
def test_a_split_that_comes_out_empty_is_told(
    split: Any, rows: dict[str, int], said: str | None
) -> None:
    told = empty_splits({"rows": rows}, shops(split=split, row_time="t"), [])
    assert (said is None and told is None) or (said is not None and said in str(told))
