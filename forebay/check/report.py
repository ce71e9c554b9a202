"""An audit as people read it, and as JSON."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from forebay.check.findings import Finding, Severity
from forebay.check.sample import Sample
from forebay.console.terminal import screen
from forebay.pipelines.sources.csv.files import CsvFile
from forebay.transforms.definition.dataset import Dataset

_STYLES = {Severity.LEAK: "red", Severity.WARNING: "yellow", Severity.OK: "green"}
_ORDER = list(Severity)


@dataclass(frozen=True)
class Report:
    """An audit.

    Attributes:
        dataset: the definition.
        sample: the rows looked at.
        files: where they come from.
        findings: what was found, worst first.
        places: ``file:line`` of each example row, by identity.
    """

    dataset: Dataset
    sample: Sample
    files: Sequence[CsvFile]
    findings: Sequence[Finding]
    places: Mapping[int, str]

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
                "from": None if span is None else _instant(span[0]),
                "to": None if span is None else _instant(span[1]),
                "sources": {name: len(events) for name, events in sample.sources.items()},
                "files": [file.source.path for file in self.files],
            },
            "counts": {
                severity.value: sum(f.severity is severity for f in self.findings)
                for severity in Severity
            },
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
        console = screen()
        console.print(f"[bold]{escape(self.dataset.name)}[/]: {escape(self.said)}")
        table = Table(box=None, pad_edge=False, show_header=False)
        for _ in range(3):
            table.add_column(overflow="fold")
        for finding in self.findings:
            style = _STYLES[finding.severity]
            column = f"[bold]{escape(finding.column)}[/] " if finding.column else ""
            table.add_row(
                f"[{style}]{finding.severity.value}[/]", escape(finding.check),
                column + escape("\n".join(self._lines(finding))),
            )  # fmt: skip
        console.print(table)
        console.print(self._verdict())

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
        when = f", {_instant(span[0])} to {_instant(span[1])}" if span is not None else ""
        rejected = f", {sample.rejected:,} rejected" if sample.rejected else ""
        seen = "".join(
            f"; {len(events):,} events of {name}" for name, events in sample.sources.items()
        )
        if sample.is_whole:
            return (
                f"all {len(sample.rows):,} rows of {sample.records:,} records{rejected}{when}{seen}"
            )
        which = "one stretch of time" if span is not None else "chosen by hash"
        return (
            f"{len(sample.rows):,} rows ({which}) of {sample.records:,} records{rejected}{when}"
            f"{seen}; --rows reads more"
        )

    def _verdict(self) -> str:
        warnings = sum(f.severity is Severity.WARNING for f in self.findings)
        doubts = f"; {warnings} to look at" if warnings else ""
        if self.leaks:
            return f"[red]{self.leaks} leaking[/]{doubts}"
        return f"[green]nothing leaks in these rows[/], as far as their own times tell{doubts}"


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Orders findings: the worst first, else as they were found."""
    return sorted(findings, key=lambda finding: _ORDER.index(finding.severity))


def _instant(us: int) -> str:
    at = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
