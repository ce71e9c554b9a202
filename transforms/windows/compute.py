"""Windowed aggregates on Arrow tables: the values of a group's aggregates, row by row.

Exact windowed aggregates of keyed events, as one pure function on arrays.

For a request with key ``k``, asked for at ``q`` and of row identity ``r``, a window of width ``w``
and lag ``l`` holds every event ``e`` with

    e.key = k,   q - l - w <= e.time < q - l,   e.row != r,
    e.available_at < q (if declared),   not e.retired_at < q (if declared)

so that no row sees its own event, its future, or what was not yet known when it was asked for.
An event without key, time or (where declared) availability is in no window.
"""

import pyarrow as pa

from forebay.transforms.windows import arrow_arrays
from forebay.transforms.windows.by_keys import aggregate_by_keys
from forebay.transforms.windows.groups import SEEN, WindowGroup
from forebay.transforms.windows.kernels.values import Events, Requests, Values
from forebay.transforms.windows.operations import Aggregate
from forebay.transforms.windows.states.from_events import partial
from forebay.transforms.windows.states.to_values import finish
from forebay.transforms.windows.versions import resolve


def compute(
    group: WindowGroup, events: pa.Table | None, requests: pa.Table, *, threads: int = 1
) -> pa.RecordBatch:
    """Computes every aggregate for every request, a part of the keys at a time.

    Args:
        group: the aggregates.
        events: all events of the requests' keys, as `WindowGroup.events` returns them; None: none.
        requests: requests as `WindowGroup.requests` returns them.
        threads: how many parts at a time.

    Returns:
        One row for each request: `ROW`, `CONTENT` where requests have it, and the output columns.
    """
    events = arrow_arrays.empty_events(group, requests) if events is None else events
    if SEEN in events.column_names:
        events = resolve(events)
    event_keys, request_keys = arrow_arrays.key_codes([events, requests], len(group.key))
    texts = arrow_arrays.distinct_texts(group, [events])
    aggregates = list(group.aggregates.values())
    columns = aggregate_by_keys(
        lambda events, requests: aggregate(events, requests, aggregates),
        arrow_arrays.to_events(group, events, event_keys, texts),
        arrow_arrays.to_requests(group, requests, request_keys),
        threads=threads,
    )
    arrays = arrow_arrays.to_columns(group, columns, texts)
    return pa.RecordBatch.from_pydict(arrow_arrays.identities(requests) | arrays)


def aggregate(events: Events, requests: Requests, aggregates: list[Aggregate]) -> list[Values]:
    """Aggregate, for every request, the events in each window.

    Every value depends on the events of its own window and on nothing else, to the bit: see
    :mod:`.kernels.digits`. Counts, minima, maxima, first and last values are exact. Sums, means and
    deviations are computed in whole numbers and rounded, sums and means once.

    Args:
        events: n events.
        requests: m requests.
        aggregates: the columns wanted; those that share columns and windows share the work.

    Returns:
        One column of shape (m,) per aggregate, in the order given. Counts, and min, max, first,
        last and most_frequent of int64 columns, are int64 (float64 if their default is no
        int64); all else is float64. A result beyond the range of float64 is missing. Missing
        places hold 0 or NaN.

    Raises:
        KeyError: an aggregate names a column that the events lack.
    """
    if not aggregates:
        return []
    return finish(partial(events, requests, aggregates), requests, aggregates)
