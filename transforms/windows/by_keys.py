"""Windows computed a part of the keys at a time: what is in work stays small, on several threads.

A window holds events of one key, so that keys can be computed apart, to the same bits. Arrays of a
part lie in memory that the parts before have used: on a fresh page a processor spends longer than
on the numbers that fill it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.windows.kernels.parts import count_keys, order_by_part
from forebay.transforms.windows.kernels.values import Events, Requests, Values

Ints = NDArray[np.int64]

# The events and requests of a part, about: arrays of 8 MB each.
PART_ROWS = 1 << 20

Aggregated = Callable[[Events, Requests], Sequence[Values]]


def aggregate_by_keys(
    aggregate: Aggregated,
    events: Events,
    requests: Requests,
    *,
    threads: int = 1,
    part_rows: int = PART_ROWS,
) -> list[Values]:
    """Computes windows a part of the keys at a time.

    Args:
        aggregate: what computes the columns, (r,) each, of r requests and their keys' events.
        events: all events.
        requests: m requests.
        threads: how many parts are computed at a time.
        part_rows: the events and requests of a part; a key that has more makes one of its own.

    Returns:
        The columns, (m,) each, as ``aggregate`` gives them for all at once.
    """
    parts = _parts(events.key, requests.key, part_rows)
    if len(parts) < 2:
        return list(aggregate(events, requests))

    def answered(part: tuple[Ints, Ints]) -> Sequence[Values]:
        seen, asking = part
        return aggregate(_events(events, seen), _requests(requests, asking))

    columns: list[Values] = []
    with ThreadPoolExecutor(threads) as pool:
        for (_, asking), found in zip(parts, pool.map(answered, parts), strict=True):
            if not columns:
                columns = [_empty(one, requests.key.size) for one in found]
            for whole, one in zip(columns, found, strict=True):
                whole.data[asking] = one.data
                whole.valid[asking] = one.valid
    return columns


def _parts(event_keys: Ints, request_keys: Ints, part_rows: int) -> list[tuple[Ints, Ints]]:
    """Returns the places of the events and requests of each part, ascending.

    Rows without a key, whose code is -1, are with those of the first keys.
    """
    if event_keys.size + request_keys.size <= part_rows or not request_keys.size:
        return []
    codes = int(max(event_keys.max(initial=-1), request_keys.max())) + 2
    counts = np.zeros(codes, np.int64)
    for keys in (event_keys, request_keys):
        count_keys(keys, counts)
    part_of = np.unique(np.cumsum(counts) // part_rows, return_inverse=True)[1].astype(np.int64)
    parts = int(part_of[-1]) + 1
    ordered = [order_by_part(keys, part_of, parts) for keys in (event_keys, request_keys)]
    places = [np.split(order, starts[1:-1]) for order, starts in ordered]
    return [pair for pair in zip(*places, strict=True) if pair[1].size]


def _events(events: Events, places: Ints) -> Events:
    return replace(
        events,
        key=events.key[places],
        time=events.time[places],
        time_valid=events.time_valid[places],
        row=events.row[places],
        values={name: _taken(values, places) for name, values in events.values.items()},
        available_at=_taken(events.available_at, places) if events.available_at else None,
        retired_at=_taken(events.retired_at, places) if events.retired_at else None,
    )


def _requests(requests: Requests, places: Ints) -> Requests:
    row = None if requests.row is None else requests.row[places]
    return Requests(requests.key[places], requests.time[places], row)


def _taken(values: Values, places: Ints) -> Values:
    return Values(values.data[places], values.valid[places])


def _empty(like: Values, size: int) -> Values:
    data: NDArray[Any] = np.empty(size, like.data.dtype)
    return Values(data, np.empty(size, np.bool_))
