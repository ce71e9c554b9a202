"""An audit as people read it, and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.markup import escape

from forebay.commands.check.findings import Finding, Severity
from forebay.commands.check.sample import Sample
from forebay.console.tables import empty_table
from forebay.console.terminal import results
from forebay.console.words import counted
from forebay.pipelines.sources.inputs import TableInput
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.instants import instant

_STYLES = {Severity.LEAK: "red", Severity.WARNING: "yellow", Severity.OK: "green"}
_ORDER = list(Severity)
_MOST_NAMED = 6


@dataclass(frozen=True)
class CheckReport:
    """An audit.

    Attributes:
        dataset: the definition.
        sample: the rows looked at.
        inputs: the files that the rows come from.
        findings: what was found, worst first.
        places: ``file:line`` of each example row, by identity.
    """

    dataset: Dataset
    sample: Sample
    inputs: Sequence[TableInput]
    findings: Sequence[Finding]
    places: Mapping[int, str]

    @property
    def taken_on_trust(self) -> list[str]:
        """The columns of features that nothing speaks against, and nothing but the definition for.

        Those that the row time is made of are known with it; those named by a finding are in doubt.
        """
        dataset = self.dataset
        doubted = {f.column for f in self.findings if f.severity is not Severity.OK}
        known = _made_of(dataset, str(dataset.row_time))
        return [
            name
            for name in dataset.model_columns
            if name in dataset.row_columns
            and name not in doubted
            and _made_of(dataset, name) - known
        ]

    @property
    def leaks(self) -> int:
        """How many findings are leaks."""
        return sum(finding.severity is Severity.LEAK for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON values."""
        sample, span = self.sample, self.sample.span_us
        return {
            "dataset": self.dataset.name,
            "sample": {
                "rows": len(sample.rows),
                "records": sample.records,
                "rejected": sample.rejected,
                "whole": sample.is_whole,
                "from": None if span is None else instant(span[0], "seconds"),
                "to": None if span is None else instant(span[1], "seconds"),
                "sources": {name: len(events) for name, events in sample.sources.items()},
                "files": [one.path for one in self.inputs],
            },
            "counts": {
                severity.value: sum(f.severity is severity for f in self.findings)
                for severity in Severity
            },
            "taken_on_trust": self.taken_on_trust,
            "findings": [
                {
                    "check": f.check,
                    "severity": f.severity.value,
                    "column": f.column or None,
                    "finding": f.what,
                    "evidence": f.evidence or None,
                    "row": self.places.get(f.row) if f.row is not None else None,
                    "shown": f.shown or None,
                    "cure": f.cure or None,
                }
                for f in self.findings
            ],
        }

    def print(self) -> None:
        """Prints the report to standard output."""
        console = results()
        console.print(f"[bold]{escape(self.dataset.name)}[/]: {escape(self.said)}")
        table = empty_table(("word", ""), ("word", ""), ("text", ""))
        for finding in self.findings:
            style = _STYLES[finding.severity]
            column = f"[bold]{escape(finding.column)}[/] " if finding.column else ""
            table.add_row(
                f"[{style}]{finding.severity.value}[/]", escape(finding.check),
                column + escape("\n".join(self._lines(finding))),
            )  # fmt: skip
        console.print(table)
        console.print(self._verdict())
        console.print(escape(self._unknowable()))

    def _lines(self, finding: Finding) -> list[str]:
        lines = [finding.what]
        if finding.evidence:
            lines.append(f"  {finding.evidence}")
        if finding.row is not None and finding.row in self.places:
            shown = f": {finding.shown}" if finding.shown else ""
            lines.append(f"  such as {self.places[finding.row]}{shown}")
        if finding.cure:
            lines.append(f"  cure: {finding.cure}")
        return lines

    @property
    def said(self) -> str:
        """Says what was read."""
        sample, span = self.sample, self.sample.span_us
        when = (
            f", {instant(span[0], 'seconds')} to {instant(span[1], 'seconds')}"
            if span is not None
            else ""
        )
        rejected = f", {sample.rejected:,} rejected" if sample.rejected else ""
        seen = "".join(
            f"; {counted(len(events), 'event')} of {name}"
            for name, events in sample.sources.items()
        )
        if sample.is_whole:
            return (
                f"all {len(sample.rows):,} rows of "
                f"{counted(sample.records, 'record')}{rejected}{when}{seen}"
            )
        which = "one stretch of time" if span is not None else "chosen by hash"
        return (
            f"{counted(len(sample.rows), 'row')} ({which}) of "
            f"{counted(sample.records, 'record')}{rejected}{when}{seen}; --rows reads more"
        )

    def _verdict(self) -> str:
        warnings = sum(f.severity is Severity.WARNING for f in self.findings)
        doubts = f"; {warnings} to look at" if warnings else ""
        if self.leaks:
            return f"[red]{self.leaks} leaking[/]{doubts}"
        tried = len({finding.check for finding in self.findings})
        return f"[green]no leak found in these rows[/] by {counted(tried, 'check')}{doubts}"

    def _unknowable(self) -> str:
        """Says what no check can tell of any data."""
        names = self.taken_on_trust
        when = f"at {self.dataset.row_time}" if self.dataset.row_time else "when the model is asked"
        if not names:
            return "No data can tell when its cells were filled: ask whoever fills them."
        more = len(names) - _MOST_NAMED
        *first, last = names if more <= 0 else [*names[:_MOST_NAMED], f"{more} more columns"]
        named = f"{', '.join(first)} and {last} are" if first else f"{last} is"
        return (
            f"No data can tell when its cells were filled. That {named} known {when}, as this "
            "table has it, is taken on trust: ask whoever fills it."
        )


def _made_of(dataset: Dataset, name: str) -> set[str]:
    """Returns the columns that are read of which a row column is made, as its steps declare."""
    for step in dataset.derive:
        if name in step.outputs:
            return {source for given in step.inputs for source in _made_of(dataset, given)}
    return {name}


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Orders findings: the worst first, else as they were found."""
    return sorted(findings, key=lambda finding: _ORDER.index(finding.severity))
