"""What windowed aggregates are computed from, and what they give, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Values:
    """A column of numbers, some of which may be missing.

    Attributes:
        data: float64 or int64, shape (n,). What it holds where ``valid`` is false is never read.
        valid: bool, shape (n,). Non-finite floats count as missing whatever it says.
    """

    data: Ints | Floats
    valid: Bools

    def __post_init__(self) -> None:
        if self.data.dtype not in (np.int64, np.float64):
            raise TypeError(f"values of type {self.data.dtype}: cast them to float64 or int64")
        if self.valid.dtype != np.bool_ or self.valid.shape != self.data.shape:
            raise TypeError(
                f"validity of type {self.valid.dtype} and shape {self.valid.shape} "
                f"for values of shape {self.data.shape}: give one bool per value"
            )


@dataclass(frozen=True, eq=False)
class Events:
    """What happened: n events, in any order.

    Attributes:
        key: int64 codes, shape (n,); negative for a null key.
        time: when each happened, int64 µs since the epoch, UTC, shape (n,).
        time_valid: bool, shape (n,), false for a null time.
        row: int64 row identities, shape (n,); several events may share one.
        values: the value columns by name, each of shape (n,).
        available_at: when each became known, int64 µs; None if no such time is declared.
        retired_at: when it became known that each is no longer so, because it was corrected or
            deleted, int64 µs; missing for never. None if nothing is ever retired.
    """

    key: Ints
    time: Ints
    time_valid: Bools
    row: Ints
    values: Mapping[str, Values] = field(default_factory=dict)
    available_at: Values | None = None
    retired_at: Values | None = None

    def __post_init__(self) -> None:
        columns: dict[str, NDArray[Any]] = {"key": self.key, "time": self.time, "row": self.row}
        columns |= {f"values[{name!r}]": values.data for name, values in self.values.items()}
        for name in ("available_at", "retired_at"):
            if (instants := getattr(self, name)) is not None:
                columns[name] = instants.data
        _check(columns, self.key.shape)
        Values(self.time, self.time_valid)


@dataclass(frozen=True, eq=False)
class Requests:
    """What is asked for: m rows, in any order.

    Attributes:
        key: int64 codes, shape (m,), of the same coding as the events'; negative for a null key,
            whose windows are empty.
        time: the instant q for which each row is asked, int64 µs since the epoch, shape (m,).
        row: int64 row identities, shape (m,); events of the same identity are not seen. None: no
            event is a request's own.
    """

    key: Ints
    time: Ints
    row: Ints | None

    def __post_init__(self) -> None:
        columns = {"key": self.key, "time": self.time}
        _check(columns | ({} if self.row is None else {"row": self.row}), self.key.shape)


def _check(columns: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> None:
    """Refuse columns that are not one-dimensional of one length, or key, time, row not int64."""
    for name, column in columns.items():
        if column.ndim != 1 or column.shape != shape:
            raise TypeError(f"{name} of shape {column.shape}: the key's is {shape}, (n,) expected")
        if column.dtype != np.int64 and not name.startswith("values["):
            raise TypeError(f"{name} of type {column.dtype}: cast it to int64")
