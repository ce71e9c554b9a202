"""Table, JSON and plot of models compared."""

import datetime as dt
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from lightgbm_model import PeerOptions
from rich.console import Console
from rich.table import Table

PACKAGES = ("forebay", "keras", "lightgbm", "numpy", "tensorflow")
COLORS = {"ours": "#c1272d", "LightGBM": "#0072b2"}


@dataclass(frozen=True)
class ModelScore:
    """What one trained model is worth.

    Attributes:
        value: its metric.
        size: the step, or the number of trees, that the eval split chose.
        seconds: what training and answering took.
        answer: its answers, float64 (n,).
    """

    value: float
    size: int
    seconds: float
    answer: np.ndarray

    def __str__(self) -> str:
        return f"{self.value:.4f} (best at {self.size:,}, {self.seconds:.0f} s)"


@dataclass(frozen=True)
class Compared:
    """Our model and LightGBM on one definition.

    Attributes:
        definition: its name.
        metric: ``RMSE``, in the label's units, or ``AUC``.
        split: the rows that were asked about.
        rows: how many they are.
        scores: the scores of each side, one for each seed.
        interval: 95 % of days: the difference, ours less LightGBM's, of the means over the seeds.
        options: what each side was trained with.
    """

    definition: str
    metric: str
    split: str
    rows: int
    scores: Mapping[str, Sequence[ModelScore]]
    interval: tuple[float, float]
    options: Mapping[str, Mapping[str, Any]]

    def values(self, side: str) -> np.ndarray:
        """Returns a side's metric, (seeds,)."""
        return np.array([score.value for score in self.scores[side]])

    @property
    def difference(self) -> float:
        """Ours less LightGBM's, of the means over the seeds."""
        return float(self.values("ours").mean() - self.values("LightGBM").mean())

    @property
    def verdict(self) -> str:
        """Tells which is better, as far as the days can tell."""
        low, high = self.interval
        if low <= 0 <= high:
            return "no difference shown"
        return "ours is better" if (low > 0) == (self.metric == "AUC") else "LightGBM is better"


def print_table(console: Console, compared: Sequence[Compared]) -> None:
    """Prints means and spreads over the seeds, and the differences."""
    first = compared[0]
    seeds = len(first.scores["ours"])
    title = f"{first.split} split, mean ± standard deviation over {seeds} seeds"
    table = Table(title=title, title_justify="left")
    for heading in ("definition", "metric", "ours", "LightGBM", "difference", "95 % of days", ""):
        table.add_column(heading, justify="left" if heading in ("definition", "") else "right")
    for found in compared:
        digits = 3 if found.metric == "RMSE" else 4
        low, high = found.interval
        table.add_row(
            found.definition,
            found.metric,
            *(_spread(found.values(side), digits) for side in ("ours", "LightGBM")),
            f"{found.difference:+.{digits}f}",
            f"{low:+.{digits}f} to {high:+.{digits}f}",
            found.verdict,
        )
    console.print(table)


def _spread(values: np.ndarray, digits: int) -> str:
    deviation = values.std(ddof=1) if len(values) > 1 else 0.0
    return f"{values.mean():.{digits}f} ± {deviation:.{digits}f}"


def print_search(
    console: Console, definition: str, found: Sequence[tuple[PeerOptions, ModelScore]]
) -> None:
    """Prints LightGBM's trials, the best first."""
    table = Table(title=f"{definition}: LightGBM on the eval split", title_justify="left")
    names = list(asdict(found[0][0]))
    for heading in ("eval", "trees", "seconds", *names):
        table.add_column(heading, justify="right")
    for options, score in found:
        values = [str(value) for value in asdict(options).values()]
        table.add_row(f"{score.value:.4f}", f"{score.size:,}", f"{score.seconds:.0f}", *values)
    console.print(table)


def write_results(compared: Sequence[Compared], folder: Path) -> list[Path]:
    """Writes results.json and results.png and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    results = {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "compared": [_as_json(found) for found in compared],
    }
    paths = [folder / "results.json", folder / "results.png"]
    paths[0].write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    plot(compared, paths[1])
    return paths


def _as_json(found: Compared) -> dict[str, Any]:
    return {
        "definition": found.definition,
        "metric": found.metric,
        "split": found.split,
        "rows": found.rows,
        "difference": found.difference,
        "interval": found.interval,
        "verdict": found.verdict,
        "scores": {
            side: [{"value": s.value, "size": s.size, "seconds": s.seconds} for s in scores]
            for side, scores in found.scores.items()
        },
        "options": found.options,
    }


def plot(compared: Sequence[Compared], path: Path) -> None:
    """Draws each seed's metric, and the difference with the interval over days."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3 * len(compared), 5), layout="constrained")
    rows = figure.subplots(2, len(compared), squeeze=False)
    for above, below, found in zip(*rows, compared, strict=True):
        for place, (side, color) in enumerate(COLORS.items()):
            values = found.values(side)
            above.plot(np.full(len(values), place), values, "o", color=color, alpha=0.6)
            above.plot([place - 0.2, place + 0.2], [values.mean()] * 2, color=color)
        above.set(title=found.definition, ylabel=f"{found.metric}, {found.split}", xlim=(-0.6, 1.6))
        above.set_xticks(range(len(COLORS)), COLORS)
        below.axhline(0, color="black", linewidth=0.8)
        below.plot([0, 0], found.interval, color=COLORS["ours"], linewidth=2)
        below.plot(0, found.difference, "o", color=COLORS["ours"])
        below.set(xticks=[])
    rows[1][0].set_ylabel("ours less LightGBM,\n95 % of days")
    figure.savefig(path, dpi=150)
