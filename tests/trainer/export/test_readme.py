"""The page of an exported model: each of its examples runs, from the model's folder."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from forebay.storage.run.exported import newest_model, open_exported
from forebay.trainer.export.readme import model_page
from forebay.transforms.definition.columns import Bytes, Number, String
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit


@pytest.fixture(scope="module")
def model(trained_regression: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported model alone, in a folder of an ordinary name."""
    away = tmp_path_factory.mktemp("away") / "model"
    shutil.copytree(newest_model(str(trained_regression / "model")), away)
    return away


def examples(model: Path) -> dict[str, str]:
    page = (model / "README.md").read_text("utf-8")
    return dict(re.findall(r"^## By (\w+)\n.*?```\w+\n(.*?)```", page, re.M | re.S))


def test_every_column_is_named(model: Path) -> None:
    page = (model / "README.md").read_text("utf-8")
    for name in open_exported(str(model)).columns:
        assert re.search(rf"^\| `{name}` \| \w+ \| ", page, re.M), name
    assert "| `trip_id` | string | String | *required* |" in page
    assert "| Timestamp, microseconds since 1970-01-01 UTC |" in page
    assert "delay" not in open_exported(str(model)).columns
    assert "| `delay` |" not in page


def test_all_examples_give_one_answer(model: Path) -> None:
    found = examples(model)
    python = subprocess.run(
        [sys.executable, "-c", found["Python"]], cwd=model, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    command = found["saved_model_cli"].replace(
        "saved_model_cli", f"{Path(sys.executable).with_name('saved_model_cli')}", 1
    )
    shell = subprocess.run(
        ["/bin/sh", "-c", command], cwd=model, capture_output=True, text=True, check=True
    )
    (instance,) = json.loads(found["REST"])["instances"]
    signature = tf.saved_model.load(str(model)).signatures["serving_default"]
    spec = signature.structured_input_signature[1]
    row = {name: tf.constant([value], spec[name].dtype) for name, value in instance.items()}

    answer = signature(**row)["prediction"].numpy()

    assert np.isfinite(answer).all()
    assert float(python.stdout.strip(" []\n")) == pytest.approx(float(answer[0]), rel=1e-6)
    assert re.search(r"Result for output key prediction:\s*\[\[?(.*?)\]", shell.stdout)[1].strip() \
        == python.stdout.strip(" []\n")  # fmt: skip


def test_bytes_of_any_name_are_base64_in_json() -> None:
    columns = {"id": String(), "photo": Bytes(image=True), "raw_bytes": Bytes(), "x": Number()}
    definition = Dataset(
        name="photos", columns=columns | {"y": Number()}, features=[Numeric("x")],
        label=Regression("y"), split=HashSplit("id"), passthrough=("id", "photo", "raw_bytes"),
    )  # fmt: skip
    rest = re.search(r"```json\n(.*?)```", model_page(definition), re.S)
    assert rest is not None
    (instance,) = json.loads(rest[1])["instances"]

    assert instance["id"] == "a"
    for name in ("photo", "raw_bytes"):
        assert tf.io.decode_png(base64.b64decode(instance[name]["b64"])).shape == (1, 1, 3)
