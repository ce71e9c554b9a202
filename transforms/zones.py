"""Time zones as tables of transitions, one table for reading clocks and for the served graph.

The tables come from the ``tzdata`` distribution, never from the machine's own files, so that
every worker and every served model agree and the version can be recorded.
"""

import datetime as dt
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

FIRST_YEAR, HORIZON_YEAR = 1900, 2100
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND_US = 1_000_000
# No zone keeps an offset for less than this between 1900 and 2100 (a test steps by the hour).
_STEP_SECONDS = 4 * 86_400


@dataclass(frozen=True)
class ZoneTable:
    """The offsets of one zone from 1900 to 2100; outside, the first or last one holds.

    Attributes:
        transitions_us: int64 (n,), instants at which the offset changes, ascending.
        offsets_us: int64 (n + 1,), local minus UTC; entry i holds before transition i.
    """

    transitions_us: Int64Array
    offsets_us: Int64Array


def tzdata_version() -> str:
    """Returns the version of the time-zone database in use, such as ``2026.1``."""
    return metadata.version("tzdata")


@cache
def is_zone(name: str) -> bool:
    """Tells whether the IANA database knows the zone."""
    return name in _known_zones()


@cache
def _known_zones() -> frozenset[str]:
    text = resources.files("tzdata").joinpath("zones").read_text("utf-8")
    return frozenset(text.split())


@cache
def zone_table(name: str) -> ZoneTable:
    """Returns the transitions of an IANA zone.

    Raises:
        ValueError: the database does not know the zone.
    """
    if not is_zone(name):
        raise ValueError(f"{name!r} is not a time zone of the IANA database")
    with resources.files("tzdata.zoneinfo").joinpath(name).open("rb") as stream:
        zone = zoneinfo.ZoneInfo.from_file(stream, key=name)

    def offset(second: int) -> int:
        instant = _EPOCH + dt.timedelta(seconds=second)
        return round(instant.astimezone(zone).utcoffset().total_seconds())  # type: ignore[union-attr]

    start = _second(FIRST_YEAR)
    offsets, transitions = [offset(start)], []
    for end in range(start + _STEP_SECONDS, _second(HORIZON_YEAR), _STEP_SECONDS):
        if offset(end) != offsets[-1]:
            transitions.append(_first_second_of_change(offset, start, end))
            offsets.append(offset(end))
        start = end
    return ZoneTable(
        np.array(transitions, np.int64) * _SECOND_US, np.array(offsets, np.int64) * _SECOND_US
    )


def _second(year: int) -> int:
    return int((dt.datetime(year, 1, 1, tzinfo=dt.UTC) - _EPOCH).total_seconds())


def _first_second_of_change(offset: Callable[[int], int], low: int, high: int) -> int:
    """Bisects to the first second in (low, high] whose offset is that of ``high``."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if offset(middle) == offset(high) else (middle, high)
    return high


@dataclass(frozen=True)
class Instants:
    """Clock readings turned into instants.

    Attributes:
        earliest_us, latest_us: int64 (n,), UTC. They differ where the reading was shown twice.
            A reading never shown is moved forward by the gap in both.
        ambiguous, nonexistent: bool (n,).
    """

    earliest_us: Int64Array
    latest_us: Int64Array
    ambiguous: BoolArray
    nonexistent: BoolArray


def local_to_utc(local_us: Int64Array, zone: str) -> Instants:
    """Turns clock readings of one zone into instants.

    A reading belongs to the period before a transition while it lies before the reading at
    which that period's clock stops, and to the period after from the reading at which that
    one's clock starts. The two limits bound an overlap (shown twice) or a gap (never shown).

    Args:
        local_us: int64 (n,), microseconds of the clock reading since 1970-01-01 00:00.
        zone: an IANA name.
    """
    table = zone_table(zone)
    before = np.searchsorted(table.transitions_us + table.offsets_us[:-1], local_us, "right")
    after = np.searchsorted(table.transitions_us + table.offsets_us[1:], local_us, "right")
    least, most = np.minimum(before, after), np.maximum(before, after)
    nonexistent = before > after
    return Instants(
        earliest_us=local_us - table.offsets_us[least],
        latest_us=local_us - table.offsets_us[np.where(nonexistent, least, most)],
        ambiguous=before < after,
        nonexistent=nonexistent,
    )


def utc_to_local(instants_us: Int64Array, zone: str) -> Int64Array:
    """Returns the clock readings of one zone at the given instants, int64 (n,) microseconds."""
    table = zone_table(zone)
    index = np.searchsorted(table.transitions_us, instants_us, "right")
    return instants_us + table.offsets_us[index]
