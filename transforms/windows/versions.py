"""Corrections and deletions: which version of an event is known when.

Rows of one event id are versions of one event. Of those available before an instant, the greatest
by (availability, value) stands for the event then, with its own time and key; the others are
retired. So a version is retired when the next one becomes available, and of versions that become
available at once only the greatest is ever known: by its value, then by all else that windows read
of it (`Windowed.precedence` of `forebay.transforms.definition.windows.windowed`), never by its
place in the input.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.windows.groups import ASKS, AVAILABLE, ID, RANK, RETIRED, SEEN

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def resolve(versions: pa.Table) -> pa.Table:
    """Finds when each version is retired, and leaves out those that are never seen.

    Args:
        versions: every version of the events in it, as `WindowGroup.events` returns them for a
            group with event ids. A row without an id is an event of its own. One without an
            availability is not a version: it is never known, and replaces nothing.

    Returns:
        The versions that windows see at some time, in any order, as `WindowGroup.events` returns
        events, with the column ``retired_at``: int64 µs, the availability of the next version;
        null: never.
    """
    versions = versions.combine_chunks()
    ids = versions[ID].combine_chunks().dictionary_encode()
    codes = pc.fill_null(ids.indices, -1).to_numpy().astype(np.int64)
    stands, retired = _retirements(codes, versions)
    if ASKS in versions.column_names:
        asks = _latest(codes, versions[ASKS].combine_chunks())
        versions = versions.set_column(versions.column_names.index(ASKS), ASKS, asks)
    seen = pc.and_(versions[SEEN].combine_chunks(), pa.array(stands))
    events = versions.append_column(RETIRED, retired).filter(seen)
    return events.drop_columns([ID, SEEN, *_ranks(versions)])


def _retirements(codes: Ints, versions: pa.Table) -> tuple[Bools, pa.Array]:
    """Tells which versions are known at some time, and when the next ones of their events are.

    Args:
        codes: int64 (n,), the number of each version's event; -1: an event of its own.
        versions: the versions.

    Returns:
        bool (n,), and int64 µs (n,), null for the last version of an event.
    """
    stands = pc.is_valid(versions[AVAILABLE].combine_chunks()).to_numpy(zero_copy_only=False).copy()
    several = np.bincount(codes + 1, minlength=1) > 1
    several[0] = False
    order = np.flatnonzero(several[codes + 1] & stands)
    order = order[_order(codes[order], versions.take(pa.array(order)))]
    available = versions[AVAILABLE].combine_chunks().take(pa.array(order)).to_numpy()
    has_next = codes[order[:-1]] == codes[order[1:]]
    stands[order[:-1][has_next & (available[:-1] == available[1:])]] = False
    retired, never = np.zeros(len(versions), np.int64), np.ones(len(versions), bool)
    retired[order[:-1]], never[order[:-1]] = available[1:], ~has_next
    return stands, pa.array(retired, mask=never)


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
