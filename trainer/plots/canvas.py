"""Figures and their colours: without a screen, without global state."""

import io

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

MODEL, MARK, QUIET = "#1f5fa8", "#c8102e", "#8a8a8a"
_DPI = 110


def figure(title: str, width: float, height: float) -> Figure:
    """Returns an empty figure of that many inches."""
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    made.suptitle(title)
    return made


def png(drawn: Figure) -> bytes:
    """Returns a figure's PNG."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def plain(axes: Axes) -> None:
    """Takes the frame's upper and right lines away, and lays a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
