"""A step of one's own between reading and windows, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.functions import FUNCTION_CURE, import_path, is_importable_path
from forebay.transforms.definition.sources import column_problems
from forebay.transforms.errors import Problem


@dataclass(frozen=True)
class Prepare:
    """A Beam PTransform of one's own, from batches of rows to batches of rows.

    It is given what was read of the dataset's own table: ``pyarrow.RecordBatch`` elements with all
    columns, those derived included, and ``__row``, the identity of each row. It gives such batches,
    and may drop rows, change cells, and make several rows of one with `repeated`.

    Attributes:
        transform: the PTransform's class, or a function that returns one, called without arguments;
            or its import path.
        outputs: the columns that it adds, and their kinds, as those of a `Derive`.
    """

    transform: str | Callable[..., Any]
    outputs: Mapping[str, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        freeze_sequences(self)
        object.__setattr__(self, "transform", import_path(self.transform))


def prepare_problems(step: Prepare | None, columns: Mapping[str, Column]) -> Iterator[Problem]:
    """Yields the mistakes of a step, if there is one, given the columns before it."""
    if step is None:
        return
    if not is_importable_path(str(step.transform)):
        yield Problem("prepare.transform", step.transform, "not importable", FUNCTION_CURE)
    for name in step.outputs:
        if name in columns:
            yield Problem(
                "prepare.outputs", name, "this column exists already",
                "rename it; or leave it out, as cells may be changed in their place",
            )  # fmt: skip
    yield from column_problems(step.outputs, "prepare.outputs", made=True)
