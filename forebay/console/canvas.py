"""Figures and their colours: without a screen, without global state."""

import io
import warnings

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter

MODEL, MARK, QUIET = "#1f5fa8", "#c8102e", "#8a8a8a"
_DPI = 110


def figure(title: str, width: float, height: float, title_size: float | None = None) -> Figure:
    """Returns an empty figure of that many inches, its title in points (None: matplotlib's)."""
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    made.suptitle(title, fontsize=title_size)
    return made


def png(drawn: Figure) -> bytes:
    """Returns a figure's PNG; text in it is drawn as it is, letters without a shape as boxes."""
    _take_literally(drawn)
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        drawn.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def _take_literally(drawn: Figure) -> None:
    """Lets no ``$`` begin a formula but those of powers of ten along axes."""
    for text in drawn.findobj(Text):
        text.set_parse_math(False)
        # A file's name may hold what is not a letter at all.
        text.set_text(text.get_text().encode("utf-8", "replace").decode())
    for axes in drawn.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), LogFormatter):
                for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                    tick.label1.set_parse_math(True)


def plain(axes: Axes) -> None:
    """Takes the frame's upper and right lines away, and lays a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
