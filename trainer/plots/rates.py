"""The loss while the learning rate grew."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from forebay.console.canvas import MARK, MODEL, QUIET, figure, plain, png


def draw_rates(report: Mapping[str, Any]) -> bytes:
    """Returns a PNG of `learning_rate.find_rate`'s report."""
    drawn = figure(f"{report['dataset']}: the loss while the learning rate grows", 8, 4.8)
    axes = drawn.subplots()
    plain(axes)
    rates, smooth = np.array(report["rates"]), np.array(report["smooth"])
    axes.plot(rates, report["losses"], ".", color=QUIET, markersize=3, label="a batch")
    axes.plot(rates, smooth, color=MODEL, label="smoothed")
    if report["suggestion"] is not None:
        axes.axvline(
            report["suggestion"], color=MARK, linewidth=1,
            label=f"suggested: {report['suggestion']:.2g}",
        )  # fmt: skip
    if report["lowest"] is not None:
        axes.axvline(
            report["lowest"], color=MARK, linewidth=1, linestyle=":",
            label=f"lowest at {report['lowest']:.2g}",
        )  # fmt: skip
    low, start = float(smooth.min()), float(smooth[: max(1, len(smooth) // 10)].mean())
    high = start + 0.6 * (max(start - low, 0.1 * abs(start)) or 1.0)
    axes.set(
        xscale="log", xlabel="learning rate", ylabel="training loss",
        ylim=(low - 0.25 * (high - low), high),
    )  # fmt: skip
    axes.legend(loc="lower left", frameon=False)
    return png(drawn)
