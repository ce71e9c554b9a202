"""Whether a disk has room for what a run will write."""

from typing import NamedTuple

from forebay.transforms.errors import RunFailed


class Needed(NamedTuple):
    """What a run will have on its disk, bytes.

    Attributes:
        likely: about how many.
        least: how many it is certain to need.
    """

    likely: int
    least: int


def lack_of_room(needed: Needed, free: int, folder: str) -> str | None:
    """Returns what to warn of where a disk may well be too small; None: it will do.

    Args:
        needed: what will be written.
        free: bytes that are free on the disk.
        folder: the folder that is written to.

    Raises:
        RunFailed: it cannot fit.
    """
    if free >= needed.likely:
        return None
    text = (
        f"about {_size(needed.likely)} will be written there, and {_size(free)} are free; free "
        "some there, or choose another --output"
    )
    if free < needed.least:
        raise RunFailed(f"{folder}: no space left on device: {text}")
    return f"{folder}: {text}"


def _size(count: int) -> str:
    """Writes a number of bytes as ``58 GB``."""
    for unit, power in (("TB", 12), ("GB", 9), ("MB", 6)):
        if count >= 10**power:
            return f"{count / 10**power:.3g} {unit}"
    return f"{count:,} bytes"
