"""`WindowedAggregates` in pipelines of others: on windows alone, on rows that nobody numbered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

import forebay as fb
from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.run import Runner, run_pipeline
from forebay.transforms.errors import ForebayError, InputError

MINUTE_US = 60_000_000
TABLE = fb.WindowedTable(
    columns={"key": fb.String(), "at": fb.Timestamp(), "value": fb.Integer()},
    row_time="at",
    sources={"other": fb.Source(columns={"at": fb.Timestamp(), "of": fb.String()})},
    windows=[
        fb.Windowed("value", key="key", over="1h", ops=[fb.sum(), fb.count()]),
        fb.Windowed(key="of", row_key="key", at="at", over="1h", source="other"),
    ],
)
RUNNER = ["--runner=FnApiRunner", "--direct_running_mode=multi_threading", "--direct_num_workers=2"]


def batch(rows: list[tuple[str, int, int]]) -> pa.RecordBatch:
    keys, minutes, values = zip(*rows, strict=True)
    at = pa.array([minute * MINUTE_US for minute in minutes]).cast(pa.timestamp("us", "UTC"))
    return pa.RecordBatch.from_pydict({"key": keys, "at": at, "value": values})


# Of every minute one row twice, in two equal batches: twins are not one row.
ROWS = [("ab"[minute % 2], minute, minute * minute) for minute in range(150)]
BATCHES = [batch([row]) for row in ROWS for _ in range(2)]


def expected(frame: pa.Table, other: pa.Table) -> list[dict[str, Any]]:
    return fb.windows(frame, TABLE.windows, at="at", sources={"other": other}).arrow.to_pylist()


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ["key", "at", "value", *TABLE.windowed_columns]
    return sorted(({name: row[name] for name in names} for row in rows), key=repr)


def write(element: tuple[int, pa.RecordBatch], folder: str) -> None:
    with pa.ipc.new_file(f"{folder}/{element[0]}.arrow", element[1].schema) as writer:
        writer.write_batch(element[1])


def test_unnumbered_rows_get_their_windows_and_no_file_is_left(tmp_path: Path) -> None:
    temporary, out = tmp_path / "temporary[1]", tmp_path / "out"
    temporary.mkdir()
    out.mkdir()
    others = pa.RecordBatch.from_pydict({"of": BATCHES[3]["key"], "at": BATCHES[3]["at"]})

    def build(pipeline: beam.Pipeline) -> None:
        tables = {
            "rows": pipeline | "Rows" >> beam.Create(BATCHES),
            "other": pipeline | "Other" >> beam.Create([others, others]),
        }
        step = fb.WindowedAggregates(TABLE, str(temporary), shards=3, key_partitions=2)
        _ = tables | step | beam.Map(write, str(out))

    run_pipeline(build, Runner(Local(), PipelineOptions(RUNNER)))

    found = pa.concat_tables([pa.ipc.open_file(path).read_all() for path in out.iterdir()])
    wanted = expected(pa.Table.from_batches(BATCHES), pa.Table.from_batches([others, others]))
    assert in_order(found.to_pylist()) == in_order(wanted)
    assert len(found["__row"].unique()) == len(BATCHES)
    assert list(temporary.iterdir()) == []


def run(element: Any, table: fb.WindowedTable) -> None:
    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | beam.Create([element]) | fb.WindowedAggregates(table)

    run_pipeline(build, Runner(Local(), PipelineOptions(RUNNER)))


ALONE = fb.WindowedTable(columns=TABLE.columns, row_time="at", windows=TABLE.windows[:1])


@pytest.mark.parametrize(
    ("element", "said"),
    [
        ({"key": "a"}, "rows: an element is a dict; give pyarrow.RecordBatch"),
        (pa.Table.from_batches([BATCHES[0]]), "rows: an element is a Table"),
        (BATCHES[0].drop_columns(["value"]), "a batch has no column 'value'"),
    ],
    ids=range(3),
)
def test_elements_that_are_no_rows_are_refused(element: Any, said: str) -> None:
    with pytest.raises(ForebayError, match=re.escape(said)):
        run(element, ALONE)


def test_what_no_window_can_be_computed_of_is_refused_beforehand() -> None:
    pipeline = beam.Pipeline()
    rows = pipeline | beam.Create([BATCHES[0]])
    with pytest.raises(InputError, match="is given rows; its table reads rows, other"):
        _ = rows | "1" >> fb.WindowedAggregates(TABLE)
    fixed = rows | beam.WindowInto(beam.window.FixedWindows(60))
    with pytest.raises(InputError, match="in windows of Beam's"):
        _ = fixed | "2" >> fb.WindowedAggregates(ALONE)
    with pytest.raises(InputError, match="of a list: give a WindowedTable or a Dataset"):
        fb.WindowedAggregates([])  # type: ignore[arg-type]
