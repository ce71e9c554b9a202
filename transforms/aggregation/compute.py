"""Windowed aggregates on Arrow tables: the values of a group's aggregates, row by row."""

import pyarrow as pa

from transforms.aggregation import tables
from transforms.aggregation.aggregate import aggregate
from transforms.aggregation.groups import ROW, SEEN, WindowGroup
from transforms.aggregation.versions import resolve


def compute(group: WindowGroup, events: pa.Table | None, requests: pa.Table) -> pa.RecordBatch:
    """Computes every aggregate for every request.

    Args:
        group: the aggregates.
        events: all events of the requests' keys, as `WindowGroup.events` returns them; None: none.
        requests: as `WindowGroup.requests` returns them.

    Returns:
        One row for each request: `ROW` and the output columns.
    """
    events = tables.empty_events(group, requests) if events is None else events
    if SEEN in events.column_names:
        events = resolve(events)
    event_keys, request_keys = tables.key_codes([events, requests], len(group.key))
    texts = tables.distinct_texts(group, [events])
    columns = aggregate(
        tables.to_events(group, events, event_keys, texts),
        tables.to_requests(requests, request_keys),
        list(group.aggregates.values()),
    )
    arrays = tables.to_columns(group, columns, texts)
    return pa.RecordBatch.from_pydict({ROW: tables.one_chunk(requests[ROW]), **arrays})
