"""Tables, JSON and a plot of what was measured."""

import datetime as dt
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

from outcomes import Outcome
from rich.console import Console
from rich.table import Table

GIB = 1 << 30
BASELINE = "polars"
PACKAGES = (
    "forebay", "apache-beam", "tensorflow", "tensorflow-transform", "tfx-bsl", "pyarrow", "numpy",
    "polars", "pandas", "scikit-learn",
)  # fmt: skip
COLORS = {"forebay": "#c1272d", "polars": "#0072b2", "pandas": "#e69f00", "spark": "#009e73",
          "course": "#777777"}  # fmt: skip


def print_size(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Prints the table of one size."""
    table = Table(title=f"{max(o.rows for o in outcomes):,} rows", title_justify="left")
    headings = ("", "rows", "seconds", "rows/s", "CPU s", "CPU/wall", "memory GiB", "RSS GiB",
                "time, Polars = 1", "differing from Forebay")  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="left" if not heading else "right")
    base = next((o for o in outcomes if o.name == BASELINE and o.status == "ok"), None)
    for outcome in outcomes:
        table.add_row(outcome.title, f"{outcome.rows:,}", *_cells(outcome, base))
    console.print(table)
    console.print(
        "memory: greatest sum over all processes of resident memory that no file backs; "
        "RSS counts mapped files too"
    )
    for outcome in outcomes:
        if outcome.note:
            console.print(f"{outcome.title}: {outcome.status}: {outcome.note}", markup=False)
        if outcome.phases:
            phases = ", ".join(f"{name} {took:.1f} s" for name, took in outcome.phases.items())
            console.print(f"{outcome.title}: {phases}", markup=False)


def _cells(outcome: Outcome, base: Outcome | None) -> list[str]:
    if not outcome.runs:
        return [outcome.status, *[""] * 7]
    survived = outcome.status == "ok"
    comparable = survived and base is not None and base.rows == outcome.rows
    return [
        f"{outcome.wall_s:.1f}" if survived else outcome.status,
        f"{outcome.rows / outcome.wall_s:,.0f}" if survived else "",
        f"{outcome.cpu_s:.1f}",
        f"{outcome.cpu_s / outcome.wall_s:.2f}",
        f"{outcome.peak_bytes / GIB:.2f}",
        f"{outcome.peak_rss_bytes / GIB:.2f}",
        f"{outcome.wall_s / base.wall_s:.2f}" if comparable and base else "",
        _verdict(outcome),
    ]


def _verdict(outcome: Outcome) -> str:
    if outcome.comparison is None:
        return "–"
    if outcome.comparison.equal:
        return "nothing"
    columns = [column for column in outcome.comparison.columns if column.differing]
    absent = len(outcome.comparison.absent)
    return f"{len(columns)} columns" + f", {absent} absent" * bool(absent)


def print_comparison(console: Console, outcome: Outcome) -> None:
    """Prints how what a contender wrote differs from Forebay's, column by column."""
    found = outcome.comparison
    if found is None:
        return
    compared = max((column.rows for column in found.columns), default=0)
    console.print(
        f"{outcome.title}, compared with Forebay on {compared:,} rows: rows by split "
        f"{'equal' if found.rows[0] == found.rows[1] else found.rows}; "
        f"{found.unmatched:,} without partner; {len(found.columns)} columns",
        markup=False,
    )
    for title, names in (("absent", found.absent), ("more", found.extra)):
        if names:
            console.print(f"  {title}: {', '.join(names)}", markup=False)
    shown = [column for column in found.columns if column.differing or column.allowed]
    if not shown:
        return
    table = Table()
    for heading in ("column", "differing rows", "share", "differing as they may",
                    "median |Δ|", "95 % |Δ|", "greatest |Δ|"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "column" else "right")
    for column in shown:
        share = f"{column.differing / column.rows:.2%}"
        spread = (f"{value:.4g}" for value in (column.median, column.p95, column.greatest))
        table.add_row(column.column, f"{column.differing:,}", share, f"{column.allowed:,}", *spread)
    console.print(table)


def print_steady(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Prints rows per second without start-up, where a contender survived two sizes."""
    for few, many, rate in steady(outcomes):
        console.print(
            f"{few.title}, steady state from {few.rows:,} to {many.rows:,} rows: "
            f"{rate:,.0f} rows/s, (rows₂ - rows₁) / (t₂ - t₁)",
            markup=False,
        )


def steady(outcomes: Sequence[Outcome]) -> list[tuple[Outcome, Outcome, float]]:
    """Returns (smaller, larger, rows per second between them) of each contender."""
    rates = []
    for name in dict.fromkeys(outcome.name for outcome in outcomes):
        survived = [o for o in outcomes if o.name == name and o.status == "ok"]
        for few, many in pairwise(survived):
            if many.wall_s > few.wall_s:
                rate = (many.rows - few.rows) / (many.wall_s - few.wall_s)
                rates.append((few, many, rate))
    return rates


def write_results(
    outcomes: Sequence[Outcome], options: Mapping[str, Any], folder: Path
) -> list[Path]:
    """Writes results.json and results.png and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    results = {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB, 1),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "options": {name: str(value) for name, value in options.items()},
        "outcomes": [_as_json(outcome) for outcome in outcomes],
        "steady_rows_per_s": [
            {"name": few.name, "rows": [few.rows, many.rows], "rows_per_s": round(rate)}
            for few, many, rate in steady(outcomes)
        ],
    }
    paths = [folder / "results.json", folder / "results.png"]
    paths[0].write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    plot(outcomes, paths[1])
    return paths


def _as_json(outcome: Outcome) -> dict[str, Any]:
    facts = asdict(outcome)
    for run in facts["runs"]:
        if run["ended"] != "failed":
            del run["output"]
    return facts


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def plot(outcomes: Sequence[Outcome], path: Path) -> None:
    """Draws seconds over rows, one line for each contender; crosses did not survive."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name in dict.fromkeys(outcome.name for outcome in outcomes):
        own = [o for o in outcomes if o.name == name and o.runs]
        survived = [o for o in own if o.status == "ok"]
        style = {"color": COLORS.get(name), "linewidth": 2.5 if name == "forebay" else 1.5}
        if own:
            points = [o.rows for o in survived], [o.wall_s for o in survived]
            axes.plot(*points, marker="o", label=own[0].title, **style)
        for o in own:
            if o.status != "ok":
                axes.plot(o.rows, o.wall_s, marker="x", markersize=10, color=COLORS.get(name))
                told = {"color": COLORS.get(name), "horizontalalignment": "right"}
                axes.annotate(f"{o.status}   ", (o.rows, o.wall_s), **told)
    axes.set(xscale="log", yscale="log", xlabel="input rows", ylabel="seconds, whole command")
    measured = [o for o in outcomes if o.runs]
    axes.set_xticks(sorted({o.rows for o in measured}), minor=False)
    axes.set_ylim(bottom=0.8 * min((o.wall_s for o in measured), default=1))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter("")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_minor_formatter("{x:,.0f}")
    axes.grid(which="both", alpha=0.25)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
