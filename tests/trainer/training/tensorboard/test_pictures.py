"""Images among the inputs come to TensorBoard as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from forebay.trainer.examples.inputs import ModelInputs, NumericInput
from forebay.trainer.training.tensorboard.events import EventFile
from forebay.trainer.training.tensorboard.pictures import SHOWN, pictures
from forebay.transforms.definition.columns import Bytes, Number, String
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Image, Numeric
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_shown_as_they_are(tmp_path: Path, channels: int) -> None:
    shot = Image("shot_bytes", height=3, width=2, channels=channels)  # type: ignore[arg-type]
    dataset = Dataset(
        name="shots",
        columns={"id": String(), "x": Number(), "y": Number(), "shot_bytes": Bytes(image=True)},
        features=(Numeric("x"), shot),
        label=Regression("y"),
        split=HashSplit("id"),
    )
    size = 6 * channels
    inputs = ModelInputs((NumericInput("x"), NumericInput("shot_bytes_image", size)), ())
    levels = np.random.default_rng(0).integers(0, 256, (SHOWN + 3, size))
    numbers = np.c_[np.full(len(levels), 7.0), levels / 255].astype(np.float32)
    with EventFile(str(tmp_path), 0) as events:
        for name, pixels in pictures(dataset, inputs, numbers):
            events.images(0, name, pixels)
    found = EventAccumulator(str(tmp_path), {"tensors": 0})
    found.Reload()
    (event,) = found.Tensors("shot_bytes_image")
    width, height, *pngs = tf.make_ndarray(event.tensor_proto)
    assert (width, height, len(pngs)) == (b"2", b"3", SHOWN)
    for png, expected in zip(pngs, levels, strict=False):
        np.testing.assert_array_equal(tf.io.decode_png(png).numpy().ravel(), expected)
    # Of inputs that the model is not given, there is nothing to show.
    without = ModelInputs((NumericInput("x"),), ())
    assert list(pictures(dataset, without, numbers[:, :1])) == []
