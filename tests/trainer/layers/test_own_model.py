"""Models of the user's own: what no other process could read again is refused."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from chosen import chosen

from forebay.trainer.examples.inputs import ModelInputs, NumericInput
from forebay.trainer.examples.statistics import Scale, TrainStatistics
from forebay.trainer.model import build
from forebay.transforms.definition.labels import Regression
from forebay.transforms.errors import InputError

INPUTS = ModelInputs((NumericInput("a"), NumericInput("b")), ())
PLAIN = TrainStatistics(
    Scale(np.zeros(2), np.ones(2)), Scale(np.zeros(1), np.ones(1)), 1, 1.0, np.zeros(0)
)
CODE = """\
import keras
from keras import ops
from keras.layers import *

def gelu(x):
    return 2 * x

@keras.saving.register_keras_serializable()
class Ones(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return ops.ones(shape)

def build(context):
    return Dense(1)({})
"""


def built(layers: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> keras.Model:
    module = f"own_{abs(hash(layers))}"
    (folder / f"{module}.py").write_text(CODE.format(layers.format("context.numbers")))
    monkeypatch.syspath_prepend(str(folder))
    return build(INPUTS, Regression("y"), PLAIN, chosen(model=f"{module}:build")).prediction


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ("Dense(3, activation=gelu)({})", "a layer 'dense.*' with code of its own \\(gelu\\)"),
        ("Dense(3, activation=lambda x: 2 * x)({})", "code of its own \\(<lambda>\\)"),
        ("Dense(3, kernel_initializer=Ones())({})", "code of its own \\(Ones\\)"),
        ("keras.Sequential([Dense(3), Lambda(lambda x: x)])({})", "code of its own \\(Lambda\\)"),
        ("ops.vectorized_map(lambda row: 2 * row, {})", "code that is not saved with it"),
    ],
)  # fmt: skip
def test_code_that_is_not_saved_is_refused(
    layers: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=words):
        built(layers, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "layers",
    [
        "Dense(3, activation=ops.relu, kernel_regularizer='l2')({})",
        "keras.Sequential([Dense(3, activation=LeakyReLU(0.1)), BatchNormalization()])({})",
        "ops.where({0} > 0, {0}, -{0})",
    ],
)
def test_what_is_keras_own_is_read_again(
    layers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = built(layers, tmp_path, monkeypatch)
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").count_params() == model.count_params()
