"""Corrections and deletions: which version of an event is known when.

Rows of one event id are versions of one event. Of those available before an instant, the greatest
by (availability, value) stands for the event then, with its own time and key; the others are
retired. So a version is retired when the next one becomes available, and of versions that become
available at once only the greatest is ever known: by its value, then by all else that windows read
of it (`transforms.windows.Windowed.precedence`), never by its place in the input.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.aggregation.groups import (
    ASKS,
    AVAILABLE,
    ID,
    RANK,
    RETIRED,
    SEEN,
)

Ints = npt.NDArray[np.int64]


def resolve(versions: pa.Table) -> pa.Table:
    """Finds when each version is retired, and leaves out those that are never seen.

    Args:
        versions: every version of the events in it, as `WindowGroup.events` returns them for a
            group with event ids. A row without an id is an event of its own. One without an
            availability is no version: it is never known, and replaces nothing.

    Returns:
        The versions that windows see at some time, in any order, as `WindowGroup.events` returns
        events, with the column ``retired_at``: int64 µs, the availability of the next version;
        null: never.
    """
    versions = versions.combine_chunks()
    ids = versions[ID].combine_chunks().dictionary_encode()
    codes = pc.fill_null(ids.indices, -1).to_numpy().astype(np.int64)
    asks = (
        _latest(codes, versions[ASKS].combine_chunks()) if ASKS in versions.column_names else None
    )
    several = np.bincount(codes + 1, minlength=1) > 1
    several[0] = False  # rows without an id
    known = pc.is_valid(versions[AVAILABLE]).combine_chunks().to_numpy(zero_copy_only=False)
    replaced_or_not = np.flatnonzero(several[codes + 1] & known)
    retired = np.zeros(len(versions), np.int64)
    is_retired = np.zeros(len(versions), bool)
    stands = known.copy()
    order = replaced_or_not[
        _order(codes[replaced_or_not], versions.take(pa.array(replaced_or_not)))
    ]
    available = versions[AVAILABLE].take(pa.array(order)).to_numpy()
    same_event = codes[order][1:] == codes[order][:-1]
    at_once = same_event & (available[1:] == available[:-1])
    stands[order[:-1][at_once]] = False
    is_retired[order[:-1]] = same_event
    retired[order[:-1]] = available[1:]
    if asks is not None:
        place = versions.schema.get_field_index(ASKS)
        versions = versions.set_column(place, ASKS, asks)
    versions = versions.append_column(RETIRED, pa.array(retired, mask=~is_retired))
    seen = pc.and_(versions[SEEN], pa.chunked_array([pa.array(stands)]))
    return versions.filter(seen).drop_columns([ID, SEEN, *_ranks(versions)])


def _order(codes: Ints, versions: pa.Table) -> Ints:
    """Sorts versions by event, and those of one event from the first known to the last."""
    columns = {name: versions[name] for name in (AVAILABLE, *_ranks(versions))}
    for name, column in columns.items():
        if pa.types.is_floating(column.type):
            columns[name] = pc.if_else(pc.is_finite(column), column, None)
    table = pa.table({"event": codes, **columns})
    keys = [(name, "ascending", "at_start") for name in table.column_names]
    order: Ints = pc.sort_indices(table, sort_keys=keys).to_numpy()
    return order.astype(np.int64)


def _ranks(versions: pa.Table) -> list[str]:
    """The columns that decide between versions that become available at once, in order."""
    ranks = [name for name in versions.column_names if name.startswith(RANK)]
    return [f"{RANK}{i}" for i in range(len(ranks))]


def _latest(codes: Ints, instants: pa.Array) -> pa.Array:
    """The latest instant among the rows of each event, int64 (n,), by row; null: none."""
    least = np.iinfo(np.int64).min
    own = pc.fill_null(instants, least).to_numpy()
    latest = np.full(codes.max(initial=-1) + 1, least)
    with_id = codes >= 0
    np.maximum.at(latest, codes[with_id], own[with_id])
    found = np.where(with_id, latest[codes] if latest.size else own, own)
    return pa.array(found, mask=found == least)
