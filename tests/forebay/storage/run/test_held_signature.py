"""A signature that is held answers as the loader's own does, whatever its inputs are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from forebay.storage.run.loaded_model import HeldSignature

# In no order, and with a capital letter, which comes before all small ones.
DTYPES = {"b": tf.float64, "Zone": tf.string, "a_2": tf.int64, "a": tf.float32, "c": tf.int64}


class Model(tf.Module):
    """Gives each input back under a name of its own, and a sum that needs a variable."""

    def __init__(self) -> None:
        super().__init__()
        self.added = tf.Variable(3, dtype=tf.int64)
        signature = {name: tf.TensorSpec([None], dtype, name) for name, dtype in DTYPES.items()}
        self.serve = tf.function(self.answer, input_signature=[signature])

    def answer(self, raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        tf.debugging.assert_non_negative(raw["a_2"])
        echoed = {f"out_{name}": tf.identity(raw[name]) for name in DTYPES}
        return {"z": raw["c"] + self.added, **echoed, "B": raw["a_2"] * 2}


def test_a_held_signature_answers_as_the_loaders_own(tmp_path: Path) -> None:
    model = Model()
    tf.saved_model.save(model, str(tmp_path), signatures={"serving_default": model.serve})
    loaded = tf.saved_model.load(str(tmp_path))
    signature = loaded.signatures["serving_default"]
    columns = {
        "c": np.array([1, 2]), "a": np.array([0.5, np.nan], np.float32),
        "Zone": np.array([b"EWR", b"\xff"], object), "b": np.array([1e300, -0.0]),
        "a_2": np.array([7, 2**62]),
    }  # fmt: skip
    tensors = {name: tf.constant(column) for name, column in columns.items()}
    held, wanted = HeldSignature(signature), signature(**tensors)
    for given in (columns, tensors):
        found = held(given)
        assert found.keys() == wanted.keys()
        for name, values in wanted.items():
            assert found[name].dtype == values.dtype
            np.testing.assert_array_equal(found[name].numpy(), values.numpy())
    with pytest.raises(tf.errors.InvalidArgumentError):
        held({**columns, "a_2": np.array([-1, 1])})
