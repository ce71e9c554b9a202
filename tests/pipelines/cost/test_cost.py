"""What rows cost: parts of files, largest keys, and the line through two measured runs."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import forebay as fb
from forebay.cli import main
from forebay.pipelines.cost.estimate import bounds, estimated
from forebay.pipelines.cost.keys import LargestKey, largest_keys
from forebay.pipelines.cost.parts import first_part
from forebay.pipelines.cost.trial import Trial
from forebay.pipelines.sources.tables import open_tables
from forebay.transforms.errors import InputError

READINGS = Path(__file__).parents[2] / "end_to_end" / "readings.py"
TRIAL = Trial(
    rows=1000, text_bytes=100_000, own_text_bytes=80_000, cpu_seconds=10.0, seconds=8.0,
    peak_bytes=1 << 30, shuffle_bytes=500_000, shuffle_files=2, between_bytes=200_000,
    largest_shard_bytes=150_000, output_bytes=900_000, shards=1, key_partitions=1,
)  # fmt: skip


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_a_part_of_text_is_its_first_whole_lines(ending: str, tmp_path: Path) -> None:
    lines = ["id,x\n", *(f"{i},{i * i}\n" for i in range(50_000))]
    path = tmp_path / f"t{ending}"
    opened = gzip.open if ending.endswith(".gz") else open
    with opened(path, "wt") as file:
        file.writelines(lines)
    part = Path(first_part(str(path), 0.25, str(tmp_path), 3))
    found = part.read_text().splitlines(keepends=True)
    assert found == lines[: len(found)]
    assert 0.2 < len(found) / len(lines) < 0.35
    assert first_part(str(path), 1.0, str(tmp_path), 4) == str(path)


def test_a_part_of_parquet_has_as_large_a_share_of_the_rows(tmp_path: Path) -> None:
    table = pa.table({"x": range(10_000)})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=1500)
    part = pq.read_table(first_part(str(tmp_path / "t.parquet"), 0.31, str(tmp_path), 0))
    assert part == table.slice(0, 3100)


def test_what_has_no_first_part_is_refused(tmp_path: Path) -> None:
    for path in ("gs://bucket/t.csv", "bigquery://p.d.t", "t.tfrecord"):
        with pytest.raises(InputError, match="no part of it can be taken; give CSV"):
            first_part(path, 0.5, str(tmp_path), 0)


def test_the_largest_keys_are_those_that_counting_finds(tmp_path: Path) -> None:
    rows = [
        {"at": f"2024-01-01 00:{i % 60:02}:00", "shop": "abc"[i % 7 % 3], "till": str(i % 4),
         "paid": str(i)} for i in range(700)
    ]  # fmt: skip
    rows[0]["shop"] = ""
    path = tmp_path / "sales.csv"
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    dataset = fb.Dataset(
        name="sales",
        columns={"at": fb.Timestamp(), "shop": fb.String(), "till": fb.String(),
                 "paid": fb.Number()},
        sources={"shops": fb.Source(
            columns={"shop": fb.String(required=True), "city": fb.String()})},
        lookups=[fb.Lookup(["city"], source="shops", key="shop")],
        row_time="at",
        windows=[
            fb.Windowed("paid", key="shops_city_by_shop", over="1h", ops=fb.max()),
            fb.Windowed("paid", key="shop", over="1h", ops=fb.mean()),
            fb.Windowed("paid", key=("shop", "till"), over=("1h", "unbounded"), ops=fb.mean()),
            fb.Windowed("paid", over="1h", ops=fb.max()),
        ],
        features=[fb.Numeric("paid_mean_1h_by_shop")],
        label=fb.Regression("paid"),
        split=fb.RandomSplit(),
    )  # fmt: skip
    shops_path = tmp_path / "shops.csv"
    shops_path.write_text("shop,city\na,Ulm\nb,Ulm\n")
    tables = open_tables(dataset, (str(path),), {"shops": (str(shops_path),)})
    later, *found = largest_keys(dataset, tables, 1 << 20)
    assert (later.columns, later.share) == (("shops_city_by_shop",), None)
    shops = Counter(row["shop"] for row in rows if row["shop"])
    pairs = Counter((row["shop"], row["till"]) for row in rows if row["shop"])
    assert [(key.columns, round(key.share * key.events)) for key in found] == [
        (("shop",), max(shops.values())), (("shop", "till"), max(pairs.values())), ((), 700),
    ]  # fmt: skip
    assert found[0].value == shops.most_common(1)[0][0]
    assert [key.is_unbounded for key in found] == [False, True, False]


@given(
    rows=st.integers(2000, 10**10), start=st.floats(0, 100), each=st.floats(1e-9, 1e-3),
    more=st.integers(1, 10**6),
)  # fmt: skip
def test_a_figure_is_what_is_paid_first_and_so_much_a_row(
    rows: int, start: float, each: float, more: int
) -> None:
    def took(count: int) -> Trial:
        return replace(TRIAL, rows=count, cpu_seconds=start + each * count)

    found = estimated([took(1000), took(1000 + more)], [], rows, 4, 512)
    # What two figures of float64 tell of a slope.
    loss = 1e-12 * (start + each * (1000 + more)) * rows / more
    assert found.vcpu_seconds == pytest.approx(start + each * rows, rel=1e-9, abs=loss)
    assert found.start_vcpu_seconds == pytest.approx(start, rel=1e-9, abs=1e-9 + loss)
    assert found.worker_bytes == (600 << 20) + 4 * (592 << 20)


def test_what_bounds_it_names_keys_that_stay_on_one_worker() -> None:
    twice = replace(TRIAL, rows=2000, text_bytes=200_000, own_text_bytes=160_000)
    keys = [
        LargestKey("rows", ("shop",), "a", 1000, 0.5, False),
        LargestKey("rows", ("model",), "", 0, None, False),
        LargestKey("rows", (), "", 1000, 1.0, True),
    ]
    found = estimated([TRIAL, twice], keys, 1e9, 4, 512)
    assert found.shards == -(-80 * 10**9 // (8 << 20))
    said = list(bounds(found))
    assert any(
        "the largest key, a, has 50.0% of the events, 250,000,000; a key's events are cut" in s
        for s in said
    )
    assert said[-2].startswith("windows, rows: model: a column of the key is made after reading")
    assert said[-1].endswith("500,000,000; a window without bound keeps a key's events on one "
                             "worker")  # fmt: skip


def test_a_table_is_measured_twice_and_told(
    readings_file: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["cost", str(READINGS), "--input", str(readings_file.path), "--rows", "1e6"]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    lesser, greater = told["trials"]
    assert greater["rows"] == len(readings_file.records)
    assert 0.15 < lesser["rows"] / greater["rows"] < 0.35
    for name in ("shuffle_bytes", "between_bytes", "output_bytes", "text_bytes"):
        assert 0 < lesser[name] < greater[name]
    assert greater["peak_bytes"] > 300e6
    assert [line["what"] for line in told["lines"]][:2] == ["processor time", "text read"]
    assert any("windows, rows: site: the largest key" in line for line in told["bounds"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--rows", "0"), "--rows 0.0: not a number of rows"),
        (("--sample-mb", "8"), "cannot be read"),
    ],
)
def test_a_mistake_is_told_at_once(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cost", "nowhere.py", "--input", "x.csv", *words]) == 2
    assert told in capsys.readouterr().err
