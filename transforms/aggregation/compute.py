"""Windowed aggregates on Arrow tables: the values of a group's aggregates, row by row."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.aggregation.aggregate import aggregate
from transforms.aggregation.groups import AVAILABLE, ROW, TIME, WindowGroup
from transforms.aggregation.values import Events, Requests, Values


def compute(group: WindowGroup, events: pa.Table | None, requests: pa.Table) -> pa.RecordBatch:
    """Computes every aggregate for every request.

    Args:
        group: the aggregates.
        events: all events of the requests' keys, as `WindowGroup.events` returns them; None: none.
        requests: as `WindowGroup.requests` returns them.

    Returns:
        One row for each request: `ROW` and the output columns.
    """
    events = _empty_events(group, requests) if events is None else events
    event_keys, request_keys = _key_codes(events, requests, len(group.key))
    available = _values(events[AVAILABLE]) if group.available_at else None
    columns = aggregate(
        Events(
            key=event_keys,
            time=_ints(events[TIME]),
            time_valid=np.ones(len(events), bool),
            row=_ints(events[ROW]),
            values={name: _values(events[f"value:{name}"]) for name in group.values},
            available_at=available,
        ),
        Requests(key=request_keys, time=_ints(requests[TIME]), row=_ints(requests[ROW])),
        list(group.aggregates.values()),
    )
    arrays = {
        name: pa.array(c.data, mask=~c.valid)
        for name, c in zip(group.aggregates, columns, strict=True)
    }
    return pa.RecordBatch.from_pydict({ROW: _one_chunk(requests[ROW]), **arrays})


def _key_codes(
    events: pa.Table, requests: pa.Table, keys: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Numbers the distinct keys of events and requests alike; -1 stands for a null key."""
    n = len(events)
    codes = np.zeros(n + len(requests), np.int64)
    null = np.zeros(len(codes), bool)
    for i in range(keys):
        chunks = [*events[f"key{i}"].chunks, *requests[f"key{i}"].chunks]
        encoded = _one_chunk(pa.chunked_array(chunks)).dictionary_encode()
        indices = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
        null |= pc.is_null(encoded).to_numpy(zero_copy_only=False)
        codes = codes * (len(encoded.dictionary) + 1) + indices
        if i:
            codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    codes[null] = -1
    return codes[:n], codes[n:]


def _empty_events(group: WindowGroup, requests: pa.Table) -> pa.Table:
    no_rows = requests.slice(0, 0)
    extra = {AVAILABLE: pa.array([], pa.int64())} if group.available_at else {}
    extra |= {f"value:{name}": pa.array([], pa.float64()) for name in group.values}
    for name, column in extra.items():
        no_rows = no_rows.append_column(name, column)
    return no_rows


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _ints(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    values: npt.NDArray[np.int64] = column.to_numpy()
    return values


def _values(column: pa.ChunkedArray) -> Values:
    valid = pc.is_valid(column).to_numpy()
    return Values(pc.fill_null(column, 0).to_numpy(), valid)
