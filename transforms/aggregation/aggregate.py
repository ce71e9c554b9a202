"""Exact windowed aggregates of keyed events, as one pure function on arrays.

For a request with key ``k``, asked for at ``q`` and of row identity ``r``, a window of width ``w``
and lag ``l`` holds every event ``e`` with

    e.key = k,   q - l - w <= e.time < q - l,   e.row != r,
    e.available_at < q (if declared),   not e.retired_at < q (if declared)

so that no row sees its own event, its future, or what was not yet known when it was asked for.
An event without key, time or (where declared) availability is in no window.
"""

from __future__ import annotations

from transforms.aggregation.aggregates import Aggregate
from transforms.aggregation.finish import finish
from transforms.aggregation.partial import partial
from transforms.aggregation.values import Events, Requests, Values


def aggregate(events: Events, requests: Requests, aggregates: list[Aggregate]) -> list[Values]:
    """Aggregate, for every request, the events in each window.

    Counts, minima, maxima, first and last values and sums of integers are exact. Sums and means
    of floats are rounded from 106-bit sums; var and std are good to about 1e-14, whatever the
    offset of the data, unless one column holds magnitudes both above 1e144 and below 1e-144 (for
    skew, 1e96 and 1e-96). Results do not depend on the order of events and requests (var, std, skew
    and decayed_mean: beyond rounding).

    Args:
        events: n events.
        requests: m requests.
        aggregates: the columns wanted; those that share columns and windows share the work.

    Returns:
        One column of shape (m,) per aggregate, in the order given. Counts, and sum, min, max,
        first, last and most_frequent of int64 columns, are int64 (float64 if their default is no
        int64); all else is float64. A result beyond the range of its type is missing. Missing
        places hold 0 or NaN.

    Raises:
        KeyError: an aggregate names a column that the events lack.
    """
    if not aggregates:
        return []
    return finish(partial(events, requests, aggregates), requests, aggregates)
