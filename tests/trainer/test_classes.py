"""Several classes: labels as places, probabilities that add up to one, and the class by name."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from chosen import chosen
from sklearn.linear_model import LogisticRegression

from forebay.serving.predictor import Predictor, predict_lines
from forebay.storage.run.run_folder import open_run
from forebay.trainer.examples.inputs import ModelInputs, NumericInput, inputs_of
from forebay.trainer.examples.label_values import label_values
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.examples.statistics import Scale, TrainStatistics
from forebay.trainer.layers.losses import row_losses
from forebay.trainer.metrics.multiclass import class_log_losses
from forebay.trainer.model import build
from forebay.trainer.task import main
from forebay.transforms.definition.labels import BinaryClassification, Classification

Copy = Callable[[Path], Path]
INPUTS = ModelInputs((NumericInput("a"), NumericInput("b")), ())
PLAIN = TrainStatistics(
    Scale(np.zeros(2), np.ones(2)), Scale(np.zeros(1), np.ones(1)), 1, 1.0, np.zeros(0)
)
COLOURS = ("red", "étoile", "grey")


@pytest.mark.parametrize(
    ("label", "column", "places"),
    [
        (Classification("c", COLOURS), ["grey", "red", "étoile", ""], [2, 0, 1, None]),
        (Classification("c", (7, -1)), [-1, 7, 0], [1, 0, None]),
        (BinaryClassification("c"), [1, 0], [1, 0]),
    ],
)  # fmt: skip
def test_labels_become_their_places(
    label: Classification, column: list, places: list[int | None]
) -> None:
    found = label_values(label, tf.constant(column)).numpy()
    assert found.dtype == np.float32
    assert [None if np.isnan(value) else int(value) for value in found] == places


def test_the_loss_is_the_log_loss_of_the_softmax() -> None:
    random = np.random.default_rng(0)
    scores, label = random.normal(0, 3, (50, 3)), random.integers(0, 3, 50)
    odds = np.exp(scores)
    expected = -np.log((odds / odds.sum(axis=1, keepdims=True))[np.arange(50), label])
    losses = row_losses("multiclass_classification", PLAIN)
    found = losses(tf.constant(label, tf.float32), tf.constant(scores, tf.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    probability = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(class_log_losses(label.astype(float), probability), expected)


def test_a_linear_model_of_classes_learns_what_scikit_learn_does() -> None:
    random = np.random.default_rng(1)
    x = random.normal(0, 1, (400, 2)).astype(np.float32)
    y = np.argmax(x @ random.normal(0, 1, (2, 3)) + random.gumbel(0, 1, (400, 3)), axis=1)
    models = build(INPUTS, Classification("c", COLOURS), PLAIN, chosen(model="linear", l2=0))
    given = (x, np.zeros((400, 0), np.int32), np.zeros((400, 0), np.float32))
    losses = row_losses("multiclass_classification", PLAIN)
    optimizer = keras.optimizers.Adam(0.05)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(losses(tf.constant(y, tf.float32), models.score(given)))
        weights = models.score.trainable_variables
        optimizer.apply(tape.gradient(loss, weights), weights)

    for _ in range(400):
        step()
    found = keras.ops.convert_to_numpy(models.prediction(given))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    expected = LogisticRegression(C=np.inf).fit(x, y).predict_proba(x)
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_a_model_of_classes_is_trained_served_and_asked(
    multiclass_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_of(multiclass_run)
    flags = ["--max-steps", "200", "--eval-every", "100", "--batch-size", "256", "--json"]
    assert main(["train", str(run), *flags, "--learning-rate", "0.01"]) == 0
    report = json.loads(capsys.readouterr().out)
    examples = SplitReader(open_run(str(run)), "eval", inputs_of(open_run(str(run)))).read()
    shares = np.bincount(examples.label.astype(int), minlength=3) / len(examples)
    metrics = report["evaluation"]["metrics"]
    assert metrics["accuracy"] > max(shares) + 0.1
    assert metrics["log_loss"] < -np.log(shares) @ shares - 0.1

    predictor = Predictor(report["model"])
    row: dict[str, object] = dict.fromkeys(predictor.exported.columns)
    row |= {"trip_id": "t", "left_at": 1_600_000_000_000_000, "line": "red", "distance": 40.0}
    lines = [json.dumps({**row, "guess": guess}) for guess in (0, 80)]
    answers = io.StringIO()
    predict_lines(predictor, io.BytesIO("\n".join(lines).encode()), answers)
    for line in answers.getvalue().splitlines():
        answer = json.loads(line)
        assert list(answer) == ["trip_id", "left_at", "guess", "probabilities", "class"]
        assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert answer["class"] == ("early", "usual", "late")[np.argmax(answer["probabilities"])]
    few, many = (json.loads(line)["probabilities"] for line in answers.getvalue().splitlines())
    assert many[2] > few[2]
