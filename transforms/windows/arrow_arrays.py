"""Arrow tables of events and requests as the arrays that windows are computed from, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.identity import CONTENT, ROW
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.windows.groups import AVAILABLE, EVENT, RETIRED, TIME, WindowGroup
from forebay.transforms.windows.kernels.values import Events, Requests, Values

Ints = npt.NDArray[np.int64]

# The distinct texts of each text column, in ascending order: a text's place stands for it.
Texts = Mapping[str, pa.Array]


def distinct_texts(group: WindowGroup, tables: Iterable[pa.Table]) -> Texts:
    """Returns the distinct texts of each of a group's text columns in some events."""
    labels = [label for label, value in group.values.items() if value.text]
    found = {label: pa.array([], pa.string()) for label in labels}
    for events in tables if labels else ():
        for label in labels:
            new = one_chunk(events[f"value:{label}"]).cast(pa.string()).unique()
            found[label] = pa.concat_arrays([found[label], new]).unique().drop_null()
    return {label: texts.take(pc.sort_indices(texts)) for label, texts in found.items()}


def to_events(group: WindowGroup, events: pa.Table, keys: Ints, texts: Texts) -> Events:
    """Returns a group's events as arrays.

    Args:
        group: the group.
        events: events as `WindowGroup.events` returns them.
        keys: the code of each event's key.
        texts: all texts that there are.
    """
    return Events(
        key=keys,
        time=_ints(events[TIME]),
        time_valid=np.ones(len(events), bool),
        row=_own(events),
        values={
            label: _values(events[f"value:{label}"], texts.get(label)) for label in group.values
        },
        available_at=_values(events[AVAILABLE]) if group.available_at else None,
        retired_at=_values(events[RETIRED]) if RETIRED in events.column_names else None,
    )


def to_requests(group: WindowGroup, requests: pa.Table, keys: Ints) -> Requests:
    """Returns what rows ask as arrays, given the codes of their keys.

    No event of another table is a row's own.
    """
    own = _own(requests) if group.source == ROWS else None
    return Requests(keys, _ints(requests[TIME]), own)


def to_columns(group: WindowGroup, columns: Sequence[Values], texts: Texts) -> dict[str, pa.Array]:
    """Returns a group's aggregates as Arrow columns, by name."""
    arrays = {}
    for (name, aggregate), column in zip(group.aggregates.items(), columns, strict=True):
        array = pa.array(column.data, mask=~column.valid)
        known = texts.get(str(aggregate.column)) if aggregate.gives_a_value else None
        arrays[name] = array if known is None else known.take(array.cast(pa.int64()))
    return arrays


def empty_events(group: WindowGroup, requests: pa.Table) -> pa.Table:
    """Returns a table of no events, with the keys' types of the requests."""
    no_rows = requests.slice(0, 0)
    extra = {AVAILABLE: pa.array([], pa.int64())} if group.available_at else {}
    extra |= {f"value:{label}": pa.array([], pa.float64()) for label in group.values}
    for name, column in extra.items():
        no_rows = no_rows.append_column(name, column)
    return no_rows


def key_codes(tables: Sequence[pa.Table], keys: int) -> list[Ints]:
    """Numbers the distinct keys of some tables alike, from 0; -1 stands for a null key.

    Args:
        tables: tables with the columns ``key0``..
        keys: how many such columns there are.

    Returns:
        A code for each row of each table.
    """
    sizes = [len(table) for table in tables]
    codes = np.zeros(sum(sizes), np.int64)
    for i in range(keys):
        chunks = [chunk for table in tables for chunk in table[f"key{i}"].chunks]
        encoded = pa.chunked_array(chunks).dictionary_encode().chunks
        indices = _filled(pa.chunked_array([chunk.indices for chunk in encoded], pa.int32()), -1)
        if not i:
            codes = indices.astype(np.int64)
            continue
        null = (codes < 0) | (indices < 0)
        codes = codes * (max((len(chunk.dictionary) for chunk in encoded), default=0) + 1) + indices
        codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
        codes[null] = -1
    return np.split(codes, np.cumsum(sizes)[:-1])


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """Returns a column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _own(rows: pa.Table) -> Ints:
    """The identity of each event, or of each request's own event."""
    return _ints(rows[EVENT if EVENT in rows.column_names else ROW])


def _ints(column: pa.ChunkedArray) -> Ints:
    values: Ints = column.to_numpy()
    return values


def _values(column: pa.ChunkedArray, texts: pa.Array | None = None) -> Values:
    valid = pc.is_valid(column).to_numpy()
    if texts is not None:
        column = pc.index_in(column, texts).cast(pa.int64())
    return Values(_filled(column, 0), valid)


def _filled(column: pa.ChunkedArray, value: int) -> npt.NDArray[Any]:
    """Returns a column with a value in the place of nulls."""
    filled: npt.NDArray[Any] = (
        pc.fill_null(column, value) if column.null_count else column
    ).to_numpy()
    return filled


def identities(requests: pa.Table) -> dict[str, pa.Array]:
    """Returns the columns by which what is answered finds the rows that asked."""
    return {n: one_chunk(requests[n]) for n in (ROW, CONTENT) if n in requests.column_names}
