"""The learning-rate finder on a real run: what it tries, suggests and leaves behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forebay as fb
from forebay.trainer.options.find_rate import WITHOUT, FindRateOptions
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
    for split in ("eval", "test"):
        shutil.rmtree(run / "examples" / split)
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


def test_rates_that_end_while_the_loss_falls_suggest_nothing(
    regression_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_of(regression_run)
    flags = ["--model", "linear", "--l2", "0", "--batch-size", "128", "--optimizer", "sgd"]
    assert main(["lr-find", str(run), *flags, "--lowest", "1e-5", "--highest", "0.01"]) == 0
    report = json.loads((run / "learning-rate/rates.json").read_text())
    assert report["steps"] == 300
    assert report["suggestion"] is None
    assert report["lowest"] > 1e-3
    told = capsys.readouterr().out
    assert "has not risen again at --highest 0.01: the largest rate that works may lie" in told
    assert "--learning-rate" not in told


@pytest.mark.parametrize(
    ("options", "highest"),
    [
        ({"optimizer": "adam"}, 1.0),
        ({"optimizer": "adadelta"}, 30.0),
        ({"model": "linear", "optimizer": "ftrl"}, 6.0),
        ({"optimizer": "sgd", "wide_optimizer": "adadelta"}, 30.0),
        ({"optimizer": "adadelta", "highest": 5.0}, 5.0),
    ],
)
def test_rates_go_far_beyond_the_default_of_the_optimizer(
    regression_run: Path, copy_of: Copy, options: dict[str, Any], highest: float
) -> None:
    found = fb.lr_find(copy_of(regression_run), steps=50, members=1, lowest=1e-3, **options)
    assert found["highest"] == highest
    rates = np.geomspace(1e-3, highest, 50)[: found["steps"]]
    np.testing.assert_allclose(found["rates"], rates)


def test_options_that_say_nothing_here_have_no_flags(
    regression_run: Path, copy_of: Copy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of options for training may have them: it is one for both commands."""
    for name in WITHOUT:
        with pytest.raises(SystemExit):
            main(["lr-find", "run", "--" + name.replace("_", "-"), "1"])
        assert "no such option" in capsys.readouterr().err
        with pytest.raises(TypeError, match=f"lr_find has no option '{name}'"):
            fb.lr_find("run", **{name: 1})
    path = tmp_path / "best.toml"
    path.write_text('model = "linear"\nlearning_rate = 0.5\nmax_steps = 3\n')
    run = copy_of(regression_run)
    assert main(["lr-find", str(run), "--config", str(path), "--steps", "50"]) == 0
    assert len(json.loads((run / "learning-rate/rates.json").read_text())["rates"]) > 5


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
        ({"lowest": 2.0}, "--lowest = 2.0: not between zero and --highest 1"),
        ({"steps": 10}, "--steps = 10"),
    ],
)
def test_options_out_of_range_are_named(change: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        FindRateOptions(**change)
