"""What a run made, as people read it."""

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from forebay.console.tables import empty_table
from forebay.console.words import counted, history_text
from forebay.pipelines.lookups.counts import lookup_warnings, told_counts
from forebay.storage.run.manifest import Manifest

_WARNINGS_SHOWN = 10


def print_summary(manifest: Manifest, run: str, console: Console) -> None:
    """Prints rows, rejects, warnings and times of a run."""
    examples = sum(manifest.rows.values())
    console.print(
        f"[bold]{escape(run)}[/]: {counted(examples, 'example')} of "
        f"{counted(manifest.rows_read, 'record')} in {sum(manifest.seconds.values()):.1f} s"
    )
    counts = empty_table(("text", ""), ("number", ""))
    _rows(counts, "", manifest.rows)
    if manifest.period is not None:
        _rows(counts, "", {"history only": manifest.history})
    _rows(counts, "", {"added": manifest.added} if manifest.added else {})
    _rows(counts, "dropped: ", manifest.dropped)
    _rows(counts, "rejected: ", manifest.rejects)
    for split, entry in manifest.splits.items():
        others = {"history only": entry.history, "added": entry.added}
        there = {name: count for name, count in others.items() if count}
        _rows(counts, f"input {split}: ", {"records": entry.rows_read} | there)
        _rows(counts, f"input {split} dropped: ", entry.dropped)
        _rows(counts, f"input {split} rejected: ", entry.rejects)
    for name, source in manifest.sources.items():
        _rows(counts, f"{name}: ", {"records": source.rows_read})
        _rows(counts, f"{name} rejected: ", source.rejects)
    for name, lookup in manifest.lookups.items():
        _rows(counts, f"{name}: ", told_counts(lookup))
    console.print(counts)
    if manifest.reach_us != 0:
        console.print(history_text(manifest.reach_us))
    for name, source in manifest.sources.items():
        if source.reach_us != 0:
            console.print(f"{escape(name)}: {history_text(source.reach_us)}")
    if manifest.transform_of is not None:
        console.print(f"transform graph of {escape(manifest.transform_of.run)}")
    for problem in (*_history_warnings(manifest), *lookup_warnings(manifest.lookups)):
        console.print(f"[yellow]warning[/]: {escape(problem)}")
    for warning in manifest.warnings[:_WARNINGS_SHOWN]:
        problem = escape(f"feature {warning.feature}: {warning.problem}")
        console.print(f"[yellow]warning[/]: {problem}")
    if len(manifest.warnings) > _WARNINGS_SHOWN:
        more = len(manifest.warnings) - _WARNINGS_SHOWN
        console.print(f"[yellow]and {more} more[/]: see warnings in {escape(run)}/manifest.json")


def _history_warnings(manifest: Manifest) -> Iterator[str]:
    if manifest.period is None or manifest.period.start is None:
        return
    if manifest.reach_us != 0 and not manifest.history:
        yield (
            f"the input has no rows before {manifest.period.start} for the windows to reach: "
            "give the files of the time before, too"
        )


def _rows(table: Table, prefix: str, counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        table.add_row(escape(prefix + name), f"{count:,}")
