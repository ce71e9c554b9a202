"""A picture of how rows are spread over ids, as PNG."""

import math

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from forebay.commands.report.features.report import FeatureReport
from forebay.console.canvas import figure, png
from forebay.console.words import counted
from forebay.storage.run.occupancy import Occupancy

# More panels than this cannot be read on one picture.
MOST_PANELS = 30
_ACROSS = 3


def draw(report: FeatureReport) -> bytes:
    """Returns a PNG with one panel for each output: the share of rows of each id, as bars."""
    outputs = report.outputs[:MOST_PANELS]
    down = math.ceil(len(outputs) / _ACROSS)
    across = min(_ACROSS, len(outputs))
    title = f"{report.run}: share of {report.rows:,} training rows, by id"
    if len(outputs) < len(report.outputs):
        title += f" (the first {len(outputs)} of {counted(len(report.outputs), 'output')})"
    drawn = figure(title, 4.2 * across, 0.6 + 2.1 * down, title_size=10)
    panels = list(drawn.subplots(down, across, squeeze=False).flat)
    for axes, output in zip(panels, outputs, strict=False):
        _panel(axes, output)
    for axes in panels[len(outputs) :]:
        axes.set_axis_off()
    return png(drawn)


def bars(output: Occupancy) -> tuple[list[int], list[float], str]:
    """Returns what a panel shows.

    Returns:
        Places, heights (shares of rows) and what the places are: ids where all that occur are
        known, else ranks among the most frequent.
    """
    shares = {i: rows / output.rows for i, rows in output.most}
    if len(output.most) == output.occupied:
        return list(shares), list(shares.values()), "id"
    ranks = list(range(1, len(shares) + 1))
    return ranks, list(shares.values()), f"rank, of {counted(output.occupied, 'id')} that occur"


def _panel(axes: Axes, output: Occupancy) -> None:
    places, heights, name = bars(output)
    axes.bar(places, heights, width=0.8, color="tab:blue")
    axes.set_title(
        f"{output.output}: {output.occupied:,} of {counted(output.ids, 'id')}", fontsize=8
    )
    axes.set_xlabel(name, fontsize=7)
    axes.tick_params(labelsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
