"""Whether answers rest on what they should: derived columns that are there, windows with events."""

from collections.abc import Iterator

from forebay.console.words import duration_text
from forebay.pipelines.lookups.counts import lookup_entries, lookup_warnings
from forebay.pipelines.predictions.same_rows import DIFFERING
from forebay.pipelines.rows import HISTORY
from forebay.pipelines.sources.tables import Tables, lacked
from forebay.pipelines.tallies.checks import check_rejects_of
from forebay.pipelines.tallies.tallies import Tallies, tallies_of
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.new_rows import asked_columns, derived_of
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.errors import InputError
from forebay.transforms.instants import instant
from forebay.transforms.windows.period import history_needed


def check_rows(found: Tallies, tables: Tables) -> None:
    """Checks that there are rows to answer.

    Raises:
        InputError: there is none.
    """
    if not sum(found.get("records", {}).values()):
        paths = ", ".join(one.path for one in tables[ROWS])
        raise InputError(f"no rows to answer: {paths} has none; give the rows")


def check_history(found: Tallies, dataset: Dataset, limit: float) -> None:
    """Checks that no more than a share of the records of the history, or of a source, was rejected.

    Raises:
        InputError: more were.
    """
    tables = {HISTORY: f" of {HISTORY}"}
    tables |= {name: f" of the source {name}" for name in dataset.sources}
    for name, told in tables.items():
        check_rejects_of(tallies_of(found, name), told, limit, dataset)


def check_derived(found: Tallies, dataset: Dataset, tables: Tables) -> None:
    """Checks that no column that answers depend on is missing for want of an absent one.

    Raises:
        InputError: one is.
    """
    rows = found.get("asked", {}).get("rows", 0)
    missing = found.get("missing", {})
    asked = asked_columns(dataset)
    for name, lacking in derived_of(dataset, lacked(tables[ROWS])).items():
        if rows and name in asked and missing.get(name) == rows:
            raise InputError(
                f"{name!r} is missing in every row of {rows:,}: it is derived of "
                f"{', '.join(sorted(lacking))}, which --input lacks; give it"
            )


def warnings(found: Tallies, dataset: Dataset, has_history: bool) -> Iterator[str]:
    """Yields what people should know of what the answers rest on."""
    if unread := found.get("unread"):
        listed = ", ".join(f"{name} ({count:,})" for name, count in unread.items())
        yield (
            f"values of --input that cannot be read count as missing: {listed}; no answer to their "
            "own rows depends on them"
        )
    if differing := found.get(DIFFERING):
        listed = ", ".join(f"{name} ({count:,})" for name, count in differing.items())
        yield (
            "new rows are like rows of --history in all that answers depend on, and count as other "
            f"rows for what they have in {listed}; if they are the same, leave it out of --input"
        )
    yield from lookup_warnings(lookup_entries(found, dataset))
    yield from _of_windows(found, dataset, has_history)


def _of_windows(found: Tallies, dataset: Dataset, has_history: bool) -> Iterator[str]:
    answered = found.get("answered", {}).get("rows", 0)
    times = found.get("history times", {})
    if has_history and all(window.source is not None for window in dataset.windows):
        yield "no window looks at --history; leave it out"
    elif has_history and answered and not times:
        read = tallies_of(found, HISTORY).get("records", {}).get("read", 0)
        state = "no row of --history has a time" if read else "--history has no rows"
        yield f"{state}, so no window sees one; give earlier rows"
    elif times:
        yield from _of_times(-times["begins before"], times["ends"], -times["new begins before"],
                             dataset)  # fmt: skip
    timed = found.get("timed", {}).get("rows", 0)
    empty = [name for name, rows in found.get("empty", {}).items() if rows == timed > 0]
    if empty:
        cure = "give more of them" if has_history else "give earlier rows with --history"
        yield (
            f"the windows {', '.join(empty)} are in every row what they are without events; if "
            f"too few events of their keys are known by then, {cure}"
        )


def _of_times(begins: int, ends: int, new: int, dataset: Dataset) -> Iterator[str]:
    reach = history_needed(dataset)
    if reach is not None and ends + reach < new:
        yield (
            f"--history ends at {instant(ends)}, more than {duration_text(reach)}, as far as "
            f"windows reach, before the first new row at {instant(new)}; give later rows, too"
        )
    if new < begins:
        yield (
            f"the first new row, at {instant(new)}, is before the first of --history, at "
            f"{instant(begins)}; give earlier rows, too"
        )
