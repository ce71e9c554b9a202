"""Rows that cannot be read, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from forebay.pipelines.sources.row_identity import row_place
from forebay.transforms.definition.identity import ROW


@dataclass(frozen=True)
class Reject:
    """A record, or a line that is not one, that became no row.

    Attributes:
        offset: where it starts in the file's text, bytes.
        reason: every cause, with the values at fault.
        raw: its bytes, line end excluded; of one too long, one byte more than the limit. None
            if they are still to be read from the file.
        category: the first cause without anything particular to the record, for counting.
    """

    offset: int
    reason: str
    raw: bytes | None
    category: str


class Told(NamedTuple):
    """What a table of rejects says of one; see `Reject`."""

    offset: int
    reason: str
    raw: bytes | None


def in_order_of_offset(rejects: pa.Table) -> list[Told]:
    """Returns the rejects of one input as a walk through it meets them.

    Rows made of one record have its offset, whatever their identities.

    Args:
        rejects: `ROW`, ``reason`` and ``raw``.
    """
    identities = rejects[ROW].to_numpy()
    offsets = row_place(identities)[1]
    order = np.lexsort((identities, offsets))
    told = rejects.select(["reason", "raw"]).take(pa.array(order))
    columns = offsets[order].tolist(), told["reason"].to_pylist(), told["raw"].to_pylist()
    return [Told(*one) for one in zip(*columns, strict=True)]
