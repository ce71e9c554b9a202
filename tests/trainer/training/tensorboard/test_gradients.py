"""Norms of gradients: right, and a warning where they vanish or explode."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from forebay.trainer.task import main
from forebay.trainer.training.tensorboard.gradients import GradientNorms, GradientProbe

Copy = Callable[[Path], Path]


def test_norms_are_those_of_the_derivatives() -> None:
    """Of two members, each (x · w - y)² in the mean: 2 E[(x · w - y) x], and half of it."""
    x = keras.Input((2,))
    heads = [keras.layers.Dense(1, name=name)(x) for name in ("one", "other")]
    members = keras.Model(x, keras.layers.Concatenate()(heads))
    rng = np.random.default_rng(0)
    rows, label = rng.normal(size=(50, 2)).astype(np.float32), rng.normal(size=50)
    probe = GradientProbe(
        members, lambda y, score: (score - y) ** 2, (rows,), label.astype(np.float32)
    )
    found = probe.measure().of_layers
    for name in ("one", "other"):
        kernel, bias = members.get_layer(name).get_weights()
        error = rows @ kernel[:, 0] + bias[0] - label
        by_hand = np.append(np.mean(error[:, None] * rows, axis=0), np.mean(error))
        assert found[name] == pytest.approx(np.linalg.norm(by_hand), rel=1e-5)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ({"hidden_0": 0.5, "hidden_1": 0.2, "deep": 1.0, "wide_numbers": 3.0}, None),
        ({"hidden_0": 1e-4, "hidden_1": 0.2, "deep": 1.0}, "vanishes on its way to layer hidden_0"),
        ({"hidden_0": 0.5, "deep": 2e4}, "layer deep explodes, its norm is 2e+04; --clip-global"),
        ({"hidden_0": float("nan"), "deep": 1.0}, "layer hidden_0 explodes"),
        ({"own": 1.0}, None),
        ({}, None),
    ],
)
def test_what_vanishes_or_explodes_is_named(layers: dict[str, float], words: str | None) -> None:
    found = GradientNorms(layers).warning()
    assert found is None if words is None else words in str(found)


def test_a_deep_stack_of_sigmoids_is_warned_of_and_the_cure_cures(
    regression_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(copy_of(regression_run))
    flags = [
        "--model", "deep", "--hidden-units", "8,8,8,8,8,8,8,8", "--max-steps", "20", "--eval-every",
        "10", "--members", "1", "--no-export", "--fresh",
    ]  # fmt: skip
    assert main(["train", run, *flags, "--activation", "sigmoid"]) == 0
    told = capsys.readouterr().err
    assert told.count("the gradient vanishes on its way to layer hidden_0") == 1
    assert "--activation relu" in told
    assert main(["train", run, *flags, "--activation", "relu"]) == 0
    assert "vanishes" not in capsys.readouterr().err
