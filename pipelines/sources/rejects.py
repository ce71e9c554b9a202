"""Rows that cannot be read, with the reason."""

from dataclasses import dataclass


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
