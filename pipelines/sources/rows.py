"""Columns as read made into rows; records with a cell at fault leave, with every reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.sources.row_identity import ROW_OFFSET
from forebay.transforms.parsing.casts import BLANKS, without
from forebay.transforms.parsing.cells import Cells
from forebay.transforms.parsing.typed_cells import python_values

_SHOWN_CHARACTERS = 80
_MISSING = "missing required value"


class RowFault(NamedTuple):
    """A record that cannot be a row: see `forebay.pipelines.sources.rejects.Reject`.

    Attributes:
        row: its number among the records given.
        offset: where it is in its input.
        reason: every cause, with the values at fault.
        category: the first cause without anything particular to the record.
    """

    row: int
    offset: int
    reason: str
    category: str


@dataclass(frozen=True)
class MadeRows:
    """Rows of whole columns.

    Attributes:
        batch: the columns and `ROW_OFFSET`, without the records at fault.
        faults: those, in order.
        unread: how many cells of the rows are missing for they cannot be read, by column.
    """

    batch: pa.RecordBatch
    faults: list[RowFault]
    unread: Mapping[str, int]


def make_rows(
    cells: Mapping[str, Cells],
    given: Mapping[str, pa.Array],
    offsets: npt.NDArray[np.int64],
    forgiven: Collection[str] = (),
) -> MadeRows:
    """Puts columns side by side.

    Args:
        cells: the columns as read, n values each.
        given: what they were read from, to show values at fault.
        offsets: where each record is in its input, int64 (n,).
        forgiven: the columns of which a cell at fault is missing.
    """
    faulty = {name: _faulty(read) for name, read in cells.items() if name in forgiven}
    arrays = {name: without(read.values, faulty.get(name)) for name, read in cells.items()}
    batch = pa.RecordBatch.from_pydict({**arrays, ROW_OFFSET: pa.array(offsets, pa.int64())})
    faults = row_faults({n: c for n, c in cells.items() if n not in forgiven}, given, offsets)
    kept, keep = without_rows(batch, faults)
    unread = {name: int((mask & keep).sum()) for name, mask in faulty.items() if mask is not None}
    return MadeRows(kept, faults, unread)


def row_faults(
    cells: Mapping[str, Cells],
    given: Mapping[str, pa.Array],
    offsets: npt.NDArray[np.int64],
) -> list[RowFault]:
    """Returns the records with a cell at fault, in order; the arguments are `make_rows`'."""
    return [
        RowFault(row, int(offsets[row]), "; ".join(reason for _, reason in found), found[0][0])
        for row, found in sorted(_causes(cells, given).items())
    ]


def without_rows(
    batch: pa.RecordBatch, faults: Sequence[RowFault]
) -> tuple[pa.RecordBatch, npt.NDArray[np.bool_]]:
    """Returns a batch without the records at fault, and which of its rows stay, bool (n,)."""
    keep = np.ones(len(batch), np.bool_)
    keep[[fault.row for fault in faults]] = False
    return batch.filter(pa.array(keep)) if faults else batch, keep


def _faulty(read: Cells) -> npt.NDArray[np.bool_] | None:
    """Returns which cells cannot be read, (n,); None: all can."""
    masks = [problem.mask for problem in read.problems]
    return np.logical_or.reduce(masks) if masks else None


def joined(parts: Sequence[pa.Array], nulls: Sequence[str]) -> pa.Array:
    """Joins the texts of several fields by blanks.

    Where one of them is missing, so is the whole: a day without its clock is no time at midnight.
    One that means missing, or has nothing but blanks, stands for the whole.

    Args:
        parts: the fields, binary (n,) each, null where there is none.
        nulls: the texts that mean missing.
    """
    if len(parts) == 1:
        return parts[0]
    whole = pc.binary_join_element_wise(*parts, b" ")
    means_missing = pa.array([text.encode() for text in nulls], pa.binary())
    for part in parts:
        has_text = pc.match_substring_regex(part, f"[^{BLANKS}]")
        alone = pc.or_(pc.is_in(part, means_missing), pc.invert(has_text))
        whole = pc.if_else(pc.fill_null(alone, True), part, whole)
    return whole


def _causes(
    cells: Mapping[str, Cells], given: Mapping[str, pa.Array]
) -> dict[int, list[tuple[str, str]]]:
    """Returns (category, reason) of every cell at fault, by row, in the order of the columns."""
    causes: dict[int, list[tuple[str, str]]] = {}
    for name, read in cells.items():
        if read.absent is not None:
            cause = (f"{name}: {_MISSING}", f"{name}: {_MISSING}")
            for row in np.flatnonzero(read.absent).tolist():
                causes.setdefault(row, []).append(cause)
        for problem in read.problems:
            rows = np.flatnonzero(problem.mask)
            values = python_values(given[name].take(pa.array(rows)))
            for row, value in zip(rows.tolist(), values, strict=True):
                reason = f"{name}: {_shown(value)} is {problem.text}"
                causes.setdefault(row, []).append((f"{name}: {problem.text}", reason))
    return causes


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        value = value[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
    text = value if isinstance(value, str) else str(value)
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
    return repr(cut) if isinstance(value, str) else cut
