"""Answers as columns, and what is told of the windows that they rest on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf

import forebay as fb
from forebay.transforms.definition import serialize

CLASSES = (7, -1)
DATASET = fb.Dataset(
    name="codes",
    columns={
        "key": fb.String(required=True), "at": fb.Timestamp(required=True), "weight": fb.Number(),
        "code": fb.Integer(),
    },
    features=[fb.Numeric("weight"), fb.Numeric("weight_sum_1h_by_key")],
    label=fb.Classification("code", CLASSES),
    split=fb.HashSplit("key"),
    row_time="at",
    windows=[fb.Windowed("weight", key="key", over="1h", ops=[fb.sum()])],
    passthrough=["key"],
)  # fmt: skip


class Model(tf.Module):
    """Tells the class of a row by its weight; one without a weight has no answer."""

    @tf.function(
        input_signature=[
            {name: tf.TensorSpec([None], tf.float32, name) for name in DATASET.served_columns}
        ]
    )
    def answer(self, raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        probabilities = tf.stack([raw["weight"], 1 - raw["weight"]], axis=1)
        likeliest = tf.gather(tf.constant(CLASSES), tf.argmax(probabilities, axis=1))
        return {"probabilities": probabilities, "class": likeliest}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    made = Model()
    tf.saved_model.save(made, str(folder), signatures={"serving_default": made.answer})
    record = {
        "definition": json.loads(serialize.to_json(DATASET)), "files": {},
        "training": {"sha256": ""},
    }  # fmt: skip
    (folder / "assets.extra").mkdir()
    (folder / "assets.extra" / "forebay.json").write_text(json.dumps(record))
    return str(folder)


def row(key: str, minute: int, weight: float | None) -> dict[str, Any]:
    return {"key": key, "at": f"2024-05-01T12:{minute:02}:00Z", "weight": weight}


def test_classes_are_numbers_of_one_width_whatever_the_model_holds_them_in(
    model: str, tmp_path: Path
) -> None:
    new = [row("a", 0, 0.25), row("b", 0, 0.75)]
    found = fb.predict(model, new, history=[row("a", 1, 1.0)])
    assert found.arrow["class"].to_pylist() == [-1, 7]
    assert found.arrow.schema.field("class").type == pa.int64()


def test_windows_of_rows_without_an_answer_are_none_of_the_answered_ones(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    known, unknown = row("a", 2, 0.25), [row("b", 2, None), row("c", 2, None)]
    found = fb.predict(model, [known, *unknown], history=[row("a", 1, 1.0)])
    assert (len(found), found.rejected) == (1, {"the model has no answer": 2})
    assert "without events" not in capsys.readouterr().err

    fb.predict(model, unknown, history=[row("a", 1, 1.0)])
    assert (
        "the windows weight_sum_1h_by_key are in every row what they are without events; if too few"
        in capsys.readouterr().err
    )
