"""What became of the records of a table that was answered."""

from dataclasses import dataclass

from forebay.pipelines.lookups.counts import check_lookups, lookup_entries
from forebay.pipelines.predictions.checks import check_derived, check_history, check_rows, warnings
from forebay.pipelines.rows import HISTORY
from forebay.pipelines.sources.tables import Tables
from forebay.pipelines.tallies.checks import check_ends
from forebay.pipelines.tallies.tallies import Tallies
from forebay.storage.run.manifest import LookupEntry
from forebay.transforms.definition.dataset import Dataset


@dataclass(frozen=True)
class Counts:
    """What became of the records.

    Attributes:
        records: of the input.
        answered: those that have a prediction.
        rejects: how many have none, by reason.
        dropped: how many rows the definition's own step dropped, by what it is.
        added: how many rows it added.
        history: how many earlier rows the windows could see.
        lookups: what the rows found in tables without events, by lookup.
        warnings: what people should know of what the answers rest on.
    """

    records: int
    answered: int
    rejects: dict[str, int]
    dropped: dict[str, int]
    added: int
    history: int
    lookups: dict[str, LookupEntry]
    warnings: tuple[str, ...]


def checked_counts(
    found: Tallies, dataset: Dataset, tables: Tables, max_reject_fraction: float
) -> Counts:
    """Returns what became of the records.

    Args:
        found: what was counted.
        dataset: the model's definition.
        tables: the new rows, their history, and the sources.
        max_reject_fraction: what share of the history, or of a source, may be rejected.

    Raises:
        UserError: there were none, too many were rejected, or what answers rest on is not there.
        RunFailed: the counts do not add up.
    """
    check_rows(found, tables)
    check_ends(found, "answered", "dropped", "rejects")
    check_history(found, dataset, max_reject_fraction)
    check_lookups(found, dataset)
    check_derived(found, dataset, tables)
    return Counts(
        records=sum(found.get("records", {}).values()),
        answered=found.get("answered", {}).get("rows", 0),
        rejects=dict(found.get("rejects", {})),
        dropped=dict(found.get("dropped", {})),
        added=sum(found.get("added", {}).values()),
        history=found.get("history", {}).get("rows", 0),
        lookups=lookup_entries(found, dataset),
        warnings=tuple(warnings(found, dataset, HISTORY in tables)),
    )
