"""Makes up sales: the same seed gives the same file.

    python examples/sales/generate.py data/sales
    python examples/sales/generate.py data/sales --rows 200000 --seed 7

Writes sales.csv: no header, semicolons, instants in seconds since 1970, NA where a value is
missing, and rows in the order in which the tills reported them. How many units are sold depends
on store, product, promotion, price, hour and weekday, and on how well this product sold in this
store in the six hours before. A file of other rows that is there is replaced only by --overwrite.
"""

import argparse
import csv
import datetime as dt
import filecmp
import math
import os
import random
import sys
from collections import defaultdict, deque
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
FIRST_DAY = dt.datetime(2024, 3, 1, tzinfo=ZONE)
DAYS = 60
STORES = range(101, 109)
# Name, list price, usual units in one sale. The last name needs quotes in the file.
PRODUCTS = [
    ("coffee beans", 14.5, 1.5),
    ("green tea", 6.2, 2.0),
    ("oat milk", 1.9, 4.0),
    ("sparkling water", 0.8, 9.0),
    ("dark chocolate", 2.4, 3.0),
    ("biscuits; assorted", 3.1, 2.5),
]
CUSTOMERS = 2_000
# The share of a day's sales in each hour of the shop's clock, 8 to 20.
HOURS = {8: 5, 9: 6, 10: 7, 11: 9, 12: 12, 13: 9, 14: 6, 15: 6, 16: 8, 17: 12, 18: 12, 19: 8}
MEMORY_SECONDS = 6 * 3600
MOMENTUM = 0.8
NOISE = 0.35
MISSING = {"reported_at": 0.01, "promo": 0.02, "unit_price": 0.03, "amount": 0.01}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out_dir", type=Path, help="the folder to write sales.csv to")
    parser.add_argument("--rows", type=int, default=40_000, help="how many sales")
    parser.add_argument("--seed", type=int, default=1, help="what the chance starts from")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    args = parser.parse_args()
    if args.rows < 1:
        parser.error(f"--rows {args.rows}: nothing to write; give 1 or more")
    try:
        args.out_dir.mkdir(parents=True, exist_ok=True)
        path = write_sales(
            args.out_dir / "sales.csv", args.rows, args.seed, overwrite=args.overwrite
        )
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {path} ({args.rows:,} rows)")
    return 0


def write_sales(path: Path, rows: int, seed: int, *, overwrite: bool = False) -> Path:
    """Writes the file under another name first, so that it is whole where it has its own.

    Raises:
        FileExistsError: it is there with other rows, and is not to be replaced.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";", lineterminator="\n").writerows(make_sales(rows, seed))
    if not overwrite and path.exists() and not filecmp.cmp(partial, path, shallow=False):
        partial.unlink()
        raise FileExistsError(
            f"{path} is there already, with other rows; move it away, name another folder, or "
            "replace it by --overwrite"
        )
    return partial.replace(path)


def make_sales(rows: int, seed: int) -> list[list[str]]:
    """Returns the rows as text: the columns of the definition, in the order of the file."""
    chance = random.Random(seed)  # noqa: S311  nothing here is a secret
    recent: dict[tuple[int, str], deque[tuple[int, float]]] = defaultdict(deque)
    reported = []
    for sold_at in sorted(_instant(chance) for _ in range(rows)):
        store = chance.choice(STORES)
        product, list_price, usual = chance.choice(PRODUCTS)
        promo = chance.random() < 0.2
        unit_price = round(list_price * (0.8 if promo else 1.0) * chance.uniform(0.95, 1.05), 2)
        surprise = 0.35 * promo + MOMENTUM * _momentum(recent[store, product], sold_at)
        surprise += chance.gauss(0, NOISE)
        recent[store, product].append((sold_at, surprise))
        expected = usual * _store_level(store) * _rush(sold_at) * math.exp(surprise)
        units = max(1, round(expected))
        reported_at = sold_at + int(chance.expovariate(1 / 300)) + 1
        sale = {
            "store": store,
            "product": product,
            "sold_at": sold_at,
            "reported_at": reported_at,
            "customer": f"c{chance.randrange(CUSTOMERS):05d}",
            "promo": "Y" if promo else "N",
            "unit_price": f"{unit_price:.2f}",
            "units": units,
            "amount": f"{units * unit_price:.2f}",
        }
        for column, share in MISSING.items():
            if chance.random() < share:
                sale[column] = "NA"
        reported.append((reported_at, [str(value) for value in sale.values()]))
    return [row for _, row in sorted(reported)]


def _instant(chance: random.Random) -> int:
    """A second at which shops are open, since 1970."""
    day = FIRST_DAY.replace(tzinfo=None) + dt.timedelta(days=chance.randrange(DAYS))
    hour = chance.choices(list(HOURS), list(HOURS.values()))[0]
    clock = day + dt.timedelta(hours=hour, seconds=chance.randrange(3600))
    return int(clock.replace(tzinfo=ZONE).timestamp())


def _momentum(recent: deque[tuple[int, float]], now: int) -> float:
    """The mean surprise of the sales in the hours before; 0 where there were none."""
    while recent and recent[0][0] < now - MEMORY_SECONDS:
        recent.popleft()
    return sum(surprise for _, surprise in recent) / len(recent) if recent else 0.0


def _store_level(store: int) -> float:
    return 0.7 + 0.1 * (store - STORES[0])


def _rush(now: int) -> float:
    """Saturdays sell more, and so does the hour after work."""
    clock = dt.datetime.fromtimestamp(now, ZONE)
    return (1.3 if clock.weekday() == 5 else 1.0) * (1.2 if clock.hour == 17 else 1.0)


if __name__ == "__main__":
    sys.exit(main())
