"""Metrics by the values of a column."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from forebay.console.canvas import MARK, MODEL, QUIET, figure, plain, png
from forebay.console.words import counted

# More values than this are in the JSON only.
MOST_VALUES = 40
_METRICS: Mapping[str, Sequence[str]] = {
    "regression": ("rmse", "mean_error"),
    "binary_classification": ("log_loss", "auc", "mean_error"),
}
_OF_CLASSES = ("log_loss", "accuracy")
_SIGNED = ("mean_error",)


def draw_slices(
    column: str, slices: Sequence[Mapping[str, Any]], report: Mapping[str, Any]
) -> bytes:
    """Returns a PNG with a row for each value of a column, and a panel for each metric.

    Slices of few rows are hollow; intervals, where there are any, are bars.

    Args:
        column: its name.
        slices: what was measured, in the order to draw.
        report: the whole evaluation, for the metric over all rows.
    """
    shown = slices[:MOST_VALUES]
    metrics = _METRICS.get(report["task"], _OF_CLASSES)
    more = f", the first {len(shown)} of {len(slices)}" if len(shown) < len(slices) else ""
    title = (
        f"{report['dataset']}: {report['label']} by {column}{more}, {report['split']} split, "
        f"{counted(report['rows'], 'row')}"
    )
    drawn = figure(title, 4.6 * len(metrics) + 1.2, 1.8 + 0.26 * len(shown))
    panels = drawn.subplots(1, len(metrics), sharey=True)
    for axes, metric in zip(panels, metrics, strict=True):
        _panel(axes, metric, shown, report["metrics"][metric])
    panels[0].set_yticks(range(len(shown)), [f"{one['value']} ({one['rows']:,})" for one in shown])
    panels[0].invert_yaxis()
    panels[0].set_ylabel(f"{column} (rows)")
    return png(drawn)


def _panel(
    axes: Axes, metric: str, slices: Sequence[Mapping[str, Any]], overall: float | None
) -> None:
    plain(axes)
    if overall is not None:
        axes.axvline(overall, color=MARK, linewidth=1, label=f"all rows: {overall:.4g}")
        axes.legend(loc="best", fontsize=8)
    if metric in _SIGNED:
        axes.axvline(0, color=QUIET, linewidth=1, linestyle="--")
    for place, one in enumerate(slices):
        value = one["metrics"][metric]
        if value is None:
            continue
        bounds = one.get("intervals", {}).get(metric)
        if bounds is not None:
            axes.plot(bounds, [place, place], color=MODEL, linewidth=1.2)
        filled = "white" if one["few_rows"] else MODEL
        axes.plot([value], [place], "o", color=MODEL, markerfacecolor=filled, markersize=5)
    axes.set_xlabel(metric)
