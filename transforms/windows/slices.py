"""How the events of many keys are cut into slices, and what of a slice a window sees.

A slice is any set of events that fits into memory; cutting along time makes most slices lie
wholly inside or outside of a window.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from forebay.transforms.windows.kernels.ordering import INT64_MIN
from forebay.transforms.windows.operations import Aggregate, Window
from forebay.transforms.windows.states.from_events import needs

_Place = TypeVar("_Place")

# What a request takes beside its states: key, time, identity, and its place in sorted order.
_REQUEST_BYTES = 64


@dataclass(frozen=True)
class Block(Generic[_Place]):
    """Some events or requests that are read together.

    Attributes:
        place: the place where they are kept.
        nbytes: bytes of memory that they take.
        first_us, last_us: the range of their times.
        settled_us: the last instant at which what is known of the events changes: when they
            happen, become available, are retired, or the row asks that must not see them.
    """

    place: _Place
    nbytes: int
    first_us: int
    last_us: int
    settled_us: int


@dataclass(frozen=True)
class Slice(Generic[_Place]):
    """Blocks that are in memory together."""

    blocks: tuple[Block[_Place], ...]

    @property
    def first_us(self) -> int:
        """The earliest time in it."""
        return min(block.first_us for block in self.blocks)

    @property
    def last_us(self) -> int:
        """The latest time in it."""
        return max(block.last_us for block in self.blocks)

    @property
    def settled_us(self) -> int:
        """When the last thing about its events becomes known."""
        return max(block.settled_us for block in self.blocks)

    def within(self, start_us: int, end_us: int) -> Slice[_Place]:
        """The blocks that may have something from the first time to before the second, in µs."""
        reaching = (block for block in self.blocks if block.last_us >= start_us)
        return Slice(tuple(block for block in reaching if block.first_us < end_us))


class Visibility(enum.Enum):
    """What the requests of some period see of a slice's events through a window."""

    NONE = "none of them"
    ALL = "all of them, each request"
    SOME = "some of them, or it depends"


def cut(blocks: Iterable[Block[_Place]], nbytes: int) -> list[Slice[_Place]]:
    """Cuts blocks into slices, along time.

    Args:
        blocks: the blocks, in any order.
        nbytes: what a slice may take; a block that takes more is a slice of its own.

    Returns:
        Slices, in the order of their earliest times.
    """
    slices: list[Slice[_Place]] = []
    held: list[Block[_Place]] = []
    total = 0
    for block in sorted(blocks, key=lambda block: (block.first_us, block.last_us)):
        if held and total + block.nbytes > nbytes:
            slices.append(Slice(tuple(held)))
            held, total = [], 0
        held.append(block)
        total += block.nbytes
    if held:
        slices.append(Slice(tuple(held)))
    return slices


def spanning(slices: Iterable[Slice[_Place]], span_us: int | None) -> Iterator[Slice[_Place]]:
    """Joins slices, as `cut` returns them, until each spans as much time; None: all of them."""
    held: tuple[Block[_Place], ...] = ()
    for one in slices:
        joined = Slice((*held, *one.blocks))
        if span_us is not None and joined.last_us - joined.first_us >= span_us:
            yield joined
            held = ()
        else:
            held = joined.blocks
    if held:
        yield Slice(held)


def visibility(window: Window, events: Slice[_Place], first_us: int, last_us: int) -> Visibility:
    """What requests see of a slice through a window.

    Args:
        window: width and lag, in µs.
        events: the slice.
        first_us: the earliest time for which is asked.
        last_us: the latest.
    """
    width, lag = window
    if events.first_us >= last_us - lag:
        return Visibility.NONE
    if width is not None and events.last_us < first_us - lag - width:
        return Visibility.NONE
    begun = width is None or events.first_us >= last_us - lag - width
    ended = events.last_us < first_us - lag
    return Visibility.ALL if begun and ended and events.settled_us < first_us else Visibility.SOME


def reach(windows: Iterable[Window], first_us: int, last_us: int) -> tuple[int, int]:
    """The times that requests see through windows: from the first to before the second, in µs.

    Args:
        windows: widths and lags, in µs; through none, no time is seen.
        first_us: the earliest time for which is asked.
        last_us: the latest.
    """
    starts, ends = [], []
    for width, lag in windows:
        starts.append(INT64_MIN if width is None else first_us - lag - width)
        ends.append(last_us - lag)
    return max(min(starts, default=INT64_MIN), INT64_MIN), max([*ends, INT64_MIN])


def bytes_per_request(aggregates: Sequence[Aggregate]) -> int:
    """How much memory each request takes while windows are computed, at most."""
    total = _REQUEST_BYTES + 2 * 9 * len(aggregates)
    for need, windows in needs(aggregates).items():
        total += len(windows) * need.nbytes
    return total
