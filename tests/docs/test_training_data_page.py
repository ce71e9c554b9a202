"""What docs/reference/training-data.md shows is what the code does."""

from __future__ import annotations

import numpy as np
from doc_pages import Page

from forebay.cli import _parser
from forebay.trainer.examples.statistics import Scale, TrainStatistics
from forebay.trainer.examples.weighting import weighting
from forebay.trainer.options import DataOptions
from forebay.trainer.options.choose import steps_per_pass

PAGE = Page("reference/training-data.md")


def test_the_commands_parse() -> None:
    parsed = [_parser().parse_args(command[1:]) for command in PAGE.commands("forebay")]
    assert len(parsed) == 4
    assert {args.command for args in parsed} == {"train"}
    assert parsed[2].train_files == ["part-0000*"]
    assert parsed[3].class_weights == "balanced"


def test_the_steps() -> None:
    for row in PAGE.tables[0]:
        rows, size = (int(row[name].replace(",", "")) for name in ("rows", "`--batch-size`"))
        assert steps_per_pass(rows, size) == int(row["steps of a pass"])
        assert 20 * steps_per_pass(rows, size) == int(row["`--epochs 20`"])


def test_the_defaults_of_reading() -> None:
    for row in PAGE.tables[1]:
        name = row["option"].strip("`").removeprefix("--").removesuffix(" N").replace("-", "_")
        assert getattr(DataOptions, name) == int(row["default"].replace(",", ""))


def test_the_weights() -> None:
    calls = PAGE.run_python()["calls"]
    assert calls.weight in calls.carried_columns

    rows = PAGE.tables[2]
    sold, worth, of_class, counts = (
        np.array([float(row[name]) for row in rows], np.float32) for name in rows[0]
    )
    sums = np.array([worth[sold == c].sum() for c in (0, 1)], np.float64)
    nothing = Scale(np.zeros(1), np.ones(1))
    statistics = TrainStatistics(nothing, nothing, len(rows), float(worth.sum()), sums)
    found = weighting("balanced", calls.label, statistics)
    np.testing.assert_array_equal(np.array(found.of_class)[sold.astype(int)], of_class)
    np.testing.assert_array_equal(found.row_weights(sold, worth), counts)
