"""How the values of a category become ids.

Every way gives ids from 0: first those of the known values, then the `oov_ids` that all other
values share. Values are told apart by their text: 7 by "7", true by "1", false by "0". Where a
value is hashed, its id is FarmHash's Fingerprint64 of that text, modulo the number of ids to share.
(Outside a vocabulary of train, line ends and the empty text are hashed as what stands for them
there.)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from forebay.transforms.definition.columns import Boolean, Column, Integer, String
from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.fields.types import Between, Float32
from forebay.transforms.definition.labels import Label
from forebay.transforms.errors import Problem
from forebay.transforms.limits import MOST_IDS, MOST_ROWS

_NOTHING = "keeps nothing"
# How many ids the values share that are not known.
Shared = Annotated[int, Between(1, MOST_IDS, "leaves no id for values not seen in training")]
_KINDS_OF_VALUES: dict[type[Column], type] = {String: str, Integer: int, Boolean: bool}


@dataclass(frozen=True)
class Frequent:
    """A vocabulary of train: the most frequent value is 0, and so on.

    Equally frequent values are in falling order of their texts.

    Attributes:
        top_k: how many of the most frequent values enter it; None: all.
        min_count: how often a value must occur in train to enter it.
        oov_buckets: how many ids the values outside it share, by hash.
    """

    top_k: Annotated[int, Between(1, MOST_IDS, _NOTHING)] | None = None
    min_count: Annotated[int, Between(1, MOST_ROWS, "no count")] = 1
    oov_buckets: Shared = 1

    @property
    def oov_ids(self) -> int:
        """How many ids follow those of known values."""
        return self.oov_buckets

    def problems(self, where: str, column: Column | None) -> Iterator[Problem]:
        """Yields the mistakes of this way of a column; ``where`` is its path."""
        yield from ()


@dataclass(frozen=True)
class Informative:
    """A vocabulary of train: the value that tells most about the label is 0, and so on.

    What a value tells is its share of the mutual information of column and label, in bits and times
    the rows of train: the sum over the label's classes y of n(x, y) log2(n n(x, y) / (n(x) n(y))),
    where n counts the training rows that have a value. Rows without a label are dropped before.

    Attributes:
        top_k: how many of the most informative values enter it.
        adjusted: whether to take off what chance would make of a value as frequent (its expected
            mutual information; Vinh, Epps and Bailey, 2009). Rare values lose by it. It takes a
            step of Python for each training row, at most.
        label_boundaries: values at which a label that is a number is cut into classes, ascending.
        oov_buckets: how many ids the values outside it share, by hash.
    """

    top_k: Annotated[int, Between(1, MOST_IDS, _NOTHING)]
    adjusted: bool = False
    label_boundaries: Several[Float32] = ()
    oov_buckets: Shared = 1

    def __post_init__(self) -> None:
        freeze_sequences(self)

    @property
    def oov_ids(self) -> int:
        """How many ids follow those of known values."""
        return self.oov_buckets

    def problems(self, where: str, column: Column | None) -> Iterator[Problem]:
        """Yields the mistakes of this way of a column; ``where`` is its path."""
        bounds = self.label_boundaries
        if any(a >= b for a, b in pairwise(bounds)):
            yield Problem(f"{where}.label_boundaries", bounds, "not ascending", "sort them")

    def label_problems(self, where: str, label: Label) -> Iterator[Problem]:
        """Yields what keeps it from asking the definition's label; ``where`` is its path."""
        where, bounds = f"{where}.label_boundaries", self.label_boundaries
        is_number = label.task == "regression"
        if is_number and not bounds:
            cause = f"the label {label.column!r} is a number, without classes"
            yield Problem(where, bounds, cause, "say where to cut it, such as (0.0, 15.0)")
        if not is_number and bounds:
            cause = f"the label {label.column!r} has classes of its own"
            yield Problem(where, bounds, cause, "leave it out")


@dataclass(frozen=True)
class Listed:
    """A list: the first value is 0, and so on, whatever train holds.

    Attributes:
        values: texts for a String column, whole numbers for an Integer one, truth values for a
            Boolean one.
        oov_buckets: how many ids the values outside it share, by hash.
    """

    values: Several[str | int | bool]
    oov_buckets: Shared = 1

    def __post_init__(self) -> None:
        freeze_sequences(self)

    @property
    def oov_ids(self) -> int:
        """How many ids follow those of known values."""
        return self.oov_buckets

    def problems(self, where: str, column: Column | None) -> Iterator[Problem]:
        """Yields the mistakes of this way of a column; ``where`` is its path."""
        if not self.values:
            yield Problem(f"{where}.values", self.values, "lists nothing", "list the known values")
        for value in self.values:
            yield from value_problems(value, f"{where}.values", column)
        for value in sorted({v for v in self.values if self.values.count(v) > 1}, key=str):
            yield Problem(f"{where}.values", value, "listed twice", "list it once")


@dataclass(frozen=True)
class Hashed:
    """Hash buckets: every value has the id that its hash says; nothing is learned from train.

    Attributes:
        buckets: how many ids the values share.
    """

    buckets: Annotated[int, Between(2, MOST_IDS, "tells nothing apart")]

    @property
    def oov_ids(self) -> int:
        """How many ids follow those of known values: none, for all values are as well known."""
        return 0

    def problems(self, where: str, column: Column | None) -> Iterator[Problem]:
        """Yields the mistakes of this way of a column; ``where`` is its path."""
        yield from ()


@dataclass(frozen=True)
class Identity:
    """The column's own numbers, for one that holds ids already.

    Attributes:
        size: how many there are: 0 to size-1. Other numbers share the id ``size``.
    """

    size: Annotated[int, Between(1, MOST_IDS, "no id is in [0, size)")]

    @property
    def oov_ids(self) -> int:
        """How many ids follow those of known values."""
        return 1

    def problems(self, where: str, column: Column | None) -> Iterator[Problem]:
        """Yields the mistakes of this way of a column; ``where`` is its path."""
        if isinstance(column, String):
            yield Problem(
                where, self, "a String column holds no ids",
                "declare the column as Integer, or use Frequent, Listed or Hashed",
            )  # fmt: skip


CategoryIds = Frequent | Informative | Listed | Hashed | Identity


def value_problems(value: object, where: str, column: Column | None) -> Iterator[Problem]:
    """Yields what is wrong with a value that a column is said to have."""
    kind = _KINDS_OF_VALUES.get(type(column)) if column is not None else None
    if kind is not None and type(value) is not kind:
        yield Problem(
            where, value, f"not a value of kind {type(column).__name__}",
            f"write it as {kind.__name__}",
        )  # fmt: skip
