"""What every peer must give: names, splits and where the files lie. No peer imports Forebay."""

import datetime as dt
import glob
import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import farmhash

SPLITS = ("train", "eval", "test")
COUNTS = ("dep_delay_count_1h_by_origin", "dep_delay_count_3h_by_origin")
MEASURES = (
    "dep_delay_mean_1h_by_origin",
    "dep_delay_mean_3h_by_origin",
    "dep_delay_mean_3h_by_carrier",
    "arr_delay_mean_1h_by_dest",
    "arr_delay_max_1h_by_dest",
    "arr_delay_mean_3h_by_dest",
    "arr_delay_std_1d_by_dest",
)
WINDOWED = (*MEASURES, *COUNTS)
SCALED = ("distance", "dep_delay", *WINDOWED)
CATEGORIES = ("carrier", "origin", "dest", "tailnum")
MIN_COUNT = {"carrier": 1, "origin": 1, "dest": 1, "tailnum": 10}
QUANTILES = 10
# Columns written as they are.
CARRIED = ("arr_delay", "carrier", "flight", "flight_date", "sched_ts")


def csv_files(folder: str) -> list[str]:
    """Returns the input's files, in order of name."""
    return sorted(glob.glob(f"{folder}/flights*.csv"))


def splits_of(days: Iterable[dt.date]) -> dict[dt.date, int]:
    """Assigns days to `SPLITS`, 80 to 10 to 10, as BigQuery's FARM_FINGERPRINT would."""
    return {day: _split_of(day.isoformat()) for day in days}


def _split_of(text: str) -> int:
    fingerprint = farmhash.fingerprint64(text)
    signed = fingerprint - (1 << 64) if fingerprint >= 1 << 63 else fingerprint
    remainder = abs(signed) % 100  # ABS(MOD(x, 100)) truncates toward zero
    return 0 if remainder < 80 else 1 if remainder < 90 else 2


class Phases:
    """Times the phases of a peer and leaves them beside its output, for the report."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds the seconds that a block takes to a phase."""
        started = time.monotonic()
        yield
        self._seconds[name] = self._seconds.get(name, 0.0) + time.monotonic() - started
        print(f"{name}: {self._seconds[name]:.1f} s", file=sys.stderr, flush=True)

    def write(self, out: str) -> None:
        """Writes the seconds by phase to the output folder."""
        rounded = {name: round(seconds, 2) for name, seconds in self._seconds.items()}
        Path(out, "phases.json").write_text(json.dumps(rounded), "utf-8")
