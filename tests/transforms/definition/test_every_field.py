"""Every field of every part of a definition, given what it is not meant for.

The parts are those that the product exports, and what they hold. A definition that constructs with
such a value must be one that runs; one that does not says which field, what value and what to do.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft

import forebay as fb
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.serialize import digest, from_json, to_json
from forebay.transforms.definition.sources import ROW
from forebay.transforms.errors import DefinitionError
from forebay.transforms.graph.preprocessing import feature_spec, preprocessing_fn
from forebay.transforms.parsing.cells import read_cells
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import window_groups


def double(columns: Any) -> Any:
    return {"twice": columns["price"]}


def ratio(columns: Any) -> Any:
    return columns["price"] / columns["twice"]


HERE = "forebay.transforms.errors"  # any module will do: what it names is not called
COLUMNS = {
    "t": fb.Timestamp(tz="America/New_York", format="%Y-%m-%d %H:%M"), "day": fb.Date(),
    "shop": fb.String(values=("a", "b")), "buyer": fb.Integer(range=(0, 9)), "paid": fb.Boolean(),
    "price": fb.Number(range=(0, None)), "twice": fb.Number(), "list": fb.Numbers(),
    "photo_bytes": fb.Bytes(image=True), "known": fb.Timestamp(unit="s"),
}  # fmt: skip
PRICES = fb.Source(
    columns={"shop": fb.String(), "at": fb.Timestamp(), "price": fb.Number(), "id": fb.Integer()},
    csv=fb.CsvFormat(delimiter=";", names=("shop", "at", "price", "id")),
)
PARTS: dict[str, Any] = {
    "name": "sales", "columns": COLUMNS, "row_time": "t", "features": [fb.Numeric("price")],
    "label": fb.Regression("twice", ["price"]), "split": fb.HashSplit("buyer"),
    "passthrough": ["buyer"], "weight": "price",
}  # fmt: skip
BASES = [
    fb.Dataset(**PARTS | changes)
    for changes in (
        {"features": [feature]}
        for feature in (
            fb.Numeric("price", scale="z_score", clip=(0, 9), impute=1.5, key="shop"),
            fb.Numeric(fb.Difference("price", "buyer")),
            fb.Numeric(fb.Haversine("price", "buyer", "price", "buyer")),
            fb.Numeric(fb.Euclidean("price", "buyer", "price", "buyer")),
            fb.Numeric(fb.Elapsed("day", "t")),
            fb.Bucketized(fb.Ratio("price", "buyer"), quantiles=4),
            fb.Bucketized("price", boundaries=[1.0, 2.0]),
            fb.Bucketized("price", linspace=[0.0, 10.0, 11]),
            fb.Categorical("shop", fb.Frequent(top_k=2, oov_buckets=2), embed=2),
            fb.Categorical("shop", fb.Informative(top_k=2, label_boundaries=[1.0])),
            fb.Categorical("shop", fb.Listed(["a", "b"]), impute="a"),
            fb.Categorical("shop", fb.Hashed(3)),
            fb.Categorical("buyer", fb.Identity(10)),
            fb.Frequency("shop"),
            fb.Grid("price", "buyer", cells=[2, 3], latitudes=[0.0, 1.0]),
            fb.Calendar("t", "month", tz="Europe/Berlin"),
            fb.Cyclic("day", "month"),
            fb.Text("shop", weigh="tf_idf", top_k=9),
            fb.MultiHot("shop"),
            fb.Image("photo_bytes", 4, 4),
            fb.NumberList("numbers", "list", length=3),
            fb.NumberList("pools", ["price", "buyer"], pool="mean", scale="z_score"),
        )
    )
] + [
    fb.Dataset(**PARTS | changes)
    for changes in (
        {"features": [fb.Categorical("shop"), fb.Calendar("t", "month"),
                      fb.Crossed("both", ["shop_id", "t_month"], buckets=4)]},
        {"label": fb.BinaryClassification("paid", ["price"])},
        {"label": fb.Classification("shop", ["a", "b"]), "split": fb.TimeSplit("2013-01-01", "2014-01-01", "t")},
        {"derive": [fb.Derive(f"{HERE}:double", ["price"], {"more": fb.Number()})],
         "features": [fb.Custom(f"{HERE}:ratio", ["price", "more"], "ratio")]},
        {"sources": {"prices": PRICES},
         "windows": [fb.Windowed("price", key="shop", over=["1h", "unbounded"], at="t",
                                 ops=[fb.mean(default=0.0), fb.quantile(0.5), fb.last_k(2),
                                      fb.rate(per="1h"), fb.decayed_mean(half_life="1d")],
                                 where=fb.Where("paid", "==", True)),
                     fb.Windowed("buyer", key="shop", over="1d", by="paid", categories=[True],
                                 lag="1m", tile="5m", ops=fb.distinct()),
                     fb.Windowed("price", key="shop", over="1h", available_at="known",
                                 event_id="buyer", deleted="paid", ops=fb.sum()),
                     fb.Windowed("price", key="shop", row_key="shop", over="1h", source="prices",
                                 at="at", ops=fb.max())]},
    )
]  # fmt: skip
WRONG = [
    None, True, 0, 1, -1, 3, 1.5, math.nan, -math.inf, 1e300, 2**40, 2**70, 10**400, "", "x", "\ud800",
    b"x", [], ["x"], [1], [math.nan], [None], {}, {1: 2}, object(), int, fb.mean, fb.Number, fb.Number(),
    fb.Windowed("price", over="1h"), np.int64(3), np.array([1.0, 2.0]), range(3),
]  # fmt: skip


def parts(value: Any) -> Iterator[Any]:
    """The dataclasses of a definition, itself first."""
    if dataclasses.is_dataclass(value):
        yield value
        for field in dataclasses.fields(value):
            yield from parts(getattr(value, field.name))
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ():
        yield from parts(item)


def replaced(value: Any, part: Any, **changes: Any) -> Any:
    """A definition in which fields of one of its parts are changed."""
    if value is part:
        return dataclasses.replace(value, **changes)
    if dataclasses.is_dataclass(value):
        inner = {
            field.name: replaced(getattr(value, field.name), part, **changes)
            for field in dataclasses.fields(value)
        }
        is_same = all(inner[name] is getattr(value, name) for name in inner)
        return value if is_same else type(value)(**inner)
    if isinstance(value, dict):
        return {key: replaced(item, part, **changes) for key, item in value.items()}
    if isinstance(value, tuple):
        items = tuple(replaced(item, part, **changes) for item in value)
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


FIELDS = {
    (type(part), field.name): (base, part)
    for base in reversed(BASES)
    for part in reversed(list(parts(base)))
    for field in dataclasses.fields(part)
}
EXPORTED = {
    kind
    for kind in (getattr(fb, name) for name in fb.__all__)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}


def test_every_exported_part_is_tried() -> None:
    tried = {owner for owner, _ in FIELDS}
    assert EXPORTED <= tried
    assert len(EXPORTED) > 40


@pytest.mark.parametrize(
    ("owner", "name"), FIELDS, ids=[f"{owner.__name__}-{name}" for owner, name in FIELDS]
)
def test_a_definition_that_constructs_is_one_that_runs(owner: type, name: str) -> None:
    base, part = FIELDS[owner, name]
    seen = {digest(base)}
    for wrong in [*WRONG, type(getattr(part, name))]:
        try:
            definition = replaced(base, part, **{name: wrong})
        except DefinitionError as error:
            check_problems(error, owner, name)
        else:
            if digest(definition) not in seen:
                run(definition)
            seen.add(digest(definition))


def check_problems(error: DefinitionError, owner: type, name: str) -> None:
    assert error.problems
    for problem in error.problems:
        assert problem.where
        assert problem.cause
        assert problem.cure
        assert "\n" not in str(problem)
        assert len(str(problem)) < 700
    text = str(error)
    assert name in text or owner.__name__ in text, text


def run(definition: Dataset) -> None:
    """Does what is cheap of each step: reads cells, computes windows, traces the graph."""
    text = to_json(definition)
    json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    again = from_json(text.encode().decode())
    assert again == definition
    assert digest(again) == digest(definition)
    for table in definition.tables.values():
        for column in table.row_columns.values():
            read_cells(pa.array([b"", b"1", b"a", b"2013-01-31 10:00"]), column)
    for group in window_groups(definition):
        events, requests = rows(definition, group.source), rows(definition, "rows")
        compute(
            group,
            pa.Table.from_batches([group.events(events)]),
            pa.Table.from_batches([group.requests(requests)]),
        )
    if not definition.custom_features:
        spec = feature_spec(definition)
        columns = {name: tf.TensorSpec([None], kind.dtype, name) for name, kind in spec.items()}
        tft.get_transform_input_columns(preprocessing_fn(definition), columns)


def rows(definition: Dataset, source: str) -> pa.RecordBatch:
    """Three rows of a table, nothing missing but in the last."""
    columns = definition.tables[source].row_columns
    made = {
        name: pa.array(["a" if pa.types.is_string(c.arrow_type) else 1] * 2 + [None]).cast(
            c.arrow_type
        )
        for name, c in columns.items()
        if not pa.types.is_binary(c.arrow_type)
    }
    return pa.RecordBatch.from_pydict({**made, ROW: pa.array([0, 1, 2], pa.int64())})
