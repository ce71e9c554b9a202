"""The pages on texts, images and lists: their definitions, their rows and what these become."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

from forebay.transforms.definition.columns import MISSING, Bytes, Column
from forebay.transforms.definition.dataset import Dataset

FEATURES = Path(__file__).resolve().parents[2] / "docs" / "reference" / "features"
PAGES = ("text.md", "images.md", "lists.md")
Cells = list[dict[str, str]]


def read_page(name: str) -> tuple[Dataset, Cells, Cells]:
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


def graph_value(text: str, column: Column) -> float | int | bytes:
    """A cell as the graph is given it."""
    if not text:
        return MISSING[column.graph_dtype]
    if column.graph_dtype == "string":
        return base64.b64decode(text) if isinstance(column, Bytes) else text.encode()
    return float(text)
