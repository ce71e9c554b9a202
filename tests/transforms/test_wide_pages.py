"""The examples of the pages on texts, images and lists are what the graph makes of their rows."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam

from transforms.columns import MISSING, Bytes, Column
from transforms.dataset import Dataset
from transforms.graph.preprocessing import feature_spec, preprocessing_fn

FEATURES = Path(__file__).resolve().parents[2] / "docs" / "features"
Cells = list[dict[str, str]]


def read(name: str) -> tuple[Dataset, Cells, Cells]:
    """A page's definition, its rows and the outputs that it shows."""
    page = (FEATURES / name).read_text("utf-8")
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", page, re.S)[0], names)
    (definition,) = (value for value in names.values() if isinstance(value, Dataset))
    tables = []
    for block in re.findall(r"(?:^\|.*\|\n)+", page, re.M):
        head, _, *rows = ([cell.strip() for cell in line.strip().strip("|").split("|")]
                          for line in block.splitlines())  # fmt: skip
        tables.append([dict(zip(head, row, strict=True)) for row in rows])
    given, shown = tables
    return definition, given, shown


def value(text: str, column: Column) -> float | int | bytes:
    if not text:
        return MISSING[column.graph_dtype]
    if column.graph_dtype == "string":
        return base64.b64decode(text) if isinstance(column, Bytes) else text.encode()
    return float(text)


@pytest.mark.parametrize("name", ["text.md", "images.md", "lists.md"])
def test_the_worked_example(name: str, tmp_path: Path) -> None:
    definition, given, shown = read(name)
    kinds = {column: definition.all_columns[column] for column in definition.graph_columns}
    rows = [
        {column: value(row.get(column, "1"), kind) for column, kind in kinds.items()}
        for row in given
    ]
    metadata = tft.DatasetMetadata.from_feature_spec(feature_spec(definition))
    with tft_beam.Context(temp_dir=str(tmp_path)):
        (found, _), _ = (rows, metadata) | tft_beam.AnalyzeAndTransformDataset(
            preprocessing_fn(definition)
        )
    assert set(shown[0]) - {"id"} == {o for f in definition.features for o in f.outputs}
    for row, expected in zip(found, shown, strict=True):
        for output, text in expected.items():
            if output != "id":
                numbers = [float(number) for number in text.split()]
                np.testing.assert_allclose(np.ravel(row[output]), numbers, atol=5e-5)
