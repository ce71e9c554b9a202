"""Measures windows of one table over another by symbol: trades, and the prices just before them.

    python benchmarks/window_join.py [--trades N] [--ways forebay duckdb ...] [--limit-seconds S]

The shape is that of QuestDB's published benchmark of its WINDOW JOIN: trades, three times as many
prices, and for each trade the mean of its symbol's bids and asks within seconds. Theirs are of 50
and 150 million rows, and look a second back and a second ahead; no feature may look ahead, so these
look two seconds back. There are 100 symbols with two prices a second each, whatever the rows.

Each way reads two Parquet files sorted by time and writes one of the trades with both means, in a
process of its own; what they write is compared. Seconds are the clock's, and memory is resident
memory that no file backs.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pa_parquet
from processes import CommandCost, Limits, measure, work_folder

SYMBOLS, PRICES_A_SECOND, PRICES_A_TRADE = 100, 2, 3
WINDOW_S, FIRST_US = 2, 1_700_000_000_000_000
GIB = 1 << 30

# The join as one writes it. Every price of a symbol meets every trade of it.
RANGE_JOIN = f"""
SELECT t.id, avg(p.bid) AS bid, avg(p.ask) AS ask
FROM 'trades.parquet' t LEFT JOIN 'prices.parquet' p
  ON p.symbol = t.symbol AND p.ts >= t.ts - INTERVAL {WINDOW_S} SECOND AND p.ts < t.ts
GROUP BY t.id
"""
# A price is put into its slot of two seconds and the next, so that only near ones meet.
SLOT = f"epoch_us(ts) // {WINDOW_S * 1_000_000}"
RANGE_JOIN_OF_SLOTS = f"""
WITH t AS (SELECT *, {SLOT} AS slot FROM 'trades.parquet'),
     p AS (SELECT *, unnest([{SLOT}, {SLOT} + 1]) AS slot FROM 'prices.parquet')
SELECT t.id, avg(p.bid) AS bid, avg(p.ask) AS ask
FROM t LEFT JOIN p ON p.symbol = t.symbol AND p.slot = t.slot
  AND p.ts >= t.ts - INTERVAL {WINDOW_S} SECOND AND p.ts < t.ts
GROUP BY t.id
"""
# One table of both, and a window over it, without the last microsecond.
WINDOW_FUNCTION = f"""
SELECT id, bid, ask FROM (
  SELECT id, avg(bid) OVER w AS bid, avg(ask) OVER w AS ask FROM (
    SELECT id, symbol, ts, NULL::DOUBLE AS bid, NULL::DOUBLE AS ask FROM 'trades.parquet'
    UNION ALL SELECT NULL, symbol, ts, bid, ask FROM 'prices.parquet'
  ) WINDOW w AS (
    PARTITION BY symbol ORDER BY ts
    RANGE BETWEEN INTERVAL {WINDOW_S} SECOND PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING
  )
) WHERE id IS NOT NULL
"""


def forebay() -> pa.Table:
    """Forebay's windows of two tables in memory."""
    import forebay as fb

    def of(value: str) -> fb.Windowed:
        return fb.Windowed(
            value, source="prices", key="symbol", at="ts", over=f"{WINDOW_S}s", ops=fb.mean()
        )

    trades, prices = map(pa_parquet.read_table, ("trades.parquet", "prices.parquet"))
    found = fb.windows(trades, [of("bid"), of("ask")], at="ts", sources={"prices": prices})
    table = pa.table(found)
    return table.select([0, -2, -1]).rename_columns(["id", "bid", "ask"])


def polars_running_sums() -> pa.Table:
    """Polars' running sums of prices, as of a window's end less those as of its start."""
    values = ("bid", "ask")
    sums = (
        pl.scan_parquet("prices.parquet")
        .select(
            "ts", "symbol", pl.int_range(1, pl.len() + 1).over("symbol").alias("n"),
            *(pl.col(name).cum_sum().over("symbol") for name in values),
        )
        .set_sorted("ts")
    )  # fmt: skip
    trades = pl.scan_parquet("trades.parquet").select("id", "symbol", "ts")
    for place, before in (("start", WINDOW_S * 1_000_000), ("end", 0)):
        shifted = trades.with_columns((pl.col("ts") - pl.duration(microseconds=before)).alias("at"))
        trades = shifted.sort("at").join_asof(
            sums.rename({name: f"{name} {place}" for name in ("n", *values)}),
            left_on="at", right_on="ts", by="symbol", allow_exact_matches=False,
            suffix=f" {place}",
        ).drop("at", f"ts {place}", strict=False)  # fmt: skip
    n = pl.col("n end").fill_null(0) - pl.col("n start").fill_null(0)
    means = [
        ((pl.col(f"{name} end") - pl.col(f"{name} start").fill_null(0)) / n).alias(name)
        for name in values
    ]
    return trades.select("id", *(pl.when(n > 0).then(mean) for mean in means)).collect().to_arrow()


def of_duckdb(query: str) -> Callable[[], pa.Table]:
    """Returns what answers a query."""
    return lambda: duckdb.connect().execute(query).to_arrow_table()


WAYS: Mapping[str, tuple[str, Callable[[], pa.Table]]] = {
    "forebay": ("Forebay, `fb.windows`", forebay),
    "duckdb": ("DuckDB, the range join", of_duckdb(RANGE_JOIN)),
    "duckdb-slots": ("DuckDB, the range join within slots", of_duckdb(RANGE_JOIN_OF_SLOTS)),
    "duckdb-window": ("DuckDB, a window function", of_duckdb(WINDOW_FUNCTION)),
    "polars": ("Polars, running sums as of both ends", polars_running_sums),
}


def make_tables(folder: Path, trades: int) -> None:
    """Writes both tables: prices in cents, times in microseconds, in order."""
    rng = np.random.default_rng(1)
    prices = PRICES_A_TRADE * trades
    span_us = prices * 1_000_000 // (SYMBOLS * PRICES_A_SECOND)
    names = pa.array([f"S{i:03d}" for i in range(SYMBOLS)])

    def common(rows: int) -> dict[str, pa.Array]:
        codes = pa.array(rng.integers(0, SYMBOLS, rows), pa.int32())
        times = FIRST_US + np.sort(rng.integers(0, span_us, rows))
        symbols = pa.DictionaryArray.from_arrays(codes, names)
        return {"symbol": symbols, "ts": pa.array(times, pa.timestamp("us", "UTC"))}

    bid = np.round(rng.normal(100, 5, prices), 2)
    ask = np.round(bid + rng.integers(1, 9, prices) / 100, 2)
    tables = {
        "trades": {"id": pa.array(np.arange(trades)), **common(trades)},
        "prices": {**common(prices), "bid": pa.array(bid), "ask": pa.array(ask)},
    }
    for name, columns in tables.items():
        pa_parquet.write_table(pa.table(columns), folder / f"{name}.parquet")


def run_way(name: str, folder: Path, limits: Limits) -> CommandCost:
    """Answers in one way, in a process of its own; what it writes is ``NAME.parquet``."""
    return measure([sys.executable, __file__, "--way", name, "--folder", str(folder)], limits)


def greatest_difference(folder: Path, one: str, other: str) -> float:
    """Returns how far the means of two ways are apart, relative; they lack the same ones.

    Raises:
        SystemExit: they do not.
    """
    found, expected = (
        pa_parquet.read_table(folder / f"{name}.parquet").sort_by("id") for name in (one, other)
    )
    apart = 0.0
    for value in ("bid", "ask"):
        mine, theirs = (table[value].to_numpy() for table in (found, expected))
        if not np.array_equal(np.isnan(mine), np.isnan(theirs)):
            raise SystemExit(f"{one} and {other} lack different means")
        apart = max(apart, float(np.nanmax(np.abs(mine - theirs) / np.abs(theirs))))
    return apart


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trades", type=int, default=5_000_000)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY",
                        help=", ".join(WAYS))  # fmt: skip
    parser.add_argument("--limit-seconds", type=float, default=600, help="for any one way")
    parser.add_argument("--memory-gib", type=float, default=16, help="for any one way")
    parser.add_argument("--work", type=work_folder, help="where the tables lie while it runs")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        os.chdir(args.folder)
        pa_parquet.write_table(WAYS[args.way][1](), f"{args.way}.parquet")
        return
    limits = Limits(args.limit_seconds, args.memory_gib * GIB)
    with tempfile.TemporaryDirectory(prefix="window-join-", dir=args.work) as name:
        folder = Path(name)
        make_tables(folder, 1_000)
        for way in args.ways:  # compiles, and reads what is installed
            run_way(way, folder, limits)
        make_tables(folder, args.trades)
        print(f"{args.trades:,} trades, {PRICES_A_TRADE * args.trades:,} prices\n")
        print("| | seconds | processor seconds | peak memory | differs by |")
        print("|---|---|---|---|---|")
        for way in args.ways:
            print(_line(way, run_way(way, folder, limits), folder, args.ways[0]), flush=True)


def _line(way: str, cost: CommandCost, folder: Path, first: str) -> str:
    if cost.ended == "failed":
        raise SystemExit(f"{way} failed:\n{cost.output}")
    if cost.ended != "ok":
        return f"| {WAYS[way][0]} | {cost.ended} after {cost.wall_s:.0f} | {cost.cpu_s:.1f} | | |"
    differs = "" if way == first else f"{greatest_difference(folder, way, first):.0e}"
    return (
        f"| {WAYS[way][0]} | {cost.wall_s:.1f} | {cost.cpu_s:.1f} "
        f"| {cost.peak_bytes / GIB:.2f} GiB | {differs} |"
    )


if __name__ == "__main__":
    main()
