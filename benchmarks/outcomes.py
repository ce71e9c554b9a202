"""What became of one contender on one size."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Literal

from compare import Comparison
from processes import CommandCost, Ended


@dataclass(frozen=True)
class Outcome:
    """One row of the table.

    Attributes:
        name: the contender's name.
        title: what tables call it.
        rows: input rows it was given.
        status: how it ended.
        note: why it was skipped, or what limits its figures.
        runs: what each of its runs took.
        phases: seconds by phase of its last run, as it reports them itself.
        comparison: what it wrote compared with Forebay's; None for Forebay and where nothing
            was compared.
    """

    name: str
    title: str
    rows: int
    status: Ended | Literal["skipped"] = "skipped"
    note: str = ""
    runs: Sequence[CommandCost] = ()
    phases: Mapping[str, float] = field(default_factory=dict)
    comparison: Comparison | None = None

    def measured(self, runs: Sequence[CommandCost], out: Path) -> "Outcome":
        """Returns the outcome of its runs; how far one came if it did not survive."""
        status, note = runs[-1].ended, ""
        if status != "ok":
            written = sum(path.stat().st_size for path in out.parent.glob("**/*.tfrecord*"))
            note = f"ended after {runs[-1].wall_s:,.0f} s, {written / 1e9:.1f} GB written"
        if status == "failed":
            note += ": " + (runs[-1].output.strip().splitlines() or [""])[-1][:200]
        return replace(self, status=status, note=note, runs=tuple(runs), phases=_phases(out))

    @property
    def wall_s(self) -> float:
        """Median elapsed seconds."""
        return median(run.wall_s for run in self.runs)

    @property
    def cpu_s(self) -> float:
        """Median processor seconds."""
        return median(run.cpu_s for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        """Greatest memory that no file backs."""
        return max(run.peak_bytes for run in self.runs)

    @property
    def peak_rss_bytes(self) -> int:
        """Greatest resident memory, mapped files included."""
        return max(run.peak_rss_bytes for run in self.runs)

    @property
    def summary(self) -> str:
        """One line about it."""
        if self.status == "ok":
            return f"{self.wall_s:.1f} s for {self.rows:,} rows"
        return f"{self.status}: {self.note}"


def _phases(out: Path) -> dict[str, float]:
    for name in ("phases.json", "manifest.json"):
        if (out / name).exists():
            found = json.loads((out / name).read_text("utf-8"))
            return dict(found.get("seconds", found))
    return {}
