"""Functions that no served model can run, and functions that make no numbers of real rows."""

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


INVERSE = """
import tensorflow as tf
import forebay as fb


def add_engineered(columns):
    return {"inverse": 1.0 / columns["x"], "ratio": columns["x"] / columns["z"]}


trips = fb.Dataset(
    name="trips",
    columns={"id": fb.String(), "x": fb.Number(), "z": fb.Number(required=True), "y": fb.Number()},
    features=[fb.Custom(add_engineered, columns=["x", "z"])],
    label=fb.Regression("y"),
    split=fb.HashSplit(on="id"),
)
"""


def test_numbers_that_are_none_are_found_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    definition, rows, run = (tmp_path / name for name in ("inverse_trips.py", "d.csv", "run"))
    definition.write_text(INVERSE, "utf-8")
    lines = [f"r{i},{i % 7 + 1},{i + 1},{i}" for i in range(200)]
    lines[40], lines[150] = "r40,,41,40", "r150,0,0,150"
    rows.write_text("\n".join(["id,x,z,y", *lines]), "utf-8")

    status = main(
        ["preprocess", str(definition), "--input", str(rows), "--output", str(run), "--shards", "3"]
    )

    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert status == 2, error
    assert "of the function 'inverse_trips:add_engineered' the output 'inverse' is " in error
    assert "in 2 rows (and so are some of ratio), the first at " in error
    # Which of the two is the first is decided by split and shard.
    assert f"{rows}:42 (x=None, z=41.0)" in error or f"{rows}:152 (x=0.0, z=0.0)" in error
    assert "tf.where" in error
    assert not run.exists()
