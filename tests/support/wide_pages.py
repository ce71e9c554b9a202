"""The pages on texts, images and lists: their definitions, their rows and what these become."""

from __future__ import annotations

import base64

from doc_pages import Page, Table

from forebay.transforms.definition.columns import MISSING, Bytes, Column
from forebay.transforms.definition.dataset import Dataset

PAGES = ("text.md", "images.md", "lists.md")


def read_page(name: str) -> tuple[Dataset, Table, Table]:
    """A page's definition, its rows and the outputs that it shows."""
    page = Page(f"reference/features/{name}")
    definitions = page.run_python().values()
    (definition,) = (value for value in definitions if isinstance(value, Dataset))
    given, shown = page.tables
    return definition, given, shown


def graph_value(text: str, column: Column) -> float | int | bytes:
    """A cell as the graph is given it."""
    if not text:
        return MISSING[column.graph_dtype]
    if column.graph_dtype == "string":
        return base64.b64decode(text) if isinstance(column, Bytes) else text.encode()
    return float(text)
