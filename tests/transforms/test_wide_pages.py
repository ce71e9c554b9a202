"""The examples of the pages on texts, images and lists are what the graph makes of their rows."""

from __future__ import annotations

import base64
import re
from itertools import zip_longest
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
PAGES = ("text.md", "images.md", "lists.md")
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


def together(definitions: list[Dataset]) -> Dataset:
    """One definition of all pages' columns and features: analyses are dear."""
    return Dataset(
        name="pages",
        columns={name: kind for d in definitions for name, kind in d.columns.items()},
        row_time=next(d.row_time for d in definitions if d.row_time),
        windows=tuple(window for d in definitions for window in d.windows),
        features=tuple(feature for d in definitions for feature in d.features),
        label=definitions[0].label,
        split=definitions[0].split,
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, np.ndarray]]:
    """What the graph makes of the rows of all pages side by side."""
    pages = [read(name) for name in PAGES]
    definition = together([page[0] for page in pages])
    kinds = {column: definition.all_columns[column] for column in definition.graph_columns}
    given = [
        {name: text for row in rows for name, text in (row or {}).items()}
        for rows in zip_longest(*(page[1] for page in pages))
    ]
    rows = [
        {column: value(row.get(column, ""), kind) for column, kind in kinds.items()}
        for row in given
    ]
    metadata = tft.DatasetMetadata.from_feature_spec(feature_spec(definition))
    with tft_beam.Context(temp_dir=str(tmp_path_factory.mktemp("pages"))):
        (found, _), _ = (rows, metadata) | tft_beam.AnalyzeAndTransformDataset(
            preprocessing_fn(definition)
        )
    return found


@pytest.mark.parametrize("name", PAGES)
def test_the_worked_example(found: list[dict[str, np.ndarray]], name: str) -> None:
    definition, _, shown = read(name)
    assert set(shown[0]) - {"id"} == {o for f in definition.features for o in f.outputs}
    for row, expected in zip(found, shown, strict=False):
        for output, text in expected.items():
            if output != "id":
                numbers = [float(number) for number in text.split()]
                np.testing.assert_allclose(np.ravel(row[output]), numbers, atol=5e-5)
