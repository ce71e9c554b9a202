"""Labels of several classes: rows of no class leave without an example."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from forebay.pipelines.splits.rows import NO_CLASS, NO_LABEL, NO_ROW_TIME, split_rows
from forebay.transforms.definition.columns import Integer, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Classification
from forebay.transforms.definition.serialize import from_json, to_json
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import DefinitionError


def colours(**changes: object) -> Dataset:
    parts = {
        "name": "colours",
        "columns": {
            "t": Timestamp(), "id": String(), "x": Number(), "colour": String(), "rank": Integer(),
            "guess": String(),
        },
        "row_time": "t",
        "features": [Numeric("x")],
        "label": Classification("colour", ["red", "blue"]),
        "split": HashSplit("id", train=100, eval=0, test=0),
        **changes,
    }  # fmt: skip
    return Dataset(**parts)  # type: ignore[arg-type]


def test_rows_of_no_class_are_dropped_and_counted() -> None:
    at = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    labels = ["red", "blue", "grey", None, "red", "grey", "Red"]
    batch = pa.RecordBatch.from_pydict(
        {
            "t": pa.array([at, at, at, at, None, None, at], pa.timestamp("us", "UTC")),
            "id": [str(i) for i in range(7)],
            "x": [1.0] * 7,
            "colour": labels,
            ROW: range(7),
        }
    )
    found = split_rows(batch, colours())
    assert found.dropped == {NO_ROW_TIME: 2, NO_LABEL: 1, NO_CLASS: 2}
    assert found.splits["train"]["colour"].to_pylist() == ["red", "blue"]
    ranks = batch.append_column("rank", pa.array([3, 4, 3, 3, 3, 3, None]))
    kept = split_rows(ranks, colours(label=Classification("rank", [3, 5])))
    assert kept.dropped == {NO_ROW_TIME: 2, NO_LABEL: 1, NO_CLASS: 1}
    assert kept.splits["train"]["rank"].to_pylist() == [3, 3, 3]


def test_classes_survive_json() -> None:
    definition = colours(label=Classification("colour", ["red", "blue"], baselines=["guess"]))
    assert from_json(to_json(definition)) == definition
    assert definition.carried_columns == ("colour", "guess")


@pytest.mark.parametrize(
    ("label", "cause"),
    [
        (Classification("colour", ["red"]), "fewer than two"),
        (Classification("colour", ["red", "blue", "red"]), "listed twice"),
        (Classification("colour", [1, 2]), "is a String column; list texts"),
        (Classification("rank", ["1", "2"]), "list whole numbers"),
        (Classification("rank", [True, False]), "a truth value; write a text or a whole number"),
        (Classification("x", ["1", "2"]), "name a column of kind String or Integer"),
        (Classification("color", ["red", "blue"]), "did you mean colour?"),
        (Classification("colour", ["red", "blue"], ["rank"]), "name a column of kind String"),
    ],
)
def test_mistakes_are_named(label: Classification, cause: str) -> None:
    with pytest.raises(DefinitionError, match="label") as error:
        colours(label=label)
    assert cause in str(error.value)


def test_classes_are_among_the_values_a_column_lists() -> None:
    columns = {**colours().columns, "colour": String(values=("red", "grey"))}
    with pytest.raises(DefinitionError, match="rows with it are rejected: 'colour' lists"):
        colours(columns=columns)
