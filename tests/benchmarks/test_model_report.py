"""What the comparison of models says about what was measured."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from rich.console import Console


def compared(model_report: ModuleType, metric: str, interval: tuple[float, float]) -> object:
    scores = {
        side: [model_report.ModelScore(value, 100, 1.0, np.zeros(3)) for value in values]
        for side, values in {"ours": (14.0, 14.2), "LightGBM": (15.0, 15.4)}.items()
    }
    return model_report.Compared("trips", metric, "test", 3, scores, interval, {"ours": {}})


@pytest.mark.parametrize(
    ("metric", "interval", "verdict"),
    [
        ("RMSE", (-0.2, -0.1), "ours is better"),
        ("RMSE", (-0.2, 0.1), "no difference shown"),
        ("RMSE", (0.1, 0.2), "LightGBM is better"),
        ("AUC", (0.001, 0.002), "ours is better"),
        ("AUC", (-0.002, 0.001), "no difference shown"),
        ("AUC", (-0.002, -0.001), "LightGBM is better"),
    ],
)
def test_the_verdict_is_the_intervals(
    model_report: ModuleType, metric: str, interval: tuple[float, float], verdict: str
) -> None:
    assert compared(model_report, metric, interval).verdict == verdict


def test_the_table_has_means_spreads_and_differences(model_report: ModuleType) -> None:
    text = io.StringIO()
    found = compared(model_report, "RMSE", (-1.5, -0.5))

    model_report.print_table(Console(file=text, width=200), [found])

    (row,) = (line for line in text.getvalue().splitlines() if "trips" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == [
        "trips", "RMSE", "14.100 ± 0.141", "15.200 ± 0.283", "-1.100", "-1.500 to -0.500",
        "ours is better",
    ]  # fmt: skip


def test_results_are_written(model_report: ModuleType, tmp_path: Path) -> None:
    found = compared(model_report, "RMSE", (-1.5, -0.5))

    as_json, plot = model_report.write_results([found], tmp_path / "made")

    (written,) = json.loads(as_json.read_text())["compared"]
    assert written["difference"] == pytest.approx(-1.1)
    assert [score["value"] for score in written["scores"]["ours"]] == [14.0, 14.2]
    assert plot.read_bytes().startswith(b"\x89PNG")
