"""The table of a lookup in memory, sorted so that rows find theirs by search; knows no Beam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.compiled import compiled
from forebay.transforms.definition.columns import Column, Number
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.lookups import Lookup
from forebay.transforms.errors import InputError
from forebay.transforms.one_batch import one_batch
from forebay.transforms.row_contents import hash_contents

Ints = npt.NDArray[np.int64]
UInts = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

_HASH = "__hash"
_LEAST, _GREATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_SHOWN = 3


@dataclass(frozen=True)
class LookupTable:
    """What the rows of a dataset find in a table.

    Attributes:
        lookup: how they look.
        rows: the columns that the lookup reads, of the rows that can be found, and ``__hash``, in
            the order of that hash of their key and, of one key, of (``valid_from``,
            ``available_at``).
        unusable: how many rows of the table can never be found, for want of a key or of a time.
        duplicates: how many are not, because of another of their key and times.
    """

    lookup: Lookup
    rows: pa.RecordBatch
    unusable: int = 0
    duplicates: int = 0

    @classmethod
    def of(cls, lookup: Lookup, table: pa.Table) -> LookupTable:
        """Sorts a table's rows.

        Args:
            lookup: how rows look.
            table: the lookup's ``table_columns``, and `ROW`.

        Raises:
            InputError: several rows have one key and times, and the lookup refuses that.
        """
        needed = [*lookup.key, lookup.valid_from, lookup.available_at]
        usable = np.ones(len(table), np.bool_)
        for name in needed:
            if name is not None:
                usable &= _flags(table[name].is_valid())
        batch = one_batch(table.filter(pa.array(usable)), "look up fewer or shorter texts")
        hashes = hash_keys([batch[name] for name in lookup.key])
        times = [_micros(batch, name) for name in (lookup.valid_from, lookup.available_at) if name]
        order = np.lexsort((batch[ROW].to_numpy(), *reversed(times), hashes))
        batch, hashes = batch.take(pa.array(order)), hashes[order]
        _refuse_collisions(lookup, batch, hashes)
        repeats = np.ones(max(len(batch) - 1, 0), np.bool_)
        for values in (hashes, *(time[order] for time in times)):
            repeats &= values[1:] == values[:-1]
        if lookup.duplicates == "refuse":
            _refuse_duplicates(lookup, batch, repeats)
        others = np.append(False, repeats) if lookup.duplicates == "first" else None
        others = np.append(repeats, False) if others is None else others
        stays = pa.array(~others[: len(batch)])
        batch = batch.append_column(_HASH, pa.array(hashes)).filter(stays)
        columns = {name: batch[name] for name in (*lookup.table_columns, _HASH)}
        return cls(
            lookup, pa.RecordBatch.from_pydict(columns), int((~usable).sum()), int(repeats.sum())
        )

    def find(self, keys: Sequence[pa.Array], asked: pa.Array | None) -> Ints:
        """Returns the place in `rows` of what each row finds, int64 (n,); -1: nothing.

        Args:
            keys: the rows' ``row_keys``, (n,) each.
            asked: their times, of any timestamp or int64 µs; None where the table has none.
        """
        n = len(keys[0])
        if not len(self.rows):
            return np.full(n, -1, np.int64)
        hashes: UInts = self.rows[_HASH].to_numpy()
        wanted = hash_keys(keys)
        low = np.searchsorted(hashes, wanted, "left")
        high = np.searchsorted(hashes, wanted, "right")
        here = pa.array(np.minimum(low, len(hashes) - 1))
        is_known = high > low
        for name, key in zip(self.lookup.key, keys, strict=True):
            is_known &= _flags(pc.fill_null(pc.equal(self.rows[name].take(here), key), False))
        if not self.lookup.is_timed:
            return np.where(is_known, low, -1)
        times = pc.fill_null(asked.cast(pa.int64()), 0).to_numpy()  # type: ignore[union-attr]
        is_known &= _flags(pc.is_valid(asked))
        found = _standing(low, high, times, *self._bounds())
        return np.where(is_known, found, -1)

    def columns(self, found: Ints, kinds: dict[str, Column]) -> dict[str, pa.Array]:
        """Returns the columns that the lookup adds, by name.

        Args:
            found: what `find` returned.
            kinds: what `Lookup.kinds` returned.
        """
        missed = found < 0
        at, not_found = pa.array(found, mask=missed), pa.array(missed)
        columns = {}
        for name, column in self.lookup.outputs.items():
            values = self.rows[column].take(at)
            if column in self.lookup.default:
                default = self.lookup.default[column]
                if isinstance(kinds[name], Number):
                    default = float(default)
                values = pc.if_else(not_found, pa.scalar(default, kinds[name].arrow_type), values)
            columns[name] = values
        if self.lookup.found is not None:
            columns[self.lookup.found] = pa.array(~missed)
        return columns

    def _bounds(self) -> tuple[Ints, Ints, Ints]:
        """Returns from when each row is valid, until when, and from when it is known."""
        n, lookup = len(self.rows), self.lookup
        start, end, known = lookup.valid_from, lookup.valid_until, lookup.available_at
        since = np.full(n, _LEAST) if known is None else _micros(self.rows, known)
        # known < q is known + 1 <= q, by which the row is then found.
        usual = np.minimum(since, _GREATEST - 1) + 1
        return (
            usual if start is None else _micros(self.rows, start),
            np.full(n, _GREATEST) if end is None else _micros(self.rows, end, _GREATEST),
            since,
        )


def look_up(
    batch: pa.RecordBatch, table: LookupTable, dataset: Dataset
) -> tuple[pa.RecordBatch, Ints]:
    """Puts what a lookup finds beside rows.

    Returns:
        The rows, and what `LookupTable.find` returned.
    """
    lookup = table.lookup
    asked = batch[str(dataset.row_time)] if lookup.is_timed else None
    found = table.find([batch[name] for name in lookup.row_keys], asked)
    kinds = lookup.kinds(dataset.sources[lookup.source].row_columns)
    for name, column in table.columns(found, kinds).items():
        batch = batch.append_column(name, column)
    return batch, found


def empty_table(lookup: Lookup, dataset: Dataset) -> LookupTable:
    """Returns a table in which nothing is found."""
    kinds = dataset.sources[lookup.source].row_columns
    schema = [(name, kinds[name].arrow_type) for name in lookup.table_columns]
    return LookupTable.of(lookup, pa.schema([*schema, (ROW, pa.int64())]).empty_table())


@compiled
def _standing(low: Ints, high: Ints, asked: Ints, start: Ints, end: Ints, known: Ints) -> Ints:
    """Returns the last row of ``low`` to before ``high`` that stands at a time, int64 (n,), or -1.

    A row stands at q where ``start <= q < end`` and ``known < q``; those of one key are in order of
    (start, known).
    """
    found = np.full(asked.size, -1, np.int64)
    for i in range(asked.size):
        q = asked[i]
        first, last = low[i], high[i]
        while first < last:  # the first row that starts after q
            middle = (first + last) // 2
            if start[middle] <= q:
                first = middle + 1
            else:
                last = middle
        for place in range(first - 1, low[i] - 1, -1):
            if known[place] < q < end[place]:
                found[i] = place
                break
    return found


def hash_keys(keys: Sequence[pa.Array]) -> UInts:
    """Returns a hash of each row of key columns, uint64 (n,); equal keys have equal ones."""
    return hash_contents([_flat(key) for key in keys])


def _flat(key: pa.Array) -> pa.Array:
    return key.combine_chunks() if isinstance(key, pa.ChunkedArray) else key


def _flags(column: pa.Array) -> Bools:
    return _flat(column).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _micros(batch: pa.RecordBatch, name: str, missing: int = _LEAST) -> Ints:
    return pc.fill_null(batch[name].cast(pa.int64()), missing).to_numpy()  # type: ignore[no-any-return]


def _same_keys(lookup: Lookup, batch: pa.RecordBatch) -> Bools:
    """Tells which rows have the key of the one before, bool (n - 1,)."""
    n = max(len(batch) - 1, 0)
    same = np.ones(n, np.bool_)
    for name in lookup.key:
        same &= _flags(pc.equal(batch[name].slice(1), batch[name].slice(0, n)))
    return same


def _refuse_collisions(lookup: Lookup, batch: pa.RecordBatch, hashes: UInts) -> None:
    """Refuses two keys of one hash, of which `find` would see one only: once in 2⁶⁴ pairs."""
    alike = (hashes[1:] == hashes[:-1]) & ~_same_keys(lookup, batch)
    if alike.any():
        raise InputError(
            f"{lookup.source}: the keys {_key(lookup, batch, int(np.flatnonzero(alike)[0]))} and "
            f"{_key(lookup, batch, int(np.flatnonzero(alike)[0]) + 1)} have one hash; leave one out"
        )


def _refuse_duplicates(lookup: Lookup, batch: pa.RecordBatch, repeats: Bools) -> None:
    places = np.flatnonzero(repeats)
    if not len(places):
        return
    shown = dict.fromkeys(_key(lookup, batch, place) for place in places[: 4 * _SHOWN].tolist())
    times = [name for name in (lookup.valid_from, lookup.available_at) if name]
    alike = f" and {', '.join(times)}" if times else ""
    raise InputError(
        f"{lookup.source}: {len(places):,} rows have the {', '.join(lookup.key)}{alike} of "
        f"another, such as {'; '.join(list(shown)[:_SHOWN])}; mend the table, or write "
        f"duplicates='first' or 'last' in the lookup {lookup.name}"
    )


def _key(lookup: Lookup, batch: pa.RecordBatch, place: int) -> str:
    return ", ".join(f"{name}={batch[name][place].as_py()!r}" for name in lookup.key)
