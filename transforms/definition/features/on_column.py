"""What features of one column have in common."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, ClassVar, Literal

from forebay.transforms.definition.columns import Column, kind_problems
from forebay.transforms.definition.derived_numbers import DerivedNumber
from forebay.transforms.definition.features.outputs import Outputs
from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.types import Between
from forebay.transforms.errors import Problem
from forebay.transforms.limits import MOST_DIMENSIONS

# How the deep side is given ids: by an embedding of so many dimensions, by a one-hot, or as the
# trainer chooses.
Embed = Annotated[int, Between(1, MOST_DIMENSIONS, "not a dimension")] | Literal["one_hot"] | None


@dataclass(frozen=True)
class OnColumn(Outputs):
    """What features of one column share.

    Attributes:
        column: what the feature is made of.
        suffix: tells in the output's name what is done to it.
        kinds: the kinds of column that it takes.
        takes_derived_numbers: whether it takes the number made of two columns, too.
    """

    column: str | DerivedNumber

    suffix: ClassVar[str]
    kinds: ClassVar[tuple[type[Column], ...]]
    takes_derived_numbers: ClassVar[bool] = False

    def __post_init__(self) -> None:
        freeze_sequences(self)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the graph's input that this feature reads."""
        return self.column.inputs if isinstance(self.column, DerivedNumber) else (self.column,)

    @property
    def output(self) -> str:
        """The name of the transformed column."""
        source = self.column.name if isinstance(self.column, DerivedNumber) else self.column
        return getattr(self, "name", None) or f"{source}_{self.suffix}"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all transformed columns."""
        return (self.output,)

    def column_problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields what is wrong with the column; ``where`` is the feature's path."""
        if isinstance(self.column, DerivedNumber) and not self.takes_derived_numbers:
            yield Problem(
                f"{where}.column",
                self.column,
                f"a {type(self).__name__} takes one column",
                "name one, or use Numeric or Bucketized",
            )
            return
        if not isinstance(self.column, DerivedNumber):
            yield from kind_problems(f"{where}.column", self.column, self.kinds, columns)
            return
        for field, name in zip(fields(self.column), self.column.inputs, strict=False):
            path = f"{where}.column.{field.name}"
            yield from kind_problems(path, name, self.column.kinds, columns)
