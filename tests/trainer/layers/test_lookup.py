"""Lists of ids in a model: which outputs they are, and their pooled rows against plain loops."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from forebay.storage.json_records import typed
from forebay.trainer.examples.inputs import (
    CategoricalInput,
    ModelInputs,
    NumericInput,
    model_inputs,
    slots,
)
from forebay.trainer.examples.split_reader import stack
from forebay.trainer.layers.lookup import Lookup
from forebay.transforms.definition.columns import Number, String
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Categorical, Crossed, Custom, Hashed
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit

INPUTS = ModelInputs(
    (NumericInput("pixels", 3), NumericInput("x")),
    (
        CategoricalInput("summed", 5, 0, 2, width=3, pooling="sum"),
        CategoricalInput("one", 4, 0, 2),
        CategoricalInput("mean", 4, 0, 2, width=2, pooling="mean", weight="mean_weight"),
        CategoricalInput("rooted", 3, 0, 2, width=4, pooling="sqrtn", weight="rooted_weight"),
        CategoricalInput("row", 6, 0, 2, width=2, pooling="concat"),
        CategoricalInput("two", 2, 0, 2),
    ),
)
ROWS = 40


def made_up(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Ids and weights, some lists without any id."""
    rng = np.random.default_rng(seed)
    ids = np.concatenate(
        [rng.integers(0, c.size, (ROWS, c.width), np.int32) for c in INPUTS.categorical], axis=1
    )
    start = 0
    for column in INPUTS.categorical:
        ids[:2, start : start + column.width] = column.size - 1
        start += column.width
    return ids, rng.gamma(1.0, 1.0, (ROWS, INPUTS.widths[2])).astype(np.float32)


def pooled(
    column: CategoricalInput, ids: np.ndarray, weights: np.ndarray | None, table: np.ndarray
) -> np.ndarray:
    """One row's pool, one id after the other."""
    counted = [
        (1.0 if weights is None else float(weights[i]), table[id_])
        for i, id_ in enumerate(ids)
        if column.pooling is None or id_ < column.size - 1
    ]
    if column.pooling == "concat":
        rows = [table[id_] if id_ < column.size - 1 else 0 * table[id_] for id_ in ids]
        return np.concatenate(rows)
    total = sum((w * row for w, row in counted), np.zeros(table.shape[1]))
    if column.pooling == "mean" and counted:
        return total / sum(w for w, _ in counted)
    if column.pooling == "sqrtn" and counted:
        return total / np.sqrt(sum(w * w for w, _ in counted))
    return total


def looked_up() -> tuple[list[keras.KerasTensor], Lookup]:
    context = [
        keras.Input((width,), dtype=dtype, name=name)
        for width, dtype, name in zip(
            INPUTS.widths, ("float32", "int32", "float32"), ("n", "i", "w"), strict=True
        )
    ]
    return context, Lookup(context[1], context[2], INPUTS, None)


@pytest.mark.parametrize("size", [1, 2])
def test_rows_are_pooled_as_a_loop_pools_them(size: int, tmp_path: Path) -> None:
    context, lookup = looked_up()
    found = (
        lookup.total(INPUTS.categorical, size, "table")
        if size == 1
        else lookup.embeddings(INPUTS.categorical, size, "table")
    )
    model = keras.Model(context, found)
    sizes = [column.size for column in sorted(INPUTS.categorical, key=lambda c: bool(c.pooling))]
    table = np.random.default_rng(4).normal(size=(sum(sizes), size))
    model.get_layer("table").set_weights([table])
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")

    ids, weights = made_up()
    answers = model((np.zeros((ROWS, 4), np.float32), ids, weights)).numpy()
    for row in range(ROWS):
        parts, at, weight_at = {}, 0, 0
        for column in INPUTS.categorical:
            own = None
            if column.weight:
                own = weights[row, weight_at : weight_at + column.width]
                weight_at += column.width
            order = sorted(INPUTS.categorical, key=lambda c: bool(c.pooling))
            offset = sum(c.size for c in order[: order.index(column)])
            part = table[offset : offset + column.size]
            parts[column.name] = pooled(column, ids[row, at : at + column.width], own, part)
            at += column.width
        ordered = np.concatenate(
            [parts[c.name] for c in sorted(INPUTS.categorical, key=lambda c: bool(c.pooling))]
        )
        expected = ordered.sum(keepdims=True) if size == 1 else ordered
        np.testing.assert_allclose(answers[row], expected, rtol=2e-5, atol=1e-6)


def test_one_hots_are_pooled_rows_of_the_identity() -> None:
    columns = [c for c in INPUTS.categorical if c.pooling != "concat"]
    context, lookup = looked_up()
    model = keras.Model(context, lookup.one_hots(columns))

    ids, weights = made_up()
    answers = model((np.zeros((ROWS, 4), np.float32), ids, weights)).numpy()
    places = dict(zip([c.name for c in INPUTS.categorical], slots(INPUTS.categorical), strict=True))
    own = dict(zip([c.name for c in INPUTS.weighted], slots(INPUTS.weighted), strict=True))
    for row in range(ROWS):
        expected = [
            pooled(
                c, ids[row, places[c.name]], weights[row, own[c.name]] if c.weight else None,
                np.eye(c.size),
            )
            for c in columns
        ]  # fmt: skip
        np.testing.assert_allclose(answers[row], np.concatenate(expected), rtol=2e-5, atol=1e-6)


def test_the_definition_says_what_the_deep_side_is_given() -> None:
    definition = Dataset(
        name="deep", columns={"t": String(), "y": Number()}, label=Regression("y"),
        features=[
            Categorical("t", Hashed(15), name="chosen"),
            Categorical("t", Hashed(15), embed=7, name="given"),
            Categorical("t", Hashed(15), embed="one_hot", name="hot"),
            Crossed("wide", ["chosen", "given"]),
            Crossed("deep", ["chosen", "given"], embed="one_hot"),
        ],
        split=HashSplit("t"),
    )  # fmt: skip
    schema = schema_pb2.Schema()
    for feature in definition.features:
        column = schema.feature.add(name=feature.outputs[0], type=schema_pb2.INT)
        column.int_domain.min, column.int_domain.max = 0, 15
    found = model_inputs(definition, schema)
    assert {c.name: (c.embed, c.one_hot) for c in found.categorical} == {
        "chosen": (4, False), "given": (7, False), "hot": (0, True), "wide": (0, False),
        "deep": (0, True),
    }  # fmt: skip
    assert typed(ModelInputs, json.loads(json.dumps(found.to_json()))) == found


def test_columns_of_any_width_lie_side_by_side() -> None:
    rng = np.random.default_rng(5)
    columns = {
        "pixels": rng.random((4, 3), np.float32), "x": rng.random(4, np.float32),
        "mean_weight": rng.random((4, 2), np.float32),
        "rooted_weight": rng.random((4, 4), np.float32),
    }  # fmt: skip
    columns |= {
        c.name: rng.integers(0, c.size, (4, c.width) if c.pooling else 4)
        for c in INPUTS.categorical
    }
    numbers, ids, weights = stack({n: tf.constant(c) for n, c in columns.items()}, INPUTS)
    assert numbers.numpy().tolist() == [[*columns["pixels"][i], columns["x"][i]] for i in range(4)]
    expected = [np.atleast_2d(columns[c.name].T).T for c in INPUTS.categorical]
    np.testing.assert_array_equal(ids, np.concatenate(expected, axis=1))
    assert weights.shape == (4, 6)
    assert (numbers.shape[1], ids.shape[1], weights.shape[1]) == INPUTS.widths


def test_the_schema_tells_lists_from_single_ids_and_finds_their_weights() -> None:
    schema = schema_pb2.Schema()
    outputs = {
        "a": ("INT", None), "a_weight": ("FLOAT", None), "b": ("INT", 3), "b_weight": ("FLOAT", 3),
        "c": ("INT", 1), "c_weight": ("FLOAT", 2), "pixels": ("FLOAT", 12), "y": ("FLOAT", None),
    }  # fmt: skip
    for name, (kind, width) in outputs.items():
        feature = schema.feature.add(name=name, type=schema_pb2.FeatureType.Value(kind))
        if width:
            feature.shape.dim.add(size=width)
        if kind == "INT":
            feature.int_domain.min, feature.int_domain.max = 0, 9
    definition = Dataset(
        name="own", columns={"t": String(), "y": Number()}, features=[Custom("math:sqrt", ["t"])],
        label=Regression("y"), split=HashSplit("t"),
    )  # fmt: skip
    found = model_inputs(definition, schema)
    # Only a list of ids has weights, and only those of its own width; other numbers are inputs.
    assert [(c.name, c.width) for c in found.numeric] == [
        ("a_weight", 1), ("c_weight", 2), ("pixels", 12),
    ]  # fmt: skip
    assert [(c.name, c.width, c.pooling, c.weight) for c in found.categorical] == [
        ("a", 1, None, None), ("b", 3, "mean", "b_weight"), ("c", 1, "mean", None),
    ]  # fmt: skip
    assert found.names[-1] == "b_weight"
    assert typed(ModelInputs, json.loads(json.dumps(found.to_json()))) == found
    without = model_inputs(definition, schema, ["b"])
    assert "b_weight" not in without.names
