"""The trials of a sweep: how the best loss fell, and which options it lay at."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from forebay.console.canvas import MARK, MODEL, QUIET, figure, plain, png
from forebay.console.words import counted
from forebay.trainer.options.flags import as_text

_COLUMNS = 3


def draw_sweep(report: Mapping[str, Any]) -> bytes:
    """Returns a PNG of a sweep: a panel in the order of the trials, one for each option searched.

    Args:
        report: what `search.report.sweep_report` returned, at least one trial trained.
    """
    trials = [one for one in report["trials"] if one["eval_metric"] is not None]
    searched = report["searched"]
    rows = -(-(len(searched) + 1) // _COLUMNS)
    drawn = figure(
        f"{report['dataset']}: {counted(len(report['trials']), 'trial')}, {report['split']}",
        14,
        0.6 + 3.8 * rows,
    )
    panels = drawn.subplots(rows, _COLUMNS, squeeze=False).ravel()
    label = report["metric"]
    more = report["more_is_better"]
    shown = _shown([one["eval_metric"] for one in trials], more_is_better=more)
    _in_order(panels[0], trials, more_is_better=more)
    for axes, search in zip(panels[1:], searched, strict=False):
        _by_option(axes, search, trials)
    for axes in panels[: len(searched) + 1]:
        plain(axes)
        axes.set_ylabel(label)
        axes.set_ylim(*shown)
    for axes in panels[len(searched) + 1 :]:
        axes.set_axis_off()
    return png(drawn)


def _shown(metrics: Sequence[float], *, more_is_better: bool) -> tuple[float, float]:
    """Returns the range to show: the few that are far worse would flatten all others."""
    values = np.array(metrics) * (-1 if more_is_better else 1)
    best, middle, worst = float(values.min()), float(np.median(values)), float(values.max())
    worst = min(worst, best + 4 * (middle - best)) if middle > best else worst
    room = 0.06 * (worst - best) or 0.06 * abs(best) or 1.0
    low, high = best - room, worst + room
    return (-high, -low) if more_is_better else (low, high)


def _in_order(axes: Axes, trials: Sequence[Mapping[str, Any]], *, more_is_better: bool) -> None:
    _points(axes, [one["trial"] for one in trials], trials)
    done = [one for one in trials if one["outcome"] == "trained"]
    best = (np.maximum if more_is_better else np.minimum).accumulate(
        [one["eval_metric"] for one in done]
    )
    axes.step(
        [one["trial"] for one in done], best, where="post", color=MARK, linewidth=1.2,
        label="best so far",
    )  # fmt: skip
    axes.legend(loc="upper right", frameon=False, fontsize=8)
    axes.set_xlabel("trial")


def _by_option(axes: Axes, search: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> None:
    # A model that has no place for the option has it as nobody searches it.
    names = [as_text(choice) for choice in search["choices"]]
    trials = [
        one for one in trials if _is_searched(one["options"][search["option"]], search, names)
    ]
    values = [one["options"][search["option"]] for one in trials]
    if names:
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


def _is_searched(value: Any, search: Mapping[str, Any], names: Sequence[str]) -> bool:
    if names:
        return as_text(value) in names
    return value is not None and search["low"] <= value <= search["high"]


def _points(axes: Axes, x: Sequence[float], trials: Sequence[Mapping[str, Any]]) -> None:
    for outcome, color, filled in (("trained", MODEL, MODEL), ("stopped", QUIET, "white")):
        some = [i for i, one in enumerate(trials) if one["outcome"] == outcome]
        axes.plot(
            [x[i] for i in some], [trials[i]["eval_metric"] for i in some], "o", color=color,
            markerfacecolor=filled, markersize=5, label=outcome,
        )  # fmt: skip
