"""Makes up taxi rides that look like the public ones: the same seed gives the same file.

    python examples/taxifare/generate.py data/taxifare
    python examples/taxifare/generate.py data/taxifare --rows 200000 --seed 7 --header

Writes rides.csv, in the order of columns of the public file and, like it, without any order of
rows. What a ride costs depends on how far it goes, hour and weekday, whether it is one of the flat
fares to and from the airport, and on how dense the traffic is around its pickup, which changes
every few hours and which only the rides before can tell. About two rows in a hundred are bad. A
file of other rows that is there is replaced only by --overwrite.
"""

import argparse
import csv
import datetime as dt
import filecmp
import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

COLUMNS = (
    "key", "fare_amount", "pickup_datetime", "pickup_longitude", "pickup_latitude",
    "dropoff_longitude", "dropoff_latitude", "passenger_count",
)  # fmt: skip
FIRST_DAY = dt.datetime(2012, 6, 1)
DAYS = 35
# Latitude, longitude, spread in degrees, share of the pickups and of the dropoffs.
PLACES = np.array([
    (40.755, -73.985, 0.010, 0.40, 0.36),  # Midtown
    (40.722, -74.000, 0.010, 0.27, 0.25),  # Downtown
    (40.780, -73.960, 0.012, 0.20, 0.19),  # Upper East Side
    (40.690, -73.970, 0.015, 0.05, 0.11),  # Brooklyn
    (40.773, -73.872, 0.003, 0.05, 0.05),  # LaGuardia
    (40.645, -73.785, 0.003, 0.03, 0.04),  # Kennedy
])  # fmt: skip
MIDTOWN, DOWNTOWN, KENNEDY = 0, 1, 5
HOURS = [3, 2, 1, 1, 1, 2, 4, 6, 7, 7, 6, 6, 7, 7, 7, 7, 6, 7, 9, 9, 8, 8, 7, 5]
BASE_FARE, FARE_PER_KM, FLAT_FARE = 2.5, 1.6, 52.0
# Streets are longer than the crow's way.
DETOUR = 1.3
KM_PER_DEGREE = 111.2
TRAFFIC_HOURS = 6
# Which share of the rows has what wrong with it.
BAD = {"zeros": 0.012, "swapped": 0.003, "negative": 0.003, "passengers": 0.002, "empty": 0.002}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out_dir", type=Path, help="the folder to write rides.csv to")
    parser.add_argument("--rows", type=int, default=50_000, help="how many rides")
    parser.add_argument("--seed", type=int, default=1, help="what the chance starts from")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.add_argument("--header", action="store_true", help="begin with the columns' names")
    args = parser.parse_args()
    if args.rows < 1:
        parser.error(f"--rows {args.rows}: nothing to write; give 1 or more")
    try:
        args.out_dir.mkdir(parents=True, exist_ok=True)
        path = write_rides(
            args.out_dir / "rides.csv", args.rows, args.seed, header=args.header,
            overwrite=args.overwrite,
        )  # fmt: skip
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {path} ({args.rows:,} rows)")
    return 0


def write_rides(
    path: Path, rows: int, seed: int, *, header: bool = False, overwrite: bool = False
) -> Path:
    """Writes the file under another name first, so that it is whole where it has its own.

    Raises:
        FileExistsError: it is there with other rows, and is not to be replaced.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if header:
            writer.writerow(COLUMNS)
        writer.writerows(make_rides(rows, seed))
    if not overwrite and path.exists() and not filecmp.cmp(partial, path, shallow=False):
        partial.unlink()
        raise FileExistsError(
            f"{path} is there already, with other rows; move it away, name another folder, or "
            "replace it by --overwrite"
        )
    return partial.replace(path)


def make_rides(rows: int, seed: int) -> list[list[str]]:
    """Returns the rows as text, in the order of `COLUMNS`."""
    chance = np.random.default_rng(seed)
    starts, ends = (chance.choice(len(PLACES), rows, p=PLACES[:, share]) for share in (3, 4))
    pickups, dropoffs = (_around(places, chance) for places in (starts, ends))
    seconds = _seconds(rows, chance)
    fares = _fares(starts, ends, _kilometres(pickups, dropoffs), seconds, chance)
    passengers = chance.choice(6, rows, p=[0.70, 0.14, 0.04, 0.02, 0.06, 0.04]) + 1
    coordinates = np.round(np.concatenate([pickups[:, ::-1], dropoffs[:, ::-1]], axis=1), 6)
    table = []
    for i in range(rows):
        clock = FIRST_DAY + dt.timedelta(seconds=int(seconds[i]))
        places = [f"{degrees:.6f}" for degrees in coordinates[i]]
        table.append(
            [f"{clock}.{i:07d}", f"{fares[i]:.2f}", f"{clock} UTC", *places, str(passengers[i])]
        )
    _spoil(table, chance)
    return table


def _around(places: npt.NDArray[np.int64], chance: np.random.Generator) -> Floats:
    """Latitudes and longitudes, float64 (n, 2)."""
    centre, spread = PLACES[places, :2], PLACES[places, 2:3]
    return centre + spread * chance.standard_normal((len(places), 2))


def _seconds(rows: int, chance: np.random.Generator) -> npt.NDArray[np.int64]:
    """Seconds since the first day, by New York's clocks."""
    hour = chance.choice(24, rows, p=np.array(HOURS) / sum(HOURS))
    second: npt.NDArray[np.int64] = chance.integers(0, 3600, rows)
    return chance.integers(0, DAYS, rows) * 86_400 + hour * 3600 + second


def _kilometres(pickups: Floats, dropoffs: Floats) -> Floats:
    """Distances in a plane that touches the earth at New York."""
    north, east = (dropoffs - pickups).T * KM_PER_DEGREE
    distances: Floats = np.hypot(north, east * np.cos(np.radians(PLACES[0, 0])))
    return distances


def _fares(
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    km: Floats,
    seconds: npt.NDArray[np.int64],
    chance: np.random.Generator,
) -> Floats:
    hour, weekday = seconds // 3600 % 24, (FIRST_DAY.weekday() + seconds // 86_400) % 7
    is_rush = (weekday < 5) & (hour >= 16) & (hour < 20)
    is_night = (hour >= 20) | (hour < 6)
    # Around every place, in every few hours, traffic is as it is: no column says it.
    periods = DAYS * 24 // TRAFFIC_HOURS
    traffic = np.exp(0.25 * chance.standard_normal((len(PLACES), periods)))
    slow = traffic[starts, seconds // 3600 // TRAFFIC_HOURS] * np.where(is_rush, 1.2, 1.0)
    metered = BASE_FARE + FARE_PER_KM * DETOUR * km * slow + 0.5 * is_night + 1.0 * is_rush
    metered *= np.exp(0.05 * chance.standard_normal(len(km)))
    is_flat = _between(starts, ends, KENNEDY, (MIDTOWN, DOWNTOWN))
    shown = np.round(np.where(is_flat, FLAT_FARE, metered), 1)
    return np.maximum(shown, BASE_FARE)


def _between(
    starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], one: int, others: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    there: npt.NDArray[np.bool_] = (starts == one) & np.isin(ends, others)
    back: npt.NDArray[np.bool_] = np.isin(starts, others) & (ends == one)
    return there | back


def _spoil(table: list[list[str]], chance: np.random.Generator) -> None:
    """Makes some rows as bad as the public ones are, in place."""
    kinds = chance.choice([*BAD, ""], len(table), p=[*BAD.values(), 1 - sum(BAD.values())])
    for row, kind in zip(table, kinds, strict=True):
        if kind == "zeros":
            row[3:7] = ["0.000000"] * 4
        elif kind == "swapped":
            row[3:5] = row[4:2:-1]
        elif kind == "negative":
            row[1] = f"-{row[1]}"
        elif kind == "passengers":
            row[7] = "208"
        elif kind == "empty":
            row[5:7] = ["", ""]


if __name__ == "__main__":
    sys.exit(main())
