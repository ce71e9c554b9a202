"""The trials of a sweep: how the best loss fell, and which options it lay at."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from trainer.options.flags import as_text
from trainer.plots.canvas import MARK, MODEL, QUIET, figure, plain, png

_COLUMNS = 3


def draw_sweep(report: Mapping[str, Any]) -> bytes:
    """Returns a PNG of a sweep: a panel in the order of the trials, one for each option searched.

    Args:
        report: of `sweep.report.sweep_report`, at least one trial trained.
    """
    trials = [one for one in report["trials"] if one["eval_loss"] is not None]
    searched = report["searched"]
    rows = -(-(len(searched) + 1) // _COLUMNS)
    drawn = figure(
        f"{report['dataset']}: {len(report['trials'])} trials, eval split", 14, 0.6 + 3.8 * rows
    )
    panels = drawn.subplots(rows, _COLUMNS, squeeze=False).ravel()
    label = f"eval {report['metric']}"
    top = _top([one["eval_loss"] for one in trials])
    _in_order(panels[0], trials)
    for axes, search in zip(panels[1:], searched, strict=False):
        _by_option(axes, search, trials)
    for axes in panels[: len(searched) + 1]:
        plain(axes)
        axes.set_ylabel(label)
        axes.set_ylim(*top)
    for axes in panels[len(searched) + 1 :]:
        axes.set_axis_off()
    return png(drawn)


def _top(losses: Sequence[float]) -> tuple[float, float]:
    """Returns the losses to show: the few that are far off would flatten all others."""
    low, middle, high = float(min(losses)), float(np.median(losses)), float(max(losses))
    high = min(high, low + 4 * (middle - low)) if middle > low else high
    room = 0.06 * (high - low) or 0.06 * abs(low) or 1.0
    return low - room, high + room


def _in_order(axes: Axes, trials: Sequence[Mapping[str, Any]]) -> None:
    _points(axes, [one["trial"] for one in trials], trials)
    done = [one for one in trials if one["outcome"] == "trained"]
    best = np.minimum.accumulate([one["eval_loss"] for one in done])
    axes.step(
        [one["trial"] for one in done], best, where="post", color=MARK, linewidth=1.2,
        label="best so far",
    )  # fmt: skip
    axes.legend(loc="upper right", frameon=False, fontsize=8)
    axes.set_xlabel("trial")


def _by_option(axes: Axes, search: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> None:
    values = [one["options"][search["option"]] for one in trials]
    if search["choices"]:
        names = [as_text(choice) for choice in search["choices"]]
        places = [names.index(as_text(value)) for value in values]
        # Side by side, or equal choices would hide each other.
        shifts = np.linspace(-0.18, 0.18, len(places)) if len(places) > 1 else np.zeros(1)
        _points(axes, list(np.array(places) + shifts), trials)
        axes.set_xticks(range(len(names)), names)
        axes.set_xlim(-0.5, len(names) - 0.5)
    else:
        _points(axes, values, trials)
        if search["low"] > 0 and search["high"] >= 10 * search["low"]:
            axes.set_xscale("log")
    axes.set_xlabel(search["option"])


def _points(axes: Axes, x: Sequence[float], trials: Sequence[Mapping[str, Any]]) -> None:
    for outcome, color, filled in (("trained", MODEL, MODEL), ("stopped", QUIET, "white")):
        some = [i for i, one in enumerate(trials) if one["outcome"] == outcome]
        axes.plot(
            [x[i] for i in some], [trials[i]["eval_loss"] for i in some], "o", color=color,
            markerfacecolor=filled, markersize=5, label=outcome,
        )  # fmt: skip
