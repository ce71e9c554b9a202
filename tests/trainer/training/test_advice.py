"""Rates that are known to fail fail, and are warned of before; so are evaluations that tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chosen import chosen

from forebay.trainer.options.choose import Table
from forebay.trainer.task import main
from forebay.trainer.training.advice import of_outcome, of_rates

Copy = Callable[[Path], Path]
TABLE = Table(4_000, 9, "regression")
FLAGS = [
    "--model", "linear", "--optimizer", "adadelta", "--epochs", "40", "--no-export",
    "--no-tensorboard", "--json",
]  # fmt: skip


def trained(run: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[float, str]:
    """Returns the RMSE to that of the mean of train, and what was told."""
    assert main(["train", str(run), *FLAGS, *flags]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)["evaluation"]
    mean = report["baselines"][0]["metrics"]["rmse"]
    return report["metrics"]["rmse"] / mean, printed.err


def test_a_rate_that_fails_is_warned_of_and_the_default_does_not(
    regression_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_of(regression_run)
    ratio, told = trained(run, capsys, "--learning-rate", "0.002")
    assert ratio > 0.95
    assert "warning: --learning-rate 0.002 is 500 times below the 1 that adadelta takes" in told
    default, told = trained(run, capsys, "--fresh")
    assert default < 0.6
    assert "warning" not in told
    assert "--learning-rate 1 (adadelta's)" in told
    assert " steps = 39.7 epochs · 4,000 rows / 64 a batch" in told


def test_a_training_without_any_option_is_best_between_its_first_and_last_evaluation(
    regression_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_of(regression_run)
    assert main(["train", str(run), "--no-export", "--no-tensorboard"]) == 0
    assert "was the best" not in capsys.readouterr().err
    record = json.loads((run / "training/model.json").read_text())
    scores = [one["score"] for one in record["history"]]
    assert scores[0] > min(scores) < scores[-1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"learning_rate": 2e-3}, None),
        ({"learning_rate": 5.0}, "1,786 times above the 0.0028 that adam takes for hidden layers"),
        ({"learning_rate": 1e-6, "model": "linear"}, "times below the 0.2 that adam takes for a l"),
        ({"wide_optimizer": "ftrl", "wide_learning_rate": 1e-4}, "--wide-learning-rate 0.0001 is"),
    ],
)
def test_rates_far_from_an_optimizers_own_are_warned_of(
    given: dict[str, Any], words: str | None
) -> None:
    found = of_rates(chosen(**given), TABLE)
    assert found is None if words is None else words in str(found)


def outcome(
    scores: list[float],
    own: float = 1.0,
    mean: float | None = 2.0,
    weights: str | None = None,
    first: int = 62,
    max_steps: int = 248,
) -> str | None:
    record: Any = {
        "steps_trained": first * 2 ** (len(scores) - 1),
        "history": [{"score": score, "step": first * 2**i} for i, score in enumerate(scores)],
        "options": {
            "learning_rate": 0.1,
            "eval_every": 500,
            "max_steps": max_steps,
            "data": {"class_weights": weights},
        },
    }
    baseline = {"name": "mean of train", "metrics": mean and {"rmse": mean}}
    report = {"metrics": {"rmse": own}, "baselines": [baseline]}
    return of_outcome(record, report, "rmse")


def test_evaluations_tell_what_could_be_better() -> None:
    assert outcome([3.0, 1.0, 2.0]) is None
    assert outcome([3.0, 1.0]) is None
    assert "more --max-steps" in str(outcome([3.0, 2.0, 1.0]))
    assert outcome([3.0, 2.0, 1.0], max_steps=249) is None  # the same command goes on
    assert outcome([3.0, 1.0, 0.9999]) is None  # nothing was gained at the end
    assert "no better than the 2 of predicting the mean" in str(outcome([3.0, 1.0, 2.0], own=2.0))
    assert outcome([3.0, 1.0, 2.0], own=2.0, mean=None) is None
    assert outcome([3.0, 1.0, 2.0], own=2.0, weights="balanced") is None


def test_what_is_advised_where_the_first_evaluation_is_the_best_comes_before_it() -> None:
    """By default evaluations begin at an eighth of --eval-every: a lower one may come later."""
    told = str(outcome([1.0, 2.0, 3.0]))
    assert told.startswith("the first of 3 evaluations, after 62 steps, was the best: ")
    assert told.endswith(
        "a lower --eval-every than 62 or a lower --learning-rate may find a better one"
    )
    told = str(outcome([1.0, 2.0, 3.0], first=1))
    assert told.endswith(
        "after 1 step, was the best: a lower --learning-rate may find a better one"
    )
