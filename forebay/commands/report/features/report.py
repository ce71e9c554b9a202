"""A report on a run's features as people read it, and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from forebay.console.tables import empty_table
from forebay.console.terminal import results
from forebay.storage.run.manifest import FeatureWarning
from forebay.storage.run.occupancy import Occupancy

# A cross where so many rows share buckets tells less than it could.
CROWDED = 0.5


@dataclass(frozen=True)
class FeatureReport:
    """How a run's training rows are spread over ids.

    Attributes:
        run: the run folder.
        dataset: the definition's name.
        rows: training rows.
        outputs: the occupancy of each output of ids.
        warnings: features that turned out degenerate.
    """

    run: str
    dataset: str
    rows: int
    outputs: Sequence[Occupancy]
    warnings: Sequence[FeatureWarning]

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON values; shares are of ``rows`` of their output."""
        return {
            "run": self.run,
            "dataset": self.dataset,
            "rows": self.rows,
            "outputs": [
                asdict(output)
                | {
                    "occupied_share": output.occupied / output.ids,
                    "largest_share": output.largest / output.rows,
                    "missing_share": _of(output.missing, output),
                    "oov_share": _of(output.oov, output),
                }
                for output in self.outputs
            ],
            "warnings": [asdict(warning) for warning in self.warnings],
        }

    def print(self) -> None:
        """Prints the report to standard output."""
        console = results()
        console.print(
            f"[bold]{escape(self.run)}[/]: {escape(self.dataset)}, {self.rows:,} training rows"
        )
        if self.outputs:
            console.print(_spread(self.outputs))
        else:
            console.print("no feature makes ids" if self.rows else "no rows to report on")
        if crosses := [output for output in self.outputs if output.collisions]:
            console.print()
            console.print(_shared(crosses))
        for warning in self.warnings:
            problem = escape(f"feature {warning.feature}: {warning.problem}")
            console.print(f"[yellow]warning[/]: {problem}")


def _spread(outputs: Sequence[Occupancy]) -> Table:
    numbers = ("ids", "occupied", "largest", "missing", "unknown")
    table = empty_table(
        ("text", "output"), ("text", "feature"), *(("number", name) for name in numbers)
    )
    for output in outputs:
        table.add_row(
            escape(output.output), output.kind, f"{output.ids:,}", f"{output.occupied:,}",
            _share(output.largest / output.rows), _share(_of(output.missing, output)),
            _share(_of(output.oov, output)),
        )  # fmt: skip
    return table


def _shared(crosses: Sequence[Occupancy]) -> Table:
    table = empty_table(
        ("text", "cross"),
        ("number", "buckets"),
        ("number", "combinations"),
        ("number", "colliding"),
    )
    for output in crosses:
        found = output.collisions
        if found is not None:
            about, share = "~" if found.sampled else "", _share(found.colliding_share)
            crowded = found.colliding_share > CROWDED
            table.add_row(
                escape(output.output), f"{output.ids:,}", f"{about}{found.combinations:,}",
                f"[yellow]{share}[/]" if crowded else share,
            )  # fmt: skip
    return table


def _of(rows: int | None, output: Occupancy) -> float | None:
    return None if rows is None else rows / output.rows


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
