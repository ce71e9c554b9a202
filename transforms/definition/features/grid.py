"""Cells of a map as features."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from forebay.transforms.definition.columns import Column, Integer, Number, kind_problems
from forebay.transforms.definition.features.on_column import Embed
from forebay.transforms.definition.features.outputs import Outputs
from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.types import Between, Float32
from forebay.transforms.errors import Problem
from forebay.transforms.limits import MOST_BOUNDARIES, MOST_IDS

_Bounds = tuple[Float32, Float32]
_Cells = Annotated[int, Between(1, MOST_BOUNDARIES, "no cell")]


@dataclass(frozen=True)
class Grid(Outputs):
    """The cell of a latitude/longitude grid that a place lies in: one id per cell.

    The id is ``row * columns + column``, rows counted from the south and columns from the west. A
    place outside the bounds has the id after the cells'; where either coordinate is missing, the
    last id.

    Attributes:
        latitude, longitude: Number or Integer columns, in any unit.
        cells: how many rows, and how many columns.
        latitudes: least and greatest latitude, between which rows are evenly spaced, both
            included; None: rows of equal frequency on train, without an outside.
        longitudes: the least and greatest longitude, in the same way for columns.
        embed: dimensions of the embedding on the deep side, or ``"one_hot"``; None: chosen from
            the size.
        name: the output's name; None: ``<latitude>_<longitude>_cell``.
    """

    latitude: str
    longitude: str
    cells: tuple[_Cells, _Cells]
    latitudes: _Bounds | None = None
    longitudes: _Bounds | None = None
    embed: Embed = None
    name: str | None = None

    kinds: ClassVar[tuple[type[Column], ...]] = (Number, Integer)
    crossable = True

    def __post_init__(self) -> None:
        freeze_sequences(self)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the graph's input that this feature reads."""
        return (self.latitude, self.longitude)

    @property
    def output(self) -> str:
        """The name of the transformed column."""
        return self.name or f"{self.latitude}_{self.longitude}_cell"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all transformed columns."""
        return (self.output,)

    @property
    def oov_ids(self) -> int:
        """How many ids places outside the bounds share."""
        return int(self.latitudes is not None or self.longitudes is not None)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        for field in ("latitude", "longitude"):
            name = getattr(self, field)
            yield from kind_problems(f"{where}.{field}", name, self.kinds, columns)
        if math.prod(self.cells) > MOST_IDS:
            yield Problem(
                f"{where}.cells", self.cells, f"{math.prod(self.cells):,} cells",
                f"write numbers of rows and of columns that make up to {MOST_IDS:,}",
            )  # fmt: skip
        for field in ("latitudes", "longitudes"):
            bounds = getattr(self, field)
            if bounds is not None and not bounds[0] < bounds[1]:
                yield Problem(
                    f"{where}.{field}", bounds, "not a least and a greatest value",
                    "write such as (40.5, 41.0)",
                )  # fmt: skip
