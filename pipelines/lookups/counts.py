"""What is counted of a lookup: the rows of its table, and what the dataset's rows found."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.tallies.tallies import Tallies, Tally, tallies_of
from forebay.storage.run.manifest import LookupEntry
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.lookups import Lookup
from forebay.transforms.errors import InputError
from forebay.transforms.lookup_tables import LookupTable

FINDABLE, UNUSABLE, DUPLICATES = "findable", "unusable", "duplicates"
FOUND, NOT_FOUND, NO_KEY, NO_TIME = "found", "not found", "no key", "no time"


def lookup_kind(lookup: Lookup) -> str:
    """Returns the kind of a lookup's tallies."""
    return f"lookup {lookup.name}"


def counts_of_table(table: LookupTable) -> Iterator[Tally]:
    """Yields how many rows a table has."""
    counts = {FINDABLE: len(table.rows), UNUSABLE: table.unusable, DUPLICATES: table.duplicates}
    yield from _tallies(table.lookup, counts)


def counts_of_rows(
    batch: pa.RecordBatch, found: npt.NDArray[np.int64], lookup: Lookup, dataset: Dataset
) -> Iterator[Tally]:
    """Yields how many rows found something, and why others did not.

    Args:
        batch: the rows.
        found: what `LookupTable.find` returned.
        lookup: the lookup.
        dataset: the definition.
    """
    missing = np.zeros(len(batch), np.bool_)
    for name in lookup.row_keys:
        missing |= _is_null(batch[name])
    untimed = np.zeros(len(batch), np.bool_)
    if lookup.is_timed:
        untimed = _is_null(batch[str(dataset.row_time)]) & ~missing
    counts = {
        FOUND: int((found >= 0).sum()), NO_KEY: int(missing.sum()), NO_TIME: int(untimed.sum()),
        NOT_FOUND: int(((found < 0) & ~missing & ~untimed).sum()),
    }  # fmt: skip
    yield from _tallies(lookup, counts)


def lookup_entries(counted: Tallies, dataset: Dataset) -> dict[str, LookupEntry]:
    """Returns what became of each lookup, by its name."""
    counts = {one.name: counted.get(lookup_kind(one), {}) for one in dataset.lookups}
    return {
        one.name: LookupEntry(
            source=one.source,
            rows=counts[one.name].get(FINDABLE, 0),
            unusable=counts[one.name].get(UNUSABLE, 0),
            duplicates=counts[one.name].get(DUPLICATES, 0),
            found=counts[one.name].get(FOUND, 0),
            not_found=counts[one.name].get(NOT_FOUND, 0),
            without_key=counts[one.name].get(NO_KEY, 0),
            without_time=counts[one.name].get(NO_TIME, 0),
        )
        for one in dataset.lookups
    }


def told_counts(lookup: LookupEntry) -> dict[str, int]:
    """Returns what to tell of a lookup."""
    missed = {
        "not found": lookup.not_found, "without a key": lookup.without_key,
        "without a time": lookup.without_time, "duplicates left out": lookup.duplicates,
        "rows that cannot be found": lookup.unusable,
    }  # fmt: skip
    return {"found": lookup.found} | {what: count for what, count in missed.items() if count}


def lookup_warnings(lookups: Mapping[str, LookupEntry]) -> Iterator[str]:
    """Yields which lookups found nothing for any row that looked."""
    for name, lookup in lookups.items():
        if not lookup.found and lookup.not_found:
            yield (
                f"lookup {name}: none of {lookup.not_found:,} keys is among the {lookup.rows:,} "
                f"rows of {lookup.source}: are both written alike?"
            )


def check_lookups(ingested: Tallies, dataset: Dataset) -> None:
    """Checks that there is something to find.

    Raises:
        InputError: no row of a table can be found.
    """
    for lookup in dataset.lookups:
        counts = ingested.get(lookup_kind(lookup), {})
        if not counts.get(FINDABLE):
            table = tallies_of(ingested, lookup.source)
            read = table.get("records", {}).get("read", 0)
            rejected = sum(table.get("rejects", {}).values())
            raise InputError(
                f"the source {lookup.source} has no row for the lookup {lookup.name} to find "
                f"(records: {read:,}; rejected: {rejected:,}; without a key or time: "
                f"{counts.get(UNUSABLE, 0):,}); give the table, mend it, or drop the lookup"
            )


def _tallies(lookup: Lookup, counts: Mapping[str, int]) -> Iterator[Tally]:
    return ((lookup_kind(lookup), what, count) for what, count in counts.items() if count)


def _is_null(column: pa.Array) -> npt.NDArray[np.bool_]:
    return pc.is_null(column).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
