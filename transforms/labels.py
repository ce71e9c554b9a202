"""What the model learns to predict."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from transforms.columns import Boolean, Column, Integer, Number
from transforms.errors import Problem, unknown_column
from transforms.freeze import freeze_sequences

Task = Literal["regression", "binary_classification"]


@dataclass(frozen=True)
class Regression:
    """Predicts a number, in the label's own units.

    Attributes:
        column: a Number or Integer column.
        baselines: Number or Integer columns that are themselves a guess at the label; every
            evaluation shows them, beside the mean of train.
    """

    column: str
    baselines: tuple[str, ...] = ()

    task: ClassVar[Task] = "regression"
    kinds: ClassVar[tuple[type[Column], ...]] = (Number, Integer)

    def __post_init__(self) -> None:
        freeze_sequences(self)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this label; ``where`` is its path in the definition."""
        yield from label_problems(self, where, columns)


@dataclass(frozen=True)
class BinaryClassification:
    """Predicts the probability that a column is true.

    Attributes:
        column: a Boolean column, or an Integer or Number column of 0 and 1.
        baselines: Number or Integer columns whose order is a guess at the label's; every
            evaluation shows their AUC, beside the share of positives in train.
    """

    column: str
    baselines: tuple[str, ...] = ()

    task: ClassVar[Task] = "binary_classification"
    kinds: ClassVar[tuple[type[Column], ...]] = (Boolean, Integer, Number)

    def __post_init__(self) -> None:
        freeze_sequences(self)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this label; ``where`` is its path in the definition."""
        yield from label_problems(self, where, columns)


Label = Regression | BinaryClassification


def label_problems(label: Label, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
    """Yields the mistakes that any kind of label can have."""
    wanted = [("column", label.column, label.kinds)]
    wanted += [("baselines", name, (Number, Integer)) for name in label.baselines]
    for attribute, name, kinds in wanted:
        column = columns.get(name)
        if column is None:
            yield unknown_column(f"{where}.{attribute}", name, columns)
        elif not isinstance(column, kinds):
            yield Problem(
                f"{where}.{attribute}",
                name,
                f"a {type(column).__name__} column",
                "name a column of kind " + " or ".join(kind.__name__ for kind in kinds),
            )
