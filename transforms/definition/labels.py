"""What the model learns to predict."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from forebay.transforms.definition.columns import Boolean, Column, Integer, Number, String
from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.errors import Problem, unknown_column

Task = Literal["regression", "binary_classification", "multiclass_classification"]


@dataclass(frozen=True)
class Regression:
    """Predicts a number, in the label's own units.

    Attributes:
        column: a Number or Integer column.
        baselines: Number or Integer columns that are themselves a guess at the label; every
            evaluation shows them, beside the mean of train.
    """

    column: str
    baselines: Several[str] = ()

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
    baselines: Several[str] = ()

    task: ClassVar[Task] = "binary_classification"
    kinds: ClassVar[tuple[type[Column], ...]] = (Boolean, Integer, Number)

    def __post_init__(self) -> None:
        freeze_sequences(self)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this label; ``where`` is its path in the definition."""
        yield from label_problems(self, where, columns)


@dataclass(frozen=True)
class Classification:
    """Predicts the probability of each of several classes.

    A row whose label is not one of the classes becomes no example.

    Attributes:
        column: a String or Integer column.
        classes: the column's values to be told apart, at least two, in the order of the
            probabilities: texts for a String column, whole numbers for an Integer one.
        baselines: columns of the label's kind that are themselves a guess at the class.
    """

    column: str
    classes: Several[str | int]
    baselines: Several[str] = ()

    task: ClassVar[Task] = "multiclass_classification"
    kinds: ClassVar[tuple[type[Column], ...]] = (String, Integer)

    def __post_init__(self) -> None:
        freeze_sequences(self)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this label; ``where`` is its path in the definition."""
        column = columns.get(self.column)
        kinds = (type(column),) if isinstance(column, self.kinds) else self.kinds
        yield from label_problems(self, where, columns, kinds)
        if len(self.classes) < 2:
            yield Problem(f"{where}.classes", self.classes, "fewer than two", "list them all")
        for value, times in Counter(self.classes).items():
            if times > 1:
                yield Problem(f"{where}.classes", value, "listed twice", "list it once")
        if isinstance(column, self.kinds):
            yield from self._class_problems(f"{where}.classes", column)

    def _class_problems(self, where: str, column: Column) -> Iterator[Problem]:
        wanted, name = (str, "texts") if isinstance(column, String) else (int, "whole numbers")
        for value in self.classes:
            if not isinstance(value, wanted) or isinstance(value, bool):
                cause = f"{self.column!r} is a {type(column).__name__} column"
                yield Problem(where, value, cause, f"list {name}")
            elif isinstance(column, String) and column.values and value not in column.values:
                yield Problem(
                    where, value, f"rows with it are rejected: {self.column!r} lists its values",
                    f"list some of {', '.join(map(repr, column.values))}",
                )  # fmt: skip


Label = Regression | BinaryClassification | Classification


def label_problems(
    label: Label,
    where: str,
    columns: Mapping[str, Column],
    baseline_kinds: tuple[type[Column], ...] = (Number, Integer),
) -> Iterator[Problem]:
    """Yields the mistakes that any kind of label can have."""
    wanted = [("column", label.column, label.kinds)]
    wanted += [("baselines", name, baseline_kinds) for name in label.baselines]
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
