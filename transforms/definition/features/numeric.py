"""Numbers as features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from forebay.transforms.definition.columns import (
    Boolean,
    Column,
    Integer,
    Number,
    String,
    kind_problems,
)
from forebay.transforms.definition.features.on_column import OnColumn
from forebay.transforms.definition.fields.types import Float32
from forebay.transforms.errors import Problem

# What each scaling adds to the name of an output.
_SCALES = {"z_score": "z_score", "0_1": "0_1", "-1_1": "minus1_1", "robust": "robust"}


@dataclass(frozen=True)
class Numeric(OnColumn):
    """A number: clipped, then log1p, then imputed, then scaled, in this order.

    All statistics are those of train, after clip and log1p, missing values left out. A column
    that is the same in all of train becomes 0, whatever the scaling.

    Attributes:
        column: a Number, Integer or Boolean column, windowed columns included; or a number made of
            several, such as a Difference or a Haversine distance.
        scale: ``"z_score"`` (mean 0, deviation 1), ``"0_1"`` (least 0, greatest 1), ``"-1_1"``
            (least -1, greatest 1), ``"robust"`` (median 0, distance between the quartiles 1; where
            these are equal, the median is subtracted and no more) or None.
        log1p: whether to take ``sign(x) * log(1 + |x|)`` first.
        clip: least and greatest value, either may be None.
        impute: what stands for a missing value: ``"mean"``, ``"median"`` or ``"most_frequent"``
            (the least of several) of train, or a number in the column's own units.
        indicator: whether to add ``<name>_is_missing``, 1.0 where the value is missing.
        key: a String, Integer or Boolean column: ``"z_score"`` and ``"mean"`` are then those of the
            row's key, such as the distance compared with others of the same carrier. A key that is
            missing or has no value in train has the mean and deviation of all rows; one whose
            values are all the same, its own mean and the deviation of all rows.
        name: the output's name; None: ``<column>_<what was done>``.
    """

    scale: Literal["z_score", "0_1", "-1_1", "robust"] | None = None
    log1p: bool = False
    clip: tuple[Float32 | None, Float32 | None] = (None, None)
    impute: Literal["mean", "median", "most_frequent"] | Float32 = "mean"
    indicator: bool = False
    key: str | None = None
    name: str | None = None

    kinds = (Number, Integer, Boolean)
    takes_derived_numbers = True

    @property
    def suffix(self) -> str:  # type: ignore[override]
        """Tells what is done to the column."""
        steps = ["log1p"] * self.log1p + [_SCALES.get(self.scale, "")] * bool(self.scale)  # type: ignore[arg-type]
        steps += [f"by_{self.key}"] * bool(self.key)
        return "_".join(steps) or "value"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the graph's input that this feature reads."""
        return super().inputs if self.key is None else (*super().inputs, self.key)

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
        yield from self.column_problems(where, columns)
        low, high = self.clip
        if low is not None and high is not None and low > high:
            yield Problem(
                f"{where}.clip", self.clip, "the lower bound exceeds the upper", "swap them"
            )
        if self.key is not None:
            yield from kind_problems(f"{where}.key", self.key, (String, Integer, Boolean), columns)
            if self.scale != "z_score":
                yield Problem(
                    f"{where}.key", self.key, f"beside scale={self.scale!r}",
                    "a key is for scale='z_score'",
                )  # fmt: skip
