"""The notebook of the examples runs from top to bottom, and shows what it should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook" / "delays.ipynb"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What cells show, in order."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
    found = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    told = "".join(output.get("text", "") for output in found if output.get("name") == "stderr")
    assert "Traceback" not in told
    assert "INFO:" not in told
    assert "ingest: " in told
    assert "step 400 of 400: " in told
    return [output.data for output in found if "data" in output]


def test_every_step_shows_what_it_made(outputs: list[Any]) -> None:
    shown = [data["text/html"] for data in outputs if "text/html" in data]
    printed = "".join(text for text in shown if text.startswith("<pre"))
    _, windows, definition, run, training, evaluation, predictions = (
        text for text in shown if not text.startswith("<pre")
    )

    assert "delay_mean_3h_by_origin" in windows
    assert "no leak found in these rows" in printed
    assert "<b>delays</b>" in definition
    assert "delay_mean_3h_by_origin" in definition
    assert "6,000 records" in run
    assert "<td style='text-align:left'>train</td>" in run
    assert "400 steps" in training
    assert "delays, eval" in training
    assert "delays, test" in evaluation
    assert "rmse" in evaluation
    assert "mean of train" in evaluation
    assert "<b>3 rows</b>" in predictions
    assert predictions.count("<tr>") == 4
    assert 0 < float(outputs[-1]["text/plain"]) < 0.8


def test_no_outputs_are_kept_in_the_repository() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells

    assert [cell.id for cell in cells if cell.get("outputs")] == []
