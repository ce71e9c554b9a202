"""Windows of all 336,776 flights against the same windows in SQL: `make oracle`.

The instants that the windows compare are the definition's own; other tests hold them against the
file's clocks.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from window_questions import Question, assert_agree, computed, questions

from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.preprocess import preprocess
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.serialize import to_json
from forebay.transforms.definition.windows.operators import (  # fmt: skip
    OPERATORS,
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

pytestmark = pytest.mark.full_table

CSV = Path(__file__).resolve().parents[2] / "data" / "flights" / "flights.csv"
ASKED = "sched_dep_ts"
# One flight: its key in the file.
IDENTITY = ("flight_date", "carrier", "flight", "origin")
OPS = [
    count(), count_nulls(), sum(), mean(), var(), std(), skew(), min(), max(), first(), last(),
    rate(per="1h"), seconds_since_last(),
]  # fmt: skip
# Fewer different values than the operators' limit, everywhere.
MULTISETS = [quantile(0.5), quantile(0.9), distinct(), most_frequent(2), last_k(3)[1:]]
OF_TEXT = [distinct(), most_frequent(2), last_k(2), count()]
# Asked at the scheduled departure: 56 % of flights have left by then and must not see themselves.
WINDOWS = [
    Windowed("dep_delay", key="origin", at="dep_ts", over=["1m", "4h", "90d", "unbounded"],
             ops=OPS),
    Windowed("dep_delay", key="dest", at="dep_ts", over=["2h", "7d"], ops=[*OPS, *MULTISETS]),
    Windowed("arr_delay", key="dest", at="arr_ts", over="3h", lag="30m", ops=OPS),
    Windowed("dep_time", key="tailnum", at="dep_ts", over=["30d", "unbounded"],
             ops=[*OPS, *MULTISETS]),
    Windowed("gained", key="carrier", at="arr_ts", over="12h", ops=OPS, lag="1d",
             where=[Where("origin", "==", "JFK"), Where("distance", ">", 1000)]),
    Windowed("arr_delay", key="dest", at="arr_ts", over="6h", ops=OPS, by="origin",
             categories=["EWR", "JFK", "LGA"]),
    Windowed("air_time", key=["carrier", "dest"], at="sched_dep_ts", available_at="arr_ts",
             over=["2h", "7d"], ops=[*OPS, *MULTISETS]),
    Windowed("dep_delay", key="tailnum", at="dep_ts", available_at="arr_ts", over="unbounded",
             ops=OPS),
    Windowed("dep_delay", key="carrier", at="sched_dep_ts", available_at="dep_ts", over="1d",
             lag="1h", ops=OPS),
    Windowed("distance", over="10m", at="dep_ts", ops=OPS, where=Where("carrier", "!=", "UA")),
    Windowed("dep_delay", key="origin", at="dep_ts", over="1h", ops=OPS, tile="15m"),
    Windowed(key="tailnum", at="arr_ts", over=["1d", "unbounded"],
             ops=[count(), seconds_since_last()]),
    Windowed("dest", key="tailnum", at="dep_ts", over=["7d", "unbounded"], ops=OF_TEXT),
]  # fmt: skip
# Frames cannot say these: the join that answers them is the quicker of the two here.
DECAYED = [
    Windowed("dep_delay", key="origin", at="dep_ts", over="5h", ops=decayed_mean(half_life="1h")),
    Windowed("gained", key="dest", at="arr_ts", over="2d", ops=decayed_mean(half_life="12h")),
]
# A join of 340,000 rows with most of the table each: one row in 500 asks, all events are there.
DENSE = [
    Windowed("dep_delay", key="origin", at="sched_dep_ts", available_at="arr_ts",
             over=["90d", "unbounded"], ops=[*OPS, *MULTISETS], lag="5m"),
]  # fmt: skip
FEW = ("mean", "last", "decayed_mean_half_life_1h", "decayed_mean_half_life_12h")
MISSING_TEXT = b"\xff"
ONE_IN_500 = "row % 500 = 0"


@pytest.fixture(scope="module")
def csv() -> Path:
    if not CSV.is_file():
        pytest.skip("data/flights/flights.csv is missing; write it with `make data`")
    return CSV


@pytest.fixture(scope="module")
def batch(
    csv: Path, flights: ModuleType, derived: Callable[[pa.RecordBatch], pa.RecordBatch]
) -> pa.RecordBatch:
    types = {name: kind.arrow_type for name, kind in flights.departure.columns.items()}
    options = pyarrow.csv.ConvertOptions(
        column_types=types, null_values=["NA"], strings_can_be_null=True
    )
    rows = pyarrow.csv.read_csv(csv, convert_options=options).combine_chunks().to_batches()[0]
    assert len(rows) == 336_776
    return derived(rows).append_column(ROW, pa.array(np.arange(len(rows))))


@pytest.fixture(scope="module")
def table(batch: pa.RecordBatch) -> pa.Table:
    return pa.table(batch).rename_columns(
        ["row" if name == ROW else name for name in batch.schema.names]
    )


@pytest.fixture(scope="module")
def datasets(flights: ModuleType) -> dict[str, Dataset]:
    windows = [*flights.schedule.windows, *WINDOWS, *DECAYED, *DENSE]
    return {
        "departure": flights.departure,
        "schedule": dataclasses.replace(flights.schedule, windows=windows),
    }


@pytest.fixture(scope="module")
def got(datasets: dict[str, Dataset], batch: pa.RecordBatch) -> dict[str, pa.Table]:
    """What the windows are in float64."""
    return {name: computed(dataset, [batch]) for name, dataset in datasets.items()}


@pytest.fixture(scope="module")
def examples(
    csv: Path,
    table: pa.Table,
    flights: ModuleType,
    datasets: dict[str, Dataset],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, pa.Table]:
    """What `forebay preprocess` writes of them, by ``row``."""
    own = len(flights.schedule.windows)
    schedule = datasets["schedule"]
    windows = [*schedule.windows[:own], *map(with_few_operators, schedule.windows[own:])]
    wanted = {**datasets, "schedule": dataclasses.replace(schedule, windows=windows)}
    return {
        name: by_row(preprocessed(dataset, csv, tmp_path_factory.mktemp(name)), table)
        for name, dataset in wanted.items()
    }


def with_few_operators(windowed: Windowed) -> Windowed:
    """All operators of all windows would make examples of gigabytes; these go the same way."""
    few = [op for op in windowed.operators if op.label in FEW]
    return dataclasses.replace(windowed, ops=few or windowed.ops)


def preprocessed(dataset: Dataset, csv: Path, folder: Path) -> pa.Table:
    """The windowed columns of the examples, which hold them raw where they are passthrough."""
    names = [*IDENTITY, *dataset.windowed_columns]
    definition, run = folder / "definition.json", folder / "run"
    definition.write_text(to_json(dataclasses.replace(dataset, passthrough=names)), "utf-8")
    weather = {"weather": [str(csv.with_name("weather.csv"))]}
    preprocess(PreprocessOptions(str(definition), (str(csv),), str(run), sources=weather))
    rows = read_examples(run, names)
    shutil.rmtree(run)
    return rows


def read_examples(run: Path, names: Sequence[str]) -> pa.Table:
    spec = tft.TFTransformOutput(str(run)).transformed_feature_spec()
    wanted = {name: spec[name] for name in names}
    files = tf.io.gfile.glob(str(run / "examples" / "*" / "part-*.tfrecord"))
    records = tf.data.TFRecordDataset(files).batch(8_192)
    parsed = records.map(lambda batch: tf.io.parse_example(batch, wanted)).as_numpy_iterator()
    return pa.concat_tables(
        pa.table({name: column.ravel() for name, column in part.items()}) for part in parsed
    )


def by_row(examples: pa.Table, table: pa.Table) -> pa.Table:
    """Examples beside the numbers of their rows, found by their identity."""
    with duckdb.connect() as connection:
        connection.register("examples", examples)
        connection.register("flights", table.select(["row", *IDENTITY]))
        return connection.sql("""
            SELECT row, examples.* FROM examples JOIN flights
            ON decode(examples.carrier) = flights.carrier
            AND decode(examples.origin) = flights.origin AND examples.flight = flights.flight
            AND examples.flight_date = flights.flight_date - DATE '1970-01-01'
            ORDER BY row
        """).to_arrow_table()


def assert_same_in_float32(examples: pa.Table, question: Question, answers: pa.Table) -> None:
    """Examples hold what the oracle says, rounded to float32; NaN where it says nothing."""
    answers = answers.filter(pc.is_in(answers["row"], examples["row"].combine_chunks()))
    examples = examples.filter(pc.is_in(examples["row"], answers["row"].combine_chunks()))
    assert examples["row"].equals(answers["row"])
    for name in set(question.ops) & set(examples.column_names):
        if pa.types.is_string(answers[name].type):
            want = pc.fill_null(answers[name].cast(pa.binary()), MISSING_TEXT)
            assert examples[name].equals(want.cast(examples[name].type)), name
            continue
        want = answers[name].cast(pa.float64()).to_numpy().astype(np.float32)
        np.testing.assert_allclose(examples[name], want, rtol=2e-7, atol=0, err_msg=name)


def check(
    question: Question,
    name: str,
    table: pa.Table,
    got: Any,
    examples: Any,
    *,
    asking: str = "true",
    joins: bool = False,
) -> None:
    started = time.perf_counter()
    answers = question.answers(table, asking=asking, joins=joins)
    seconds = time.perf_counter() - started
    values = assert_agree(got[name], question, answers)
    assert_same_in_float32(examples[name], question, answers)
    print(f"{seconds:6.1f} s of SQL, {len(answers):,} rows, {values:,} values: {question.label}")


def test_every_flight_with_an_arrival_is_an_example(
    table: pa.Table, examples: dict[str, pa.Table]
) -> None:
    for name in examples:
        assert len(examples[name]) == len(table) - table["arr_delay"].null_count


@pytest.mark.parametrize("name", ["departure", "schedule"])
def test_the_examples_own_windows(
    flights: ModuleType, table: pa.Table, got: Any, examples: Any, name: str
) -> None:
    dataset = getattr(flights, name)
    for question in questions(dataset.windows, dataset.row_time):
        check(question, name, table, got, examples)


def test_late_has_the_windows_of_departure(flights: ModuleType) -> None:
    assert flights.late.windows == flights.departure.windows
    assert flights.late.row_time == flights.departure.row_time


@pytest.mark.parametrize("question", questions(WINDOWS, ASKED), ids=lambda q: q.label)
def test_every_operator_on_all_flights(
    question: Question, table: pa.Table, got: Any, examples: Any
) -> None:
    check(question, "schedule", table, got, examples)


@pytest.mark.parametrize("question", questions(DENSE, ASKED), ids=lambda q: q.label)
def test_late_events_of_busy_airports_for_one_flight_in_500(
    question: Question, table: pa.Table, got: Any, examples: Any
) -> None:
    check(question, "schedule", table, got, examples, asking=ONE_IN_500)


@pytest.mark.parametrize("question", questions(DECAYED, ASKED), ids=lambda q: q.label)
def test_decayed_means_of_all_flights(
    question: Question, table: pa.Table, got: Any, examples: Any
) -> None:
    check(question, "schedule", table, got, examples, joins=True)


def test_every_operator_is_compared() -> None:
    compared = {op.name for windowed in [*WINDOWS, *DECAYED] for op in windowed.operators}

    assert compared == set(OPERATORS)
