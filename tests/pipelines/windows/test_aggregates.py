"""The windows as a PTransform on batches in memory, against one loop over all events."""

from __future__ import annotations

import datetime as dt
import math
import random
import re
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import naive_windows as naive
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.run import Runner, run_pipeline
from forebay.pipelines.shuffle.group_batches import Group
from forebay.pipelines.shuffle.pieces import Piece
from forebay.pipelines.windows.aggregates import AddWindows, divide
from forebay.transforms.definition.columns import (
    Boolean,
    Column,
    Date,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import CONTENT, ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.operators import (  # fmt: skip
    count,
    count_nulls,
    decayed_mean,
    distinct,
    first,
    last,
    last_k,
    max,
    mean,
    min,
    most_frequent,
    quantile,
    rate,
    seconds_since_last,
    skew,
    std,
    sum,
    var,
)
from forebay.transforms.definition.windows.windowed import Where, Windowed
from forebay.transforms.windows.groups import window_groups

Row = dict[str, Any]

MINUTE_US = 60_000_000
COLUMNS: dict[str, Column] = {
    "asked": Timestamp(),
    "happened": Timestamp(),
    "known": Timestamp(),
    "origin": String(),
    "dest": String(),
    "gate": Integer(),
    "day": Date(),
    "open": Boolean(),
    "delay": Number(),
    "bags": Integer(),
}
OPS = [
    count(), count_nulls(), sum(), mean(), var(), std(), skew(), min(), max(), first(),
    *last_k(3), rate(per="1m"), seconds_since_last(), decayed_mean(half_life="10m"), distinct(),
    quantile(0.5), quantile(0.9), *most_frequent(2),
]  # fmt: skip
TEXT_OPS = [
    count(), count_nulls(), first(), *last_k(2), distinct(), *most_frequent(2),
    seconds_since_last(),
]  # fmt: skip


class Case(NamedTuple):
    """A window as a definition has it, and once more as the oracle is asked for it."""

    windowed: Windowed
    names: Sequence[str]
    window_us: int | None
    lag_us: int = 0
    passes: Callable[[Row], bool] = lambda row: True
    defaults: tuple[float | None, int] = (None, 0)
    tile_us: int | None = None

    def answered_for(self, asked: int) -> int:
        """The last end of a tile, the lag later; the instant itself without tiles."""
        if self.tile_us is None:
            return asked
        return (asked - self.lag_us) // self.tile_us * self.tile_us + self.lag_us


def named(before: str, after: str) -> list[str]:
    return [f"{before}_{op.label}_{after}" for op in OPS]


CASES = [
    Case(
        Windowed("delay", key="origin", over="10m", ops=OPS), named("delay", "10m_by_origin"),
        10 * MINUTE_US,
    ),
    Case(
        Windowed("bags", key="origin", over="unbounded", ops=OPS),
        named("bags", "unbounded_by_origin"), None,
    ),
    Case(
        Windowed("delay", key="dest", row_key="origin", at="happened", over="30m", ops=OPS),
        named("delay", "30m_by_dest_for_origin"), 30 * MINUTE_US,
    ),
    Case(
        Windowed("bags", key=["origin", "gate"], over="1h", lag="5m", ops=OPS),
        named("bags", "1h_lag_5m_by_origin_gate"), 60 * MINUTE_US, 5 * MINUTE_US,
    ),
    Case(
        Windowed("delay", key=["dest", "open"], row_key=["origin", "open"], at="happened",
                 available_at="known", over="1h", ops=OPS),
        named("delay", "1h_by_dest_open_for_origin_open"), 60 * MINUTE_US,
    ),
    Case(
        Windowed("delay", key="day", over="2h", ops=OPS, available_at="known", lag="20m",
                 where=Where("gate", ">=", 2)),
        named("delay", "2h_lag_20m_where_gate_ge_2_by_day"), 120 * MINUTE_US, 20 * MINUTE_US,
        lambda row: row["gate"] is not None and row["gate"] >= 2,
    ),
    Case(
        Windowed("bags", over="15m", ops=OPS, where=Where("dest", "!=", "A")),
        named("bags", "15m_where_dest_ne_A"), 15 * MINUTE_US, 0,
        lambda row: row["dest"] is not None and row["dest"] != "A",
    ),
    Case(
        Windowed("delay", key="origin", over="1h", ops=OPS, available_at="known",
                 where=[Where("gate", "<", 4), Where("bags", ">", 0)]),
        named("delay", "1h_where_gate_lt_4_and_bags_gt_0_by_origin"), 60 * MINUTE_US, 0,
        lambda row: None not in (row["gate"], row["bags"]) and row["gate"] < 4 and row["bags"] > 0,
    ),
    Case(
        Windowed("bags", key="origin", over="1h", ops=OPS, where=Where("delay", "!=", 0.1)),
        named("bags", "1h_where_delay_ne_0_1_by_origin"), 60 * MINUTE_US, 0,
        lambda row: row["delay"] not in (None, 0.1) and math.isfinite(row["delay"]),
    ),
    Case(
        Windowed("bags", key="origin", over="1h", ops=OPS, by="dest", categories=["B"]),
        named("bags", "1h_where_dest_eq_B_by_origin"), 60 * MINUTE_US, 0,
        lambda row: row["dest"] == "B",
    ),
    Case(
        Windowed(key="dest", row_key="origin", over="30m", ops=[count(), seconds_since_last()]),
        ["events_count_30m_by_dest_for_origin",
         "events_seconds_since_last_30m_by_dest_for_origin"], 30 * MINUTE_US,
    ),
    Case(
        Windowed(key="gate", over="1h", ops=count(), where=Where("open", "==", False)),
        ["events_count_1h_where_open_eq_False_by_gate"], 60 * MINUTE_US, 0,
        lambda row: row["open"] is False,
    ),
    Case(
        Windowed("delay", key="gate", over="20m",
                 ops=[sum(default=-1, min_count=2), mean(default=-1, min_count=2),
                      last(default=-1, min_count=2)]),
        ["delay_sum_20m_by_gate", "delay_mean_20m_by_gate", "delay_last_20m_by_gate"],
        20 * MINUTE_US, 0, lambda row: True, (-1, 2),
    ),
]  # fmt: skip
CASES += [
    Case(
        Windowed("dest", key="origin", over="1h", ops=TEXT_OPS),
        [f"dest_{op.label}_1h_by_origin" for op in TEXT_OPS], 60 * MINUTE_US,
    ),
    Case(
        Windowed("delay", key="origin", over="30m", ops=OPS, tile="7m", lag="2m"),
        named("delay", "30m_lag_2m_tile_7m_by_origin"), 30 * MINUTE_US, 2 * MINUTE_US,
        lambda row: True, (None, 0), 7 * MINUTE_US,
    ),
    Case(
        Windowed("bags", key="dest", row_key="origin", at="happened", available_at="known",
                 over=["1h"], ops=OPS, tile="7m"),
        named("bags", "1h_tile_7m_by_dest_for_origin"), 60 * MINUTE_US, 0,
        lambda row: True, (None, 0), 7 * MINUTE_US,
    ),
]  # fmt: skip
TEXTS = [f"dest_{op.label}_1h_by_origin" for op in [first(), *last_k(2), *most_frequent(2)]]
NAMES = [name for case in CASES for name in case.names]


def make_dataset(cases: Sequence[Case] = CASES) -> Dataset:
    return Dataset(
        name="flights",
        columns=COLUMNS,
        row_time="asked",
        windows=[case.windowed for case in cases],
        features=[Numeric("bags")],
        label=Regression("delay"),
        split=HashSplit("gate"),
    )


def make_rows(count: int = 250, seed: int = 3) -> list[Row]:
    """Makes rows with many ties, events at windows' very bounds and missing values everywhere."""
    chance = random.Random(seed)
    start = 1_700_000_000_000_000

    def moment(near: int | None) -> int:
        base = start + 5 * MINUTE_US * chance.randrange(60) if near is None else near
        return base + chance.choice((0, 0, 0, 1, -1, 5 * MINUTE_US, -10 * MINUTE_US))

    rows = []
    for i in range(count):
        asked = moment(None)
        row = {
            ROW: (i % 3 << 40) + i * 97,
            "asked": asked,
            "happened": moment(asked),
            "known": moment(asked + 10 * MINUTE_US),
            "origin": chance.choice("AAAABBC"),
            "dest": chance.choice("ABCD"),
            "gate": chance.randrange(5),
            "day": 19_000 + chance.randrange(2),
            "open": chance.random() < 0.5,
            "delay": chance.choice((0.1, 1e9 + 0.25, -3.5, math.nan, math.inf, chance.gauss(0, 9))),
            "bags": chance.choice((2**62, -(2**62), 2**53 + 1, 0, chance.randrange(100))),
        }
        for name in COLUMNS:
            if chance.random() < 0.06:
                row[name] = None
        rows.append(row)
    return rows


def expected(rows: Sequence[Row], case: Case) -> dict[int, dict[str, Any]]:
    """Asks the oracle: the values of each row that has a row time, by its identity."""
    windowed, numbers = case.windowed, {}

    def number(row: Row, names: Sequence[str]) -> int | None:
        parts = tuple(row[name] for name in names)
        return None if None in parts else numbers.setdefault(parts, len(numbers))

    late = windowed.available_at is not None
    events = [
        naive.Event(
            number(row, windowed.key), row[windowed.at or "asked"], row[ROW], row,
            row["known"] if late else None,
        )
        for row in rows
        if case.passes(row)
    ]  # fmt: skip
    default, least = case.defaults
    found = {}
    for row in rows:
        if row["asked"] is None:
            continue
        asked = case.answered_for(row["asked"])
        request = naive.Request(number(row, windowed.row_keys), asked, row[ROW])
        window = naive.seen(events, request, case.window_us, case.lag_us, late)
        found[row[ROW]] = {
            name: naive.aggregate(
                window,
                op.name,
                windowed.value,
                naive.Ask(
                    default, least, op.place, MINUTE_US, 10 * MINUTE_US, op.q or 0.0, op.limit
                ),
                asked,
            )
            for name, op in zip(case.names, windowed.operators, strict=True)
        }
    return found


def to_batches(rows: Sequence[Row], dataset: Dataset, sizes: Sequence[int]) -> list[pa.RecordBatch]:
    batches, start = [], 0
    for size in sizes:
        part = rows[start : start + size]
        columns = {
            name: pa.array([row[name] for row in part], _storage(kind)).cast(kind.arrow_type)
            for name, kind in dataset.columns.items()
        }
        columns[ROW] = pa.array([row[ROW] for row in part], pa.int64())
        batches.append(pa.RecordBatch.from_pydict(columns))
        start += size
    assert start >= len(rows)
    return batches


def _storage(kind: Column) -> pa.DataType:
    types = {Timestamp: pa.int64(), Date: pa.int32()}
    return types.get(type(kind), kind.arrow_type)


def _write(element: tuple[int, pa.RecordBatch], folder: str) -> None:
    shard, batch = element
    path = f"{folder}/{shard}-{uuid.uuid4().hex}.arrow"
    with pa.ipc.new_file(path, batch.schema) as writer:
        writer.write_batch(batch)


def run(
    folder: Path, batches: Sequence[pa.RecordBatch], dataset: Dataset, **options: Any
) -> dict[int, pa.Table]:
    """Runs the transform; returns what comes out, by shard."""
    temporary, out = folder / "temporary", folder / "out"
    temporary.mkdir(parents=True)
    out.mkdir()

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | beam.Create(batches, reshuffle=False)
            | AddWindows(dataset, str(temporary), **options)
            | beam.Map(_write, str(out))
        )

    run_pipeline(build, Runner(Local(), PipelineOptions(["--runner=FnApiRunner"])))
    tables = {}
    for path in out.iterdir():
        shard = int(path.name.partition("-")[0])
        assert shard not in tables
        tables[shard] = pa.ipc.open_file(path).read_all()
    return tables


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return make_rows()


@pytest.fixture(scope="module")
def one_of_each(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> pa.Table:
    """All rows in one batch, one shard and one partition of keys."""
    dataset = make_dataset()
    tables = run(
        tmp_path_factory.mktemp("one"), to_batches(rows, dataset, [len(rows)]), dataset,
        shards=1, key_partitions=1,
    )  # fmt: skip
    return tables[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.names[0])
def test_values_are_those_of_the_oracle(rows: list[Row], one_of_each: pa.Table, case: Case) -> None:
    found = {row[ROW]: row for row in one_of_each.to_pylist()}
    wanted = expected(rows, case)
    known = 0
    for identity, values in wanted.items():
        for name, value in values.items():
            result = found[identity][name]
            if value is None:
                assert result is None, (name, identity)
                continue
            known += 1
            if "_std_" in name or "_var_" in name:
                assert result == pytest.approx(float(value), rel=1e-9, abs=1e-12), name
            elif "_skew_" in name:
                assert result == pytest.approx(float(value), rel=1e-9, abs=1e-7), name
            elif re.search("_mean_|delay_sum|_rate_|_p50_|_p90_", name):
                assert result == pytest.approx(float(value), rel=1e-12, abs=1e-3), name
            else:
                assert result == (value if name in TEXTS else float(value)), (name, identity)
    assert known > 100


def test_every_row_comes_out_once_with_its_own_columns(
    rows: list[Row], one_of_each: pa.Table
) -> None:
    found = {row[ROW]: row for row in one_of_each.to_pylist()}

    assert len(one_of_each) == len(found) == len(rows)
    assert sorted(one_of_each.schema.names) == sorted([*COLUMNS, ROW, CONTENT, *NAMES])
    for name in NAMES:
        kind = pa.string() if name in TEXTS else pa.float64()
        assert one_of_each.schema.field(name).type == kind
    for row in rows:
        for name in ("origin", "dest", "gate", "open", "bags"):
            assert found[row[ROW]][name] == row[name]
        if row["asked"] is None:
            assert all(found[row[ROW]][name] is None for name in NAMES)
        else:
            moment = dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=row["asked"])
            assert found[row[ROW]]["asked"] == moment


@pytest.mark.parametrize(
    ("sizes", "shards", "key_partitions"),
    [([100, 0, 150], 3, 2), ([7] * 40, 5, 11), ([1] * 10 + [240], 400, 1)],
)
def test_batches_shards_and_partitions_change_nothing(
    tmp_path: Path,
    rows: list[Row],
    one_of_each: pa.Table,
    sizes: list[int],
    shards: int,
    key_partitions: int,
) -> None:
    dataset = make_dataset()
    shuffled = random.Random(shards).sample(rows, len(rows))

    tables = run(
        tmp_path, to_batches(shuffled, dataset, sizes), dataset,
        shards=shards, key_partitions=key_partitions,
    )  # fmt: skip

    found = pa.concat_tables(tables.values()).sort_by(ROW)
    wanted = one_of_each.sort_by(ROW)
    assert set(tables) <= set(range(shards))
    assert found.schema == wanted.schema
    for name in found.schema.names:
        pairs = zip(found[name].to_pylist(), wanted[name].to_pylist(), strict=True)
        if name in NAMES and re.search("_(sum|mean|var|std|skew)_", name):
            for value, other in pairs:
                assert (value is None) == (other is None), name
                assert value is None or value == pytest.approx(other, rel=1e-9, abs=1e-3), name
        else:  # NaN is not equal to itself, but its text is
            assert all(str(value) == str(other) for value, other in pairs), name
    if shards <= 5:
        sizes = [len(table) for table in tables.values()]
        assert np.min(sizes) > 0.5 * np.max(sizes)


def test_only_the_columns_to_keep_come_out(tmp_path: Path, rows: list[Row]) -> None:
    dataset = make_dataset(CASES[:1])
    batches = to_batches(rows, dataset, [len(rows)])

    (table,) = run(
        tmp_path, batches, dataset, shards=1, key_partitions=1, keep=["delay", "day"]
    ).values()

    assert table.schema.names == ["delay", "day", ROW, CONTENT, *CASES[0].names]


def test_a_definition_without_windows_only_spreads_the_rows(
    tmp_path: Path, rows: list[Row]
) -> None:
    dataset = make_dataset([])

    tables = run(tmp_path, to_batches(rows, dataset, [50] * 5), dataset, shards=4, key_partitions=3)

    identities = [table[ROW].to_pylist() for table in tables.values()]
    assert sorted(sum_of_lists(identities)) == sorted(row[ROW] for row in rows)
    assert len(tables) == 4
    for found in identities:
        assert found != sorted(found)


def test_no_row_has_a_key_or_a_time(tmp_path: Path) -> None:
    rows = [{**row, "origin": None, "asked": None} for row in make_rows(20)]
    rows[0]["asked"] = 0
    dataset = make_dataset(CASES[:2])

    (table,) = run(
        tmp_path, to_batches(rows, dataset, [20]), dataset, shards=1, key_partitions=2
    ).values()

    for row in table.to_pylist():
        asked = row[ROW] == rows[0][ROW]
        for case in CASES[:2]:
            for name in case.names:
                counts = "_count_" in name or "_distinct_" in name
                assert row[name] == (0 if asked and counts else None)


HOUR_US = 3_600_000_000


def hourly(stream: str, hours: int) -> list[Piece]:
    """References to pieces of a megabyte, one for each hour."""
    return [
        Piece(stream, f"{stream}.arrow", 0, hour << 20, (hour + 1) << 20, 1 << 20,
              ((hour * HOUR_US, (hour + 1) * HOUR_US - 1),))
        for hour in range(hours)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("over", "parts", "most_events"),
    # 8 MB of requests are a part, unless the window is longer than their time.
    [("1h", 12, 9), ("20h", 4, 44), ("unbounded", 1, 96)],
)
def test_a_hot_key_is_answered_in_parts_that_have_all_they_see(
    over: str, parts: int, most_events: int
) -> None:
    windowed = Windowed("delay", key="origin", over=over, ops=mean())
    groups = window_groups(make_dataset([Case(windowed, [], None)]))
    events, requests = hourly("events", 96), hourly("requests", 96)

    found = list(divide(Group("0", 5, (*events, *requests)), groups, 8 << 25))

    assert [piece for part in found for piece in part.of("requests")] == requests
    assert len(found) == parts
    assert sorted(len(part.of("events")) for part in found)[-1] == most_events
    reach = {"1h": HOUR_US, "20h": 20 * HOUR_US, "unbounded": 96 * HOUR_US}[over]
    for part in found:
        asked = [piece.ranges[0] for piece in part.of("requests")]
        first, last = asked[0][0], asked[-1][1]
        seen = [e for e in events if e.ranges[0][1] >= first - reach and e.ranges[0][0] < last]
        assert part.of("events") == seen


def sum_of_lists(lists: Sequence[list[int]]) -> list[int]:
    return [item for found in lists for item in found]
