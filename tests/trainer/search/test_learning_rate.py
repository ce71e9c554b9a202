"""The learning-rate finder on a real run: what it tries, suggests and leaves behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import forebay as fb
from forebay.trainer.options.find_rate import FindRateOptions
from forebay.trainer.search.learning_rate import Growth
from forebay.trainer.task import main
from forebay.transforms.errors import InputError

Copy = Callable[[Path], Path]


def test_rates_grow_by_a_constant_factor() -> None:
    growth = Growth(1e-5, 10.0, 40)
    found = [float(growth(step)) for step in range(40)]
    np.testing.assert_allclose(found, np.geomspace(1e-5, 10.0, 40), rtol=1e-5)


def test_a_rate_is_suggested_and_nothing_else_is_touched(
    regression_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_of(regression_run)
    shutil.rmtree(run / "examples/test")
    before = {path.name for path in run.iterdir()}
    flags = ["--model", "linear", "--l2", "0", "--batch-size", "128", "--optimizer", "sgd"]
    assert main(["lr-find", str(run), *flags, "--lowest", "1e-5", "--highest", "100"]) == 0
    report = json.loads((run / "learning-rate/rates.json").read_text())
    rates, smooth = np.array(report["rates"]), np.array(report["smooth"])
    assert len(rates) == len(report["losses"]) == report["steps"]
    np.testing.assert_allclose(rates, np.geomspace(1e-5, 100, 300)[: len(rates)])
    # A linear model of standardised numbers diverges under plain descent long before that.
    assert 50 < len(rates) < 300
    assert 1e-4 < report["suggestion"] < report["lowest"] < 5
    assert smooth[rates <= report["lowest"]].min() < 0.8 * smooth[0]
    assert f"--learning-rate {report['suggestion']:.2g}" in capsys.readouterr().out
    assert {path.name for path in run.iterdir()} == {*before, "learning-rate"}
    assert (run / "learning-rate/rates.png").read_bytes()[:4] == b"\x89PNG"


def test_from_python_it_is_what_stands_in_the_run(regression_run: Path, copy_of: Copy) -> None:
    run = copy_of(regression_run)

    found = fb.lr_find(
        run, model="linear", l2=0.0, batch_size=128, optimizer="sgd", lowest=1e-3, highest=1.0,
        steps=50,
    )  # fmt: skip

    assert found == json.loads((run / "learning-rate/rates.json").read_text())
    np.testing.assert_allclose(found["rates"][:2], np.geomspace(1e-3, 1, 50)[:2])
    with pytest.raises(InputError, match="--steps = 10"):
        fb.lr_find(run, steps=10)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lowest": 0.0}, "--lowest = 0.0"),
        ({"lowest": 2.0, "highest": 1.0}, "--highest 1"),
        ({"steps": 10}, "--steps = 10"),
    ],
)
def test_options_out_of_range_are_named(change: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        FindRateOptions(**change)
