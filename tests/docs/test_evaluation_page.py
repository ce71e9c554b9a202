"""What docs/reference/evaluation.md shows is what the code does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from forebay.cli import _parser
from forebay.trainer.metrics.binary import BinaryPredictions
from forebay.trainer.metrics.multiclass import MulticlassPredictions
from forebay.trainer.metrics.regression import RegressionPredictions
from forebay.trainer.metrics.threshold import choose_threshold
from forebay.trainer.options import evaluate_options
from forebay.trainer.options.threshold import ThresholdAim

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "evaluation.md").read_text(
    "utf-8"
)


def tables() -> list[list[list[str]]]:
    """The page's tables: rows of cells, the line below the head left out."""
    found = []
    for block in re.findall(r"(?:^\|.*\|\n)+", PAGE, re.M):
        head, _, *rows = (
            [cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()
        )
        found.append([head, *rows])
    return found


def test_the_commands_are_valid() -> None:
    commands = re.findall(r"^forebay (evaluate .*)$", PAGE, re.M)
    assert len(commands) >= 8
    for command in commands:
        evaluate_options(_parser().parse_args(shlex.split(command)))


def test_the_thresholds_are_those_chosen() -> None:
    _, rows, aims, *_ = tables()
    probability = np.array([float(cell) for cell in rows[0][1:]])
    label = np.array([float(cell == "yes") for cell in rows[1][1:]])
    answers = BinaryPredictions(label, probability, 0.5)
    for aim, _, chosen, precision, recall, alarms, missed in aims[1:]:
        threshold = choose_threshold(answers, ThresholdAim.parse(aim.strip("`")), "eval")
        assert threshold == float(chosen)
        found = BinaryPredictions(label, probability, threshold).metrics()
        assert found["precision"] == pytest.approx(float(precision), abs=5e-4)
        assert found["recall"] == pytest.approx(float(recall))
        assert found["confusion"]["false_positives"] == int(alarms)
        assert found["confusion"]["false_negatives"] == int(missed)


def test_every_metric_is_on_the_page() -> None:
    ones = np.ones(2)
    answers = [
        RegressionPredictions(ones, ones),
        BinaryPredictions(ones, ones, 0.5),
        MulticlassPredictions(np.zeros(2, np.int64), np.full((2, 2), 0.5), ("a", "b"), 3),
    ]
    for (kind, named, _), one in zip(tables()[0][1:], answers, strict=True):
        assert set(one.scores()) <= set(re.findall(r"`(\w+)`", named)), kind


def test_the_python_example_gives_what_it_says() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names: dict[str, object] = {}
    exec(code, names)
    said = re.findall(r"^(answers.*)  # (.*)$", code, re.M)
    assert len(said) == 2
    for expression, value in said:
        assert eval(expression, names) == float(value)
    low, high = eval(code.splitlines()[-1], names)
    assert low < names["answers"].scores()["log_loss"] < high  # type: ignore[attr-defined]
