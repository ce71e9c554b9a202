"""Pictures: what users named is drawn as it is written."""

from __future__ import annotations

import io
import warnings

import matplotlib
import pytest
from matplotlib.figure import Figure

from forebay.console.canvas import figure, png

# A formula that cannot be read, two that can, and what no font has a shape for.
TEXTS = (r"$\frac{1$", "$a$ $b$", r"\$5", "a\x1b[31mb", "飛行機", "100 %")


def draw(texts: tuple[str, ...]) -> Figure:
    """A picture with texts in every place that one can have, and an axis of powers of ten."""
    drawn = figure(" ".join(texts), 7, 4)
    axes = drawn.subplots()
    for place, text in enumerate(texts):
        axes.plot([place + 1], [place], "o", label=text)
        axes.annotate(text, (place + 1, place))
    axes.set_yticks(range(len(texts)), texts)
    axes.set(xscale="log", xlabel=texts[0], ylabel=texts[1], title=texts[-1])
    axes.legend()
    return drawn


def test_no_text_is_read_as_a_formula() -> None:
    found = png(draw(TEXTS))
    # The same, as matplotlib draws it where formulas are switched off altogether.
    with matplotlib.rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn = draw(TEXTS)
        drawn.axes[0].set_xticks([])
        drawn.axes[0].minorticks_off()
        buffer = io.BytesIO()
        drawn.savefig(buffer, format="png", dpi=110)
    drawn = draw(TEXTS)
    drawn.axes[0].set_xticks([])
    drawn.axes[0].minorticks_off()
    assert png(drawn) == buffer.getvalue() != found


def test_powers_of_ten_stay_formulas() -> None:
    plainly = io.BytesIO()
    draw(("a", "b")).savefig(plainly, format="png", dpi=110)
    assert png(draw(("a", "b"))) == plainly.getvalue()


def test_letters_without_a_shape_are_no_warnings(recwarn: pytest.WarningsRecorder) -> None:
    png(draw(TEXTS))
    assert not recwarn.list
