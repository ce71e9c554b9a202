"""A definition whose function no served model can run is refused before any data is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from forebay.cli import main

DEFINITION = """
import numpy as np
import tensorflow as tf
import forebay as fb


def add_engineered(columns):
    root = tf.numpy_function(np.sqrt, [columns["x"]], tf.float32)
    return {"root": tf.ensure_shape(root, [None])}


trips = fb.Dataset(
    name="trips",
    columns={"day": fb.Date(), "x": fb.Number(), "y": fb.Number()},
    features=[fb.Numeric("x"), fb.Custom(add_engineered, columns=["x"])],
    label=fb.Regression("y"),
    split=fb.HashSplit(on="day"),
)
"""


@pytest.mark.parametrize("command", ["check", "preprocess"])
def test_it_is_refused(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    definition = tmp_path / f"trips_to_{command}.py"
    definition.write_text(DEFINITION, "utf-8")
    output = ["--output", str(tmp_path / "run")] if command == "preprocess" else []
    # There is no such input: what is wrong shows before.
    status = main([command, str(definition), "--input", str(tmp_path / "none.csv"), *output])

    assert status == 2
    error = capsys.readouterr().err
    assert f"the function 'trips_to_{command}:add_engineered' uses the operation PyFunc" in error
    assert "write it in TensorFlow's own operations" in error
    assert not (tmp_path / "run").exists()
