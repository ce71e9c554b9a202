"""The columns that a definition's windows add, and the times that each reaches."""

from dataclasses import dataclass

from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.windows.operators import Op
from forebay.transforms.definition.windows.windowed import Where, Windowed
from forebay.transforms.durations import UNBOUNDED, duration_us
from forebay.transforms.windows.kernels.ordering import INT64_MIN


@dataclass(frozen=True)
class WindowedColumn:
    """One output column of a definition's windows.

    Attributes:
        name: its name.
        windowed: what it is one column of.
        op: its operator.
        where: the conditions that its events must pass.
        window_us: the window's width; None: unbounded.
        lag_us: how far before the row's time the window ends.
    """

    name: str
    windowed: Windowed
    op: Op
    where: tuple[Where, ...]
    window_us: int | None
    lag_us: int

    def bounds(self, asked_us: int) -> tuple[int | None, int]:
        """Returns the window's start and its end for a row's time.

        The start is None where the window is without bound, or longer than times reach back.
        """
        end = self.answered_for(asked_us) - self.lag_us
        start = None if self.window_us is None else end - self.window_us
        return (None if start is None or start < INT64_MIN else start), max(end, INT64_MIN)

    def answered_for(self, asked_us: int) -> int:
        """Returns the instant that a row is answered for: its own, or the last tile's end."""
        if self.windowed.tile is None:
            return asked_us
        tile_us = duration_us(self.windowed.tile)
        return (asked_us - self.lag_us) // tile_us * tile_us + self.lag_us


def output_columns(dataset: Dataset) -> dict[str, WindowedColumn]:
    """Returns the columns that a definition's windows add, by name."""
    return {
        name: WindowedColumn(
            name=name,
            windowed=windowed,
            op=op,
            where=where,
            window_us=None if window == UNBOUNDED else duration_us(window),
            lag_us=duration_us(windowed.lag),
        )
        for windowed in dataset.windows
        for name, (op, window, where) in windowed.outputs.items()
    }
