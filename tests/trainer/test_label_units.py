"""A regression learns a standardised label and answers in the label's own units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from forebay.storage.plain_paths import plain_path
from forebay.storage.run.exported import open_exported
from forebay.trainer.checkpoints.best_model import load_exported

Columns = dict[str, Any]
TRAIN = slice(0, 4_000)


def test_the_served_answer_is_the_score_in_the_units_of_the_label(
    trained_regression: Path, rows: Columns
) -> None:
    exported = open_exported(str(trained_regression / "model"))
    model = load_exported(exported).model
    score = keras.Model(model.inputs, [model.get_layer("scores").output, model.output])
    random = np.random.default_rng(3)
    given = [
        np.full((50, *tensor.shape[1:]), 0, dtype=tensor.dtype)
        if "int" in tensor.dtype
        else random.normal(size=(50, *tensor.shape[1:])).astype(np.float32)
        for tensor in model.inputs
    ]
    of_members, answers = map(np.asarray, score(given, training=False))
    scores = of_members.mean(axis=1)
    label = rows["delay"][TRAIN].astype(np.float64)
    np.testing.assert_allclose(answers, scores * label.std() + label.mean(), rtol=1e-4)
    assert np.abs(scores).max() < 10 < label.std() + label.mean()

    served = tf.saved_model.load(plain_path(exported.path))
    raw = {n: tf.constant(rows[n][5_000:6_000]) for n in exported.definition.served_columns}
    prediction = served.signatures["serving_default"](**raw)["prediction"].numpy()
    truth = rows["delay"][5_000:6_000]
    # Standardised answers would be near 0, tens of minutes off.
    assert abs(prediction.mean() - truth.mean()) < 0.2 * truth.std()
    assert np.sqrt(np.mean((prediction - truth) ** 2)) < truth.std()
