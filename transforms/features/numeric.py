"""Numbers as features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from transforms.columns import Boolean, Column, Integer, Number
from transforms.errors import Problem
from transforms.features.on_column import OnColumn


@dataclass(frozen=True)
class Numeric(OnColumn):
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
        yield from self.column_problems(where, columns)
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
