"""A list in a definition: users give any sequence, and the definition keeps a tuple."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    # What may be given. Dataclasses have one type for what is given and what is kept.
    Several = Sequence
else:
    # What `freeze_sequences` leaves, and what checks of a definition's types read.
    _Item = TypeVar("_Item")
    Several = tuple[_Item, ...]
