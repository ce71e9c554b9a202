"""What docs/reference/training-data.md shows is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from forebay.cli import _parser
from forebay.trainer.examples.batches import steps_per_pass
from forebay.trainer.examples.statistics import Moments, TrainStatistics
from forebay.trainer.examples.weighting import weighting
from forebay.transforms.definition.dataset import Dataset

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "training-data.md").read_text(
    "utf-8"
)


def tables() -> list[list[dict[str, str]]]:
    """The page's tables: a row by its columns' names."""
    found = []
    for block in re.findall(r"(?:^\|.*\|\n)+", PAGE, re.M):
        head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")]
                          for line in block.splitlines())  # fmt: skip
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


def test_the_commands_parse() -> None:
    commands = re.findall(r"^forebay ([^#\n]*)", PAGE, re.M)
    assert len(commands) == 4
    parsed = [_parser().parse_args(command.replace("'", "").split()) for command in commands]
    assert {args.command for args in parsed} == {"train"}
    assert parsed[2].train_files == ["part-0000*"]
    assert parsed[3].class_weights == "balanced"


def test_the_steps() -> None:
    for row in tables()[0]:
        rows, size = (int(row[name].replace(",", "")) for name in ("rows", "`--batch-size`"))
        assert steps_per_pass(rows, size) == int(row["steps of a pass"])
        assert 20 * steps_per_pass(rows, size) == int(row["`--epochs 20`"])


def test_the_weights() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names: dict[str, Dataset] = {}
    exec(code, names)
    calls = names["calls"]
    assert calls.weight in calls.carried_columns

    rows = tables()[1]
    sold, worth, of_class, counts = (
        np.array([float(row[name]) for row in rows], np.float32) for name in rows[0]
    )
    sums = np.array([worth[sold == c].sum() for c in (0, 1)], np.float64)
    nothing = Moments(np.zeros(1), np.ones(1))
    statistics = TrainStatistics(nothing, nothing, len(rows), float(worth.sum()), sums)
    found = weighting("balanced", calls.label, statistics)
    np.testing.assert_array_equal(np.array(found.of_class)[sold.astype(int)], of_class)
    np.testing.assert_array_equal(found.row_weights(sold, worth), counts)
