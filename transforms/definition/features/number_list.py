"""Lists of numbers as features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from forebay.transforms.definition.columns import Boolean, Column, Integer, Number, Numbers
from forebay.transforms.definition.features.outputs import Outputs
from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.fields.types import Between, Float32
from forebay.transforms.errors import Problem, unknown_column
from forebay.transforms.limits import MOST_ITEMS

Pool = Literal["mean", "sum", "min", "max", "count"]
POOLS: tuple[Pool, ...] = ("mean", "sum", "min", "max", "count")


@dataclass(frozen=True)
class NumberList(Outputs):
    """Several numbers: padded to a fixed length, or pooled to one.

    Padded, the list is one output of ``length`` numbers, where those missing or beyond the list's
    end are ``padding``. Pooled, it is an output ``<name>_<pool>`` for each of ``pool``, over all
    numbers that are there; of a list without any the count is 0, and the others are missing.

    Attributes:
        name: the output's name.
        of: a Numbers column; or several Number, Integer or Boolean columns in their order, such
            as those that ``last_k`` gives.
        length: how many numbers of a Numbers column are kept, from its start; None: those of all
            columns, or for pools any number.
        padding: what stands for missing numbers, in the units after scaling.
        pool: any of ``"mean"``, ``"sum"``, ``"min"``, ``"max"`` and ``"count"``.
        scale: ``"z_score"`` (mean 0, deviation 1), ``"0_1"`` (least 0, greatest 1) or None, by the
            statistics of all numbers of the list on train, or of each pool's.
        impute: what stands for a missing pool: ``"mean"`` of train, or a number before scaling.
        indicator: whether to add ``<name>_is_missing``, 1.0 where a number, or for pools every
            number, is missing.
    """

    name: str
    of: str | Several[str]
    length: Annotated[int, Between(1, MOST_ITEMS, "keeps nothing")] | None = None
    padding: Float32 = 0.0
    pool: Several[Pool] | Pool = ()
    scale: Literal["z_score", "0_1"] | None = None
    impute: Literal["mean"] | Float32 = "mean"
    indicator: bool = False

    def __post_init__(self) -> None:
        freeze_sequences(self)
        if isinstance(self.pool, str):
            object.__setattr__(self, "pool", (self.pool,))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the graph's input that this feature reads."""
        return (self.of,) if isinstance(self.of, str) else tuple(self.of)

    @property
    def width(self) -> int:
        """How many numbers a padded list has."""
        return self.length or len(self.inputs)

    @property
    def indicator_output(self) -> str:
        """The name of the indicator of missing numbers."""
        return f"{self.name}_is_missing"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all transformed columns."""
        numbers = tuple(f"{self.name}_{pool}" for pool in self.pool) or (self.name,)
        return (*numbers, self.indicator_output) if self.indicator else numbers

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        kinds = (Numbers,) if isinstance(self.of, str) else (Number, Integer, Boolean)
        for name in self.inputs:
            if name not in columns:
                yield unknown_column(f"{where}.of", name, columns)
            elif not isinstance(columns[name], kinds):
                yield Problem(
                    f"{where}.of", name, f"a {type(columns[name]).__name__} column",
                    "name one Numbers column, or a list of Number, Integer or Boolean columns",
                )  # fmt: skip
        if not self.inputs:
            yield Problem(f"{where}.of", self.of, "no columns", "name some")
        if self.length is None and isinstance(self.of, str) and not self.pool:
            yield Problem(
                f"{where}.length", None, "lists of any length have no fixed width",
                "write how many numbers to keep, or pool=",
            )  # fmt: skip
        if self.length is not None and not isinstance(self.of, str):
            yield Problem(
                f"{where}.length", self.length, "the columns say how many there are", "leave it out"
            )
