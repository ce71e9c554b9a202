"""Which rows another version of their event replaces, in the words of the contract.

Of one id's versions visible at an instant, the greatest by availability, and then by what windows
read of it, replaces the others. A loop over rows, which shares nothing with the engine.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeGuard

import pyarrow as pa
import pyarrow.compute as pc

Value = int | float | str


def replaced(
    rows: pa.Table, event_id: str, available_at: str, precedence: Sequence[str], answered_us: int
) -> pa.ChunkedArray:
    """Returns which rows are known at an instant, but replaced by another version, bool (n,).

    Args:
        rows: every version of the events in it.
        event_id: the column that versions of one event share; a row without one is not replaced.
        available_at: the column with the instants from which versions are known.
        precedence: what decides between versions that become known at once, the first first.
        answered_us: the instant.
    """
    columns = [_plain(rows[name]) for name in (event_id, available_at, *precedence)]
    standing: dict[Any, tuple[Any, int]] = {}
    known = []
    for place, (event, available, *values) in enumerate(zip(*columns, strict=True)):
        if event is None or available is None or not available < answered_us:
            continue
        known.append(place)
        rank = (available, *((is_value(v), v if is_value(v) else None) for v in values))
        if event not in standing or _less(standing[event][0], rank):
            standing[event] = (rank, place)
    stands = {place for _, place in standing.values()}
    mask = [False] * len(rows)
    for place in known:
        mask[place] = place not in stands
    return pa.chunked_array([pa.array(mask, pa.bool_())])


def is_value(value: Value | None) -> TypeGuard[Value]:
    """Tells whether a window's operators see a value: neither missing, NaN nor infinite."""
    return value is not None and (isinstance(value, str) or math.isfinite(value))


def _less(rank: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Compares ranks whose missing values are never compared with others."""
    for mine, yours in zip(rank, other, strict=True):
        if mine != yours:
            return bool(mine < yours)
    return False


def _plain(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_date32(column.type):
        column = pc.cast(column, pa.int32())
    return column.to_pylist()  # type: ignore[no-any-return]
