"""Windows do not depend on how rows come: their order, batches, key partitions, shards, memory.

And what follows from the contract for any rows: windows add up, filters are rows left out, other
keys and the zero of time do not matter.
"""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.run import Runner, run_pipeline
from forebay.pipelines.windows.aggregates import AddWindows
from forebay.transforms.definition.columns import Column, Integer, Number, String, Timestamp
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.operators import (  # fmt: skip
    count,
    count_nulls,
    decayed_mean,
    distinct,
    first,
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
)
from forebay.transforms.definition.windows.windowed import Where, Windowed
from forebay.transforms.windows.compute import compute
from forebay.transforms.windows.groups import WindowGroup, window_groups

Row = dict[str, Any]

EXACT = [
    count(), count_nulls(), min(), max(), first(), last_k(2), rate(per="1us"),
    seconds_since_last(), distinct(limit=4), quantile(0.4, limit=4), most_frequent(2, limit=4),
]  # fmt: skip
ADDED = [sum(), mean()]
ROUNDED = [std(), skew(), decayed_mean(half_life="9us")]
OF_TEXT = [count(), first(), last_k(2), distinct(limit=3), most_frequent(2)]
COLUMNS: dict[str, Column] = {
    "asked": Timestamp(),
    "happened": Timestamp(),
    "known": Timestamp(),
    "shop": String(),
    "size": Integer(),
    "price": Number(),  # multiples of 1/4
    "rough": Number(),  # any numbers
    "what": String(),
}
OVER = ["3us", "12us", "unbounded"]
WINDOWS = [
    Windowed("price", key="shop", over=OVER, ops=[*EXACT, *ADDED, *ROUNDED]),
    Windowed("size", key="shop", at="happened", over=OVER, lag="2us",
             ops=[*EXACT, *ADDED, *ROUNDED]),
    Windowed("rough", key="shop", at="happened", available_at="known", over=OVER,
             ops=[*EXACT, *ADDED, *ROUNDED]),
    Windowed("price", over=OVER, at="happened", ops=[*EXACT, *ADDED], where=Where("size", ">", 0)),
    Windowed("price", key=["shop", "what"], over=OVER, ops=[*EXACT, *ADDED], tile="4us"),
    Windowed("what", key="shop", over=OVER, at="happened", ops=OF_TEXT, by="size",
             categories=[0, 1]),
]  # fmt: skip

instants = st.integers(0, 40)
maybe = st.one_of(st.none(), instants, instants, instants)
rows_lists = st.lists(
    st.fixed_dictionaries(
        {
            "asked": maybe,
            "happened": maybe,
            "known": maybe,
            "shop": st.sampled_from(["a", "a", "a", "b", None]),
            "size": st.sampled_from([None, -1, 0, 0, 1, 2**53 + 1]),
            "price": st.one_of(st.none(), st.integers(-9, 9).map(lambda n: n / 4)),
            "rough": st.one_of(
                st.none(), st.floats(), st.floats(-1e3, 1e3),
                st.integers(0, 9).map(lambda n: 1e9 + n / 8),
            ),
            "what": st.sampled_from(["x", "y", "zz", "", None]),
        }
    ),
    min_size=1,
    max_size=24,
)  # fmt: skip
many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
some = settings(many, max_examples=100)


def make_dataset(windows: Sequence[Windowed]) -> Dataset:
    return Dataset(
        name="shops",
        columns=COLUMNS,
        row_time="asked",
        windows=windows,
        features=[Numeric("size")],
        label=Regression("price"),
        split=HashSplit("shop"),
    )


DATASET = make_dataset(WINDOWS)
GROUPS = window_groups(DATASET)
groups = st.sampled_from(GROUPS)


def identified(rows: Sequence[Row]) -> list[Row]:
    return [{**row, ROW: 7 * place + 1} for place, row in enumerate(rows)]


def to_batch(rows: Sequence[Row]) -> pa.RecordBatch:
    columns = {}
    for name, kind in COLUMNS.items():
        storage = pa.int64() if isinstance(kind, Timestamp) else kind.arrow_type
        columns[name] = pa.array([row[name] for row in rows], storage).cast(kind.arrow_type)
    columns[ROW] = pa.array([row[ROW] for row in rows], pa.int64())
    return pa.RecordBatch.from_pydict(columns)


def answered(group: WindowGroup, batches: Sequence[pa.RecordBatch], partitions: int) -> pa.Table:
    """Computes a group one key partition after the other, as a pipeline does."""
    kinds = pa.schema([(ROW, pa.int64()), *group.schema])
    found = [kinds.empty_table()]
    for number in range(partitions):
        events, requests = (
            pa.Table.from_batches(
                rows.filter(pa.array(group.partition(rows, partitions) == number))
                for rows in map(take, batches)
            )
            for take in (group.events, group.requests)
        )
        if len(requests):
            values = compute(group, events if len(events) else None, requests)
            found.append(pa.Table.from_batches([values.cast(kinds, safe=False)]))
    return pa.concat_tables(found).sort_by(ROW)


def columns_of(dataset: Dataset, rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Every windowed column of all rows that ask, in the order of their identity."""
    columns: dict[str, list[Any]] = {}
    for group in window_groups(dataset):
        columns |= answered(group, [to_batch(rows)], 1).to_pydict()
    return columns


def assert_same(found: pa.Table, wanted: pa.Table, moved: Sequence[Row] = ()) -> None:
    """Equal to the bit; decayed means of rows that were moved in time, by the contract's bound."""
    assert found.schema == wanted.schema
    for name in wanted.column_names:
        one, other = found[name].combine_chunks(), wanted[name].combine_chunks()
        if moved and "_decayed_mean_" in name:
            values = [abs(row[name.partition("_")[0]] or 0) for row in moved]
            largest = np.max([value for value in values if np.isfinite(value)], initial=0)
            assert one.is_valid().equals(other.is_valid()), name
            a, b = one.drop_null().to_numpy(), other.drop_null().to_numpy()
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-11 * largest, err_msg=name)
        else:
            assert one.equals(other), name


def in_batches(rows: Sequence[Row], bounds: Sequence[int]) -> Iterator[pa.RecordBatch]:
    ends = [0, *sorted(bound % (len(rows) + 1) for bound in bounds), len(rows)]
    return (to_batch(rows[a:b]) for a, b in itertools.pairwise(ends))


@given(groups, rows_lists, st.randoms(), st.lists(st.integers(0, 30), max_size=5),
       st.integers(1, 5))  # fmt: skip
@many
def test_order_batches_and_key_partitions_change_nothing(
    group: WindowGroup,
    rows: list[Row],
    shuffled: random.Random,
    bounds: list[int],
    partitions: int,
) -> None:
    rows = identified(rows)
    mixed = list(in_batches(shuffled.sample(rows, len(rows)), bounds))

    wanted = answered(group, [to_batch(rows)], 1)
    assert_same(answered(group, mixed, partitions), wanted)
    asking = [row[ROW] for row in rows if row["asked"] is not None]
    assert wanted[ROW].to_pylist() == sorted(asking)


@given(groups.filter(lambda group: "shop" in group.key), rows_lists, rows_lists)
@some
def test_other_keys_change_nothing(group: WindowGroup, rows: list[Row], others: list[Row]) -> None:
    rows = identified(rows)
    others = [{**row, "shop": "other", ROW: -row[ROW]} for row in identified(others)]

    alone = answered(group, [to_batch(rows)], 1)
    among = answered(group, [to_batch([*others, *rows])], 1)
    mine = pa.array([row > 0 for row in among[ROW].to_pylist()], pa.bool_())
    assert_same(among.filter(mine), alone)


@given(groups, rows_lists, st.integers(-(2**40), 2**40))
@some
def test_the_zero_of_time_does_not_matter(group: WindowGroup, rows: list[Row], tiles: int) -> None:
    rows = identified(rows)
    times = ("asked", "happened", "known")
    moved = [
        {**row, **{name: None if row[name] is None else row[name] + 4 * tiles for name in times}}
        for row in rows
    ]

    for group in GROUPS:
        assert_same(
            answered(group, [to_batch(moved)], 1), answered(group, [to_batch(rows)], 1), rows
        )


@given(rows_lists, st.sampled_from([None, "known"]))
@some
def test_adjacent_windows_add_up(rows: list[Row], available_at: str | None) -> None:
    ops = [count(), count_nulls(), sum(), min(), max()]
    shared: dict[str, Any] = {"key": "shop", "at": "happened", "available_at": available_at}
    near, far, both = (
        columns_of(make_dataset([Windowed("price", ops=ops, over=over, lag=lag, **shared)]),
                   identified(rows))
        for over, lag in (("5us", "0s"), ("7us", "5us"), ("12us", "0s"))
    )  # fmt: skip

    for op in ops:
        one, other, whole = (
            values for columns in (near, far, both)
            for name, values in columns.items() if f"price_{op.name}_1" in name
            or f"price_{op.name}_5" in name or f"price_{op.name}_7" in name
        )  # fmt: skip
        merge = {"min": np.min, "max": np.max}.get(op.name, np.sum)
        for parts, value in zip(zip(one, other, strict=True), whole, strict=True):
            there = [part for part in parts if part is not None]
            assert value == (merge(there) if there else None), op


@given(rows_lists, st.integers(0, 2))
@some
def test_a_filter_is_rows_left_out(rows: list[Row], size: int) -> None:
    rows = identified(rows)
    ops = [*EXACT, *ADDED]
    filtered = Windowed("price", key="shop", over=OVER, ops=ops, where=Where("size", ">=", size))
    plain = Windowed("price", key="shop", over=OVER, ops=ops)
    # Rows that fail go on asking, but have no key as events: they ask by another column.
    kept = [row["size"] is not None and row["size"] >= size for row in rows]
    silent = [
        {**row, "what": row["shop"], "shop": row["shop"] if keep else None}
        for row, keep in zip(rows, kept, strict=True)
    ]
    asked_apart = Windowed("price", key="shop", row_key="what", over=OVER, ops=ops)

    wanted = columns_of(make_dataset([asked_apart]), silent)
    found = columns_of(make_dataset([filtered]), rows)

    assert [*found.values()] == [*wanted.values()]
    if all(kept):
        assert [*found.values()] == [*columns_of(make_dataset([plain]), rows).values()]


@given(rows_lists)
@some
def test_categories_are_filters(rows: list[Row]) -> None:
    rows = identified(rows)
    shared: dict[str, Any] = {"key": "shop", "over": OVER, "ops": [*EXACT, *ADDED]}
    by = Windowed("price", by="what", categories=["x", "zz"], **shared)
    where = [Windowed("price", where=Where("what", "==", text), **shared) for text in ("x", "zz")]

    assert columns_of(make_dataset([by]), rows) == columns_of(make_dataset(where), rows)


# --- the whole transform -------------------------------------------------------------------------


def piped(folder: Path, batches: Sequence[pa.RecordBatch], parts: int, **options: Any) -> pa.Table:
    """What a pipeline makes of batches that are spread over so many PCollections."""
    (folder / "temporary").mkdir(parents=True)
    (folder / "out").mkdir()

    def write(element: tuple[int, pa.RecordBatch]) -> None:
        with pa.ipc.new_file(folder / "out" / uuid.uuid4().hex, element[1].schema) as writer:
            writer.write_batch(element[1])

    def build(pipeline: beam.Pipeline) -> None:
        created = tuple(
            pipeline | f"Part {i}" >> beam.Create(batches[i::parts], reshuffle=False)
            for i in range(parts)
        )
        _ = (
            {ROWS: created}
            | AddWindows(DATASET, str(folder / "temporary"), **options)
            | beam.Map(write)
        )

    run_pipeline(build, Runner(Local(), PipelineOptions(["--runner=FnApiRunner"])))
    return pa.concat_tables(
        pa.ipc.open_file(path).read_all() for path in (folder / "out").iterdir()
    ).sort_by(ROW)


@pytest.mark.parametrize("seed", range(4))
def test_a_pipeline_divided_in_any_way_gives_the_same(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    rows = identified([
        {
            "asked": chance.choice([None, *range(0, 400)]),
            "happened": chance.choice([None, *range(0, 400)]),
            "known": chance.choice([None, *range(0, 500)]),
            "shop": chance.choice(["a", "a", "b", "c", None]),
            "size": chance.choice([None, -1, 0, 1, 2**53 + 1]),
            "price": chance.choice([None, *(n / 4 for n in range(-9, 9))]),
            "rough": chance.choice([None, np.nan, 1e9 + chance.random(), chance.gauss(0, 1),
                                    1.7e308, -5e-324]),
            "what": chance.choice(["x", "y", "zz", "", None]),
        }
        for _ in range(400)
    ])  # fmt: skip
    shuffled = chance.sample(rows, len(rows))
    bounds = [chance.randrange(400) for _ in range(chance.randrange(9))]

    found = piped(
        tmp_path,
        list(in_batches(shuffled, bounds)),
        parts=1 + seed % 2,
        shards=chance.choice([1, 3, 50]),
        key_partitions=chance.choice([1, 2, 9]),
        memory_bytes=chance.choice([40_000, 200_000, 1 << 30]),
    )

    asked = found.filter(found["asked"].is_valid())
    assert found[ROW].to_pylist() == [row[ROW] for row in rows]
    for group in GROUPS:
        wanted = answered(group, [to_batch(rows)], 1)
        assert_same(asked.select(wanted.column_names), wanted)
        for name in group.aggregates:
            assert found[name].null_count == len(rows) - len(asked) + wanted[name].null_count
