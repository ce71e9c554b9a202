"""What can be asked of a window: operations and their parameters, as data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from forebay.transforms.limits import ACCURACY, LIMIT
from forebay.transforms.windows.kernels.matching import INT64_MAX

Operation = Literal[
    "count", "sum", "mean", "min", "max", "var", "std", "skew", "first", "last", "rate",
    "seconds_since_last", "decayed_mean", "distinct", "quantile", "most_frequent",
]  # fmt: skip
_WITHOUT_COLUMN = ("count", "seconds_since_last")
_COUNTS = ("count", "distinct")

Window = tuple[int | None, int]  # width and lag, µs


@dataclass(frozen=True)
class Aggregate:
    """One output column: an operation on the values in a window.

    Only values that are there count: nulls and non-finite floats are no values. With n values in
    the window, n = 0 gives 0 for ``count`` and ``distinct`` and ``default`` for the others (missing
    if None); 0 < n < ``min_count`` gives missing.

    - ``var`` and ``std`` have n - 1 degrees of freedom and are missing for n = 1.
    - ``skew`` is the adjusted Fisher-Pearson coefficient G1 (Joanes & Gill 1998), missing for n < 3
      and where all values are equal.
    - ``first`` and ``last``, or those ``place`` places from the outermost; missing for n < place.
      Ties break by (time, availability, value).
    - ``rate`` is (last value - first value) / (last time - first time) per ``per_us``, missing
      where the times are equal.
    - ``seconds_since_last`` is the time from the last value's event to q.
    - ``decayed_mean`` is Σ w x / Σ w with w = 2**(-age / ``half_life_us``).
    - ``distinct``, ``quantile`` and ``most_frequent`` are exact for up to ``limit`` distinct
      values; beyond, see :mod:`forebay.transforms.windows.multisets.multisets`.

    Attributes:
        op: the operation.
        column: name of the value column; None stands for the events themselves and goes with
            ``count`` and ``seconds_since_last`` only.
        window_us: width in µs, at least 1; None is unbounded: everything before ``q - lag_us``.
        lag_us: how far before q the window ends, in µs.
        default: finite; what an empty window gives.
        min_count: fewer values than this, but at least one, give missing.
        place: the place of ``first``, ``last`` and ``most_frequent``, from 1.
        per_us: the time to which a ``rate`` refers, in µs.
        half_life_us: the µs in which a value loses half its weight in a ``decayed_mean``.
        q: the rank of a ``quantile``, from 0 to 1.
        limit: how many distinct values are exact.
        accuracy: greatest relative error of a quantile beyond that.
    """

    op: Operation
    column: str | None
    window_us: int | None
    lag_us: int = 0
    default: float | None = None
    min_count: int = 0
    place: int = 1
    per_us: int = 1
    half_life_us: int = 1
    q: float = 0.5
    limit: int = LIMIT
    accuracy: float = ACCURACY

    def __post_init__(self) -> None:
        if self.op not in get_args(Operation):
            raise ValueError(f"op {self.op!r}: choose one of {', '.join(get_args(Operation))}")
        if self.column is None and self.op not in _WITHOUT_COLUMN:
            raise ValueError(
                f"{self.op} of no column: name one (only {', '.join(_WITHOUT_COLUMN)} go without)"
            )
        if self.window_us is not None and not 1 <= self.window_us <= INT64_MAX:
            raise ValueError(f"window_us {self.window_us}: give 1 to 2**63 - 1, None for unbounded")
        if not 0 <= self.lag_us <= INT64_MAX:
            raise ValueError(f"lag_us {self.lag_us}: give 0 to 2**63 - 1 (less would be a leak)")
        if self.default is not None and not math.isfinite(self.default):
            raise ValueError(f"default {self.default}: give a finite number, or None for missing")
        if self.counts and self.default not in (None, 0):
            raise ValueError(f"default {self.default}: an empty window's count is 0; leave it out")
        if self.min_count < 0:
            raise ValueError(f"min_count {self.min_count}: give 0 or more")
        if min(self.place, self.per_us, self.half_life_us) < 1:
            raise ValueError(
                f"place {self.place}, per_us {self.per_us}, half_life_us {self.half_life_us}: "
                "give 1 or more"
            )
        if not 0 <= self.q <= 1:
            raise ValueError(f"q {self.q}: give 0 to 1")

    @property
    def window(self) -> Window:
        """Width and lag."""
        return self.window_us, self.lag_us

    @property
    def counts(self) -> bool:
        """Whether an empty window gives 0."""
        return self.op in _COUNTS

    @property
    def gives_a_value(self) -> bool:
        """Whether the result is one of the values, as it is."""
        return self.op in ("min", "max", "first", "last", "most_frequent")


def furthest(windows: Iterable[Window]) -> int | None:
    """Returns how far back windows reach, in µs; None: without bound."""
    furthest_us = 0
    for width, lag in windows:
        if width is None:
            return None
        furthest_us = max(furthest_us, width + lag)
    return furthest_us
