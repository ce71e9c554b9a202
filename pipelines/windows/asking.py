"""Which rows ask, and are in the output; the others are events only."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from forebay.pipelines.sources.row_identity import row_place
from forebay.transforms.definition.identity import ROW
from forebay.transforms.windows.groups import WindowGroup
from forebay.transforms.windows.period import Period


class Asking(ABC):
    """Tells which rows ask."""

    @abstractmethod
    def asks(self, rows: pa.RecordBatch) -> pa.BooleanArray:
        """Returns which rows of the dataset's own table ask, (n,)."""

    @abstractmethod
    def reaches(self, group: WindowGroup, rows: pa.RecordBatch) -> pa.BooleanArray:
        """Returns which rows of the group's source a window may see as events, (n,)."""


@dataclass(frozen=True)
class AskingInPeriod(Asking):
    """The rows whose time lies in a period ask; their windows reach back from there.

    Attributes:
        period: the period.
        row_time: the column of the rows' time.
    """

    period: Period
    row_time: str

    def asks(self, rows: pa.RecordBatch) -> pa.BooleanArray:  # noqa: D102
        return self.period.asks(rows[self.row_time])

    def reaches(self, group: WindowGroup, rows: pa.RecordBatch) -> pa.BooleanArray:  # noqa: D102
        return self.period.reaches(group, rows)


@dataclass(frozen=True)
class AskingInputs(Asking):
    """The rows of the first so many inputs ask; those of all are events.

    Attributes:
        inputs: how many.
    """

    inputs: int

    def asks(self, rows: pa.RecordBatch) -> pa.BooleanArray:  # noqa: D102
        return pa.array(row_place(rows[ROW].to_numpy())[0] < self.inputs)

    def reaches(self, group: WindowGroup, rows: pa.RecordBatch) -> pa.BooleanArray:  # noqa: D102
        return pa.array(np.ones(len(rows), np.bool_))
