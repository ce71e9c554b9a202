"""Features as data: which columns of the graph's input become which model inputs, and how.

Every feature names its outputs. A numeric output is a float32 scalar; a categorical output is
an int64 id in [0, size), where a missing value has an id of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from transforms.columns import Boolean, Column, Date, Integer, Number, String, Timestamp
from transforms.errors import Problem, unknown_column
from transforms.freeze import freeze_sequences
from transforms.functions import FUNCTION_CURE, import_path, is_importable_path
from transforms.pairs import Pair
from transforms.zones import is_zone

CALENDAR_SIZES = {"hour_of_day": 24, "day_of_week": 7, "day_of_month": 31, "month": 12}


@dataclass(frozen=True)
class _OnColumn:
    """What features of one column share."""

    column: str | Pair

    suffix: ClassVar[str]
    kinds: ClassVar[tuple[type[Column], ...]]
    takes_pairs: ClassVar[bool] = False

    def __post_init__(self) -> None:
        freeze_sequences(self)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the graph's input that this feature reads."""
        if isinstance(self.column, Pair):
            return (self.column.left, self.column.right)
        return (self.column,)

    @property
    def output(self) -> str:
        """The name of the transformed column."""
        source = self.column.name if isinstance(self.column, Pair) else self.column
        return getattr(self, "name", None) or f"{source}_{self.suffix}"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all transformed columns."""
        return (self.output,)

    def _column_problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        if isinstance(self.column, Pair) and not self.takes_pairs:
            yield Problem(
                f"{where}.column",
                self.column,
                f"a {type(self).__name__} takes one column",
                "name one, or use Numeric or Bucketized",
            )
            return
        for name in self.inputs:
            column = columns.get(name)
            if column is None:
                yield unknown_column(f"{where}.column", name, columns)
            elif not isinstance(column, self.kinds):
                yield Problem(
                    f"{where}.column",
                    name,
                    f"a {type(column).__name__} column",
                    "name a column of kind " + " or ".join(kind.__name__ for kind in self.kinds),
                )


def _embed_problems(embed: int | None, where: str) -> Iterator[Problem]:
    if embed is not None and (not isinstance(embed, int) or embed < 1):
        yield Problem(f"{where}.embed", embed, "not a dimension", "write a whole number from 1")


@dataclass(frozen=True)
class Numeric(_OnColumn):
    """A number: clipped, then log1p, then imputed, then scaled, in this order.

    Attributes:
        column: a Number, Integer or Boolean column, windowed columns included; or a Difference or
            Ratio of two.
        scale: ``"z_score"`` (mean 0, deviation 1 on train), ``"0_1"`` (least 0, greatest 1 on
            train) or None.
        log1p: whether to take ``sign(x) * log(1 + |x|)`` first.
        clip: least and greatest value, either may be None.
        impute: what stands for a missing value: ``"mean"`` of train (after clip and log1p), or
            a number in the column's own units.
        indicator: whether to add ``<name>_is_missing``, 1.0 where the value is missing.
        name: the output's name; None: ``<column>_<what was done>``.
    """

    scale: Literal["z_score", "0_1"] | None = None
    log1p: bool = False
    clip: tuple[float | None, float | None] = (None, None)
    impute: Literal["mean"] | float = "mean"
    indicator: bool = False
    name: str | None = None

    kinds = (Number, Integer, Boolean)
    takes_pairs = True

    @property
    def suffix(self) -> str:  # type: ignore[override]
        """Tells what is done to the column."""
        steps = ["log1p"] * self.log1p + [self.scale] * bool(self.scale)
        return "_".join(steps) or "value"  # type: ignore[arg-type]

    @property
    def indicator_output(self) -> str:
        """The name of the indicator of missing values."""
        return f"{self.output}_is_missing"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all transformed columns."""
        return (self.output, self.indicator_output) if self.indicator else (self.output,)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self._column_problems(where, columns)
        if self.scale not in (None, "z_score", "0_1"):
            yield Problem(f"{where}.scale", self.scale, "no such scaling", "use 'z_score' or '0_1'")
        if isinstance(self.impute, str) and self.impute != "mean":
            yield Problem(
                f"{where}.impute", self.impute, "no such policy", "use 'mean' or a number"
            )
        low, high = self.clip
        if low is not None and high is not None and low > high:
            yield Problem(
                f"{where}.clip", self.clip, "the lower bound exceeds the upper", "swap them"
            )


@dataclass(frozen=True)
class Categorical(_OnColumn):
    """A category: its index in a vocabulary of train ordered by frequency.

    Ids are 0 to V-1 for the vocabulary, V to V+oov_buckets-1 for values outside it (by hash),
    and V+oov_buckets for a missing value.

    Attributes:
        column: a String, Integer or Boolean column.
        top_k: how many of the most frequent values enter the vocabulary; None: all.
        min_count: how often a value must occur in train to enter it.
        oov_buckets: ids for values outside the vocabulary.
        embed: dimensions of the embedding on the deep side; None: chosen from the size.
        name: the output's name; None: ``<column>_id``.
    """

    top_k: int | None = None
    min_count: int = 1
    oov_buckets: int = 1
    embed: int | None = None
    name: str | None = None

    suffix = "id"
    kinds = (String, Integer, Boolean)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self._column_problems(where, columns)
        yield from _embed_problems(self.embed, where)
        if self.top_k is not None and self.top_k < 1:
            yield Problem(f"{where}.top_k", self.top_k, "keeps nothing", "write 1 or more")
        if self.oov_buckets < 1:
            yield Problem(
                f"{where}.oov_buckets",
                self.oov_buckets,
                "leaves no id for values not seen in training",
                "write 1 or more",
            )


@dataclass(frozen=True)
class Bucketized(_OnColumn):
    """A number's bucket: i where boundary i-1 <= x < boundary i; a missing value has the last id.

    Attributes:
        column: a Number or Integer column; or a Difference or Ratio of two.
        quantiles: how many buckets of equal frequency on train.
        boundaries: or the boundaries themselves, ascending.
        embed: dimensions of the embedding on the deep side; None: chosen from the size.
        name: the output's name; None: ``<column>_bucket``.
    """

    quantiles: int | None = None
    boundaries: tuple[float, ...] = ()
    embed: int | None = None
    name: str | None = None

    suffix = "bucket"
    kinds = (Number, Integer)
    takes_pairs = True

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self._column_problems(where, columns)
        yield from _embed_problems(self.embed, where)
        if (self.quantiles is None) == (not self.boundaries):
            yield Problem(
                where, (self.quantiles, self.boundaries), "needs one way to cut",
                "set quantiles or boundaries, not both",
            )  # fmt: skip
        if self.quantiles is not None and self.quantiles < 2:
            yield Problem(f"{where}.quantiles", self.quantiles, "one bucket", "write 2 or more")
        if any(a >= b for a, b in zip(self.boundaries, self.boundaries[1:], strict=False)):
            yield Problem(f"{where}.boundaries", self.boundaries, "not ascending", "sort them")


@dataclass(frozen=True)
class Calendar(_OnColumn):
    """A part of an instant's local date and time: its id counts from 0; missing is the last id.

    Attributes:
        column: a Timestamp or Date column.
        part: ``hour_of_day`` (24), ``day_of_week`` (7, Monday is 0), ``day_of_month`` (31, the
            first is 0) or ``month`` (12, January is 0).
        tz: the IANA zone of the clock that is read; its transitions travel in the graph.
        embed: dimensions of the embedding on the deep side; None: chosen from the size.
        name: the output's name; None: ``<column>_<part>``.
    """

    part: Literal["hour_of_day", "day_of_week", "day_of_month", "month"] = "hour_of_day"
    tz: str = "UTC"
    embed: int | None = None
    name: str | None = None

    kinds = (Timestamp, Date)

    @property
    def suffix(self) -> str:  # type: ignore[override]
        """Tells which part is taken."""
        return self.part

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self._column_problems(where, columns)
        yield from _embed_problems(self.embed, where)
        if self.part not in CALENDAR_SIZES:
            yield Problem(
                f"{where}.part",
                self.part,
                "no such part",
                f"use one of {', '.join(CALENDAR_SIZES)}",
            )
        if not is_zone(self.tz):
            yield Problem(
                f"{where}.tz", self.tz, "not a time zone of the IANA database",
                "write a name such as 'America/New_York'",
            )  # fmt: skip


@dataclass(frozen=True)
class Crossed:
    """The cross of categorical features: one id per combination, hashed where there are too many.

    Combinations are numbered exactly while all of them fit in ``buckets``; otherwise their
    numbers are hashed into the buckets.

    Attributes:
        name: the output's name.
        of: the names of two or more Categorical, Bucketized or Calendar features.
        buckets: how many ids.
        embed: dimensions of the embedding on the deep side; None: wide side only.
    """

    name: str
    of: tuple[str, ...]
    buckets: int
    embed: int | None = None

    inputs: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        freeze_sequences(self)

    @property
    def output(self) -> str:
        """The name of the transformed column."""
        return self.name

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all transformed columns."""
        return (self.name,)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from _embed_problems(self.embed, where)
        if len(self.of) < 2:
            yield Problem(f"{where}.of", self.of, "nothing to cross", "name two features or more")
        if self.buckets < 2:
            yield Problem(f"{where}.buckets", self.buckets, "too few", "write 2 or more")


@dataclass(frozen=True)
class Custom:
    """Outputs of a TensorFlow function of the user's own, or a whole ``preprocessing_fn``.

    The function takes a dict of tensors, each of shape (batch,), and returns either one tensor
    (then ``name`` names it) or a dict of tensors, of shape (batch,) too. It may call
    ``tensorflow_transform`` analyzers. A missing value reaches it as NaN in float32, as -2^63 in
    int64 and as the byte 0xFF in string tensors. Float outputs are numeric features; int64
    outputs are ids whose range TFT's own mappers declare.

    Attributes:
        function: the function, or its import path ``module:name``.
        columns: the columns it takes; empty: every column but the label.
        name: the output's name, for functions that return one tensor.
    """

    function: str | Callable[..., Any]
    columns: tuple[str, ...] = ()
    name: str | None = None

    def __post_init__(self) -> None:
        freeze_sequences(self)
        object.__setattr__(self, "function", import_path(self.function))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the graph's input that this feature reads."""
        return self.columns

    @property
    def outputs(self) -> tuple[str, ...]:
        """The output's name where the definition knows it."""
        return (self.name,) if self.name else ()

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        for name in self.columns:
            if name not in columns:
                yield unknown_column(f"{where}.columns", name, columns)
        if not is_importable_path(str(self.function)):
            yield Problem(f"{where}.function", self.function, "not importable", FUNCTION_CURE)


Feature = Numeric | Categorical | Bucketized | Calendar | Crossed | Custom
CROSSABLE = (Categorical, Bucketized, Calendar)
