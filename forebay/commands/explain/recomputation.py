"""A windowed value computed anew from its listed events alone.

The events are those that :mod:`.selection` found, apart from the engine; the arithmetic is the
engine's own. Since a window's value depends on its own events and on nothing else, both must give
the same to the bit, or the events listed are not those that the engine saw.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from forebay.commands.explain.replacement import is_value
from forebay.commands.explain.selection import Event, Explanation, Value
from forebay.transforms.hashing import hash_values
from forebay.transforms.windows.compute import aggregate
from forebay.transforms.windows.kernels.matching import INT64_MAX
from forebay.transforms.windows.kernels.values import Events, Requests, Values
from forebay.transforms.windows.operations import Aggregate

_VALUE = "value"


def recompute(explanation: Explanation, of: Aggregate) -> Value | None:
    """Computes a column's value from the events listed, all of which it takes.

    Args:
        explanation: what the value was made of.
        of: what the engine computes in the column.

    Returns:
        The value; None: missing.
    """
    op = explanation.column.op.name
    events = explanation.events
    given = [event.value for event in events]
    if explanation.column.windowed.value is None:
        given = [1] * len(events)
    elif op == "count_nulls":
        given = [None if is_value(value) else 1 for value in given]
    texts = sorted({value for value in given if isinstance(value, str)})
    asked = INT64_MAX
    if op == "seconds_since_last":
        asked = explanation.column.answered_for(explanation.asked_us)
    (found,) = aggregate(
        _to_events(events, _numbers(given, texts, op)),
        Requests(np.zeros(1, np.int64), np.array([asked]), None),
        [replace(of, column=_VALUE, window_us=None, lag_us=0)],
    )
    if not found.valid[0]:
        return None
    number: int | float = found.data[0].item()
    return texts[int(number)] if texts and of.gives_a_value else number


def _to_events(events: Sequence[Event], values: Values) -> Events:
    """Events of one key, none of which is any row's own."""
    everywhere = np.ones(len(events), np.bool_)
    known = [event.available_us for event in events]
    return Events(
        key=np.zeros(len(events), np.int64),
        time=np.array([event.time_us for event in events], np.int64),
        time_valid=everywhere,
        row=np.arange(len(events)),
        values={_VALUE: values},
        available_at=None if None in known else Values(np.array(known, np.int64), everywhere),
    )


def _numbers(given: Sequence[Value | None], texts: Sequence[str], op: str) -> Values:
    """Values as the engine takes them: of texts their hashes, or their places among all."""
    valid = np.array([is_value(value) for value in given], np.bool_)
    if texts and op == "distinct":
        hashes = hash_values(pa.array(given, pa.string())).view(np.int64)
        return Values(hashes, valid)
    place = {text: at for at, text in enumerate(texts)}
    numbers = [
        place[value] if isinstance(value, str) else value if is_value(value) else 0
        for value in given
    ]
    if any(isinstance(number, float) for number in numbers):
        return Values(np.array(numbers, np.float64), valid)
    return Values(np.array(numbers, np.int64), valid)
