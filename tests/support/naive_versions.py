"""Corrections and deletions as the contract words them: at each instant, one version of each event.

Written from the contract alone, for `naive_windows` to look at what is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from naive_windows import Event, Number


@dataclass(frozen=True)
class Version:
    """What one row says of the event ``id`` (None: of an event of its own)."""

    event: Event
    id: str | int | None
    deleted: bool = False


def known_at(versions: Iterable[Version], asked: int, column: str | None) -> list[Event]:
    """The events as they are known just before an instant."""
    latest: dict[object, Version] = {}
    for version in versions:
        available = version.event.available_at
        if available is None or not available < asked:
            continue
        name = ("row", version.event.row) if version.id is None else ("id", version.id)
        if name not in latest or _rank(latest[name], column) < _rank(version, column):
            latest[name] = version
    return [version.event for version in latest.values() if not version.deleted]


def without_own(versions: Iterable[Version], own: str | int | None) -> list[Version]:
    """The versions that are not of the asking row's event; rows without an id tell by their row."""
    return [version for version in versions if own is None or version.id != own]


def from_source(versions: Iterable[Version]) -> list[Version]:
    """The versions of events of another table: no row's own event is among them."""
    return [replace(v, event=replace(v.event, row=-1 - v.event.row)) for v in versions]


def _rank(version: Version, column: str | None) -> tuple[int | None, bool, Number]:
    value = None if column is None else version.event.values[column]
    has_value = value is not None and (isinstance(value, str) or math.isfinite(value))
    return version.event.available_at, has_value, value if has_value else 0
