"""One table read from CSV, and in pieces from all other kinds of input: one run, to the byte."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars
import pyarrow.parquet as pa_parquet
import pytest
import tensorflow as tf
from table_kinds import WRITERS, as_table, make_records

from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.preprocess import preprocess
from forebay.pipelines.sources.tables import open_tables
from forebay.pipelines.windows.period import without_unneeded
from forebay.storage.run.definition_files import load_definition
from forebay.storage.run.manifest import Manifest
from forebay.transforms.definition.columns import Number
from forebay.transforms.definition.serialize import to_json
from forebay.transforms.definition.sources import ROWS
from forebay.transforms.windows.period import Period

DEFINITION = str(Path(__file__).with_name("gauges.py"))
RECORDS = make_records(n=900)


def run_of(inputs: tuple[Any, ...], output: Path, *also: Literal["parquet"]) -> Manifest:
    options = PreprocessOptions(DEFINITION, inputs, str(output), max_reject_fraction=1.0)
    return preprocess(replace(options, shards=2, also=also))


def contents(run: Path) -> Mapping[str, str]:
    """The checksums of the examples and of what the graph has learned of texts."""
    files = [*run.glob("examples/*/*"), *run.glob("transform_fn/assets/*")]
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def rejects_of(run: Path) -> list[tuple[str, set[str]]]:
    """The reason of each reject, and how its place is told."""
    lines = [line for path in run.glob("rejects/*") for line in path.read_text().splitlines()]
    rejects = [json.loads(line) for line in lines]
    return sorted(
        (reject["reason"], set(reject) - {"source", "reason", "raw"}) for reject in rejects
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    WRITERS["csv"](RECORDS, folder / "all.csv")
    pieces: list[object] = []
    kinds = [*WRITERS, "frame", "records"]
    size = len(RECORDS) // len(kinds) + 1
    for i, kind in enumerate(kinds):
        piece = RECORDS[i * size :][:size]
        if kind in WRITERS:
            WRITERS[kind](piece, folder / f"piece.{kind}")
            pieces.append(str(folder / f"piece.{kind}"))
        else:
            pieces.append(polars.from_arrow(as_table(piece)) if kind == "frame" else piece)
    run_of((str(folder / "all.csv"),), folder / "whole")
    run_of(tuple(reversed(pieces)), folder / "pieces", "parquet")
    return folder / "whole", folder / "pieces"


def test_examples_and_vocabularies_are_the_same_to_the_byte(runs: tuple[Path, Path]) -> None:
    whole, pieces = (contents(run) for run in runs)

    assert whole == pieces
    assert len(whole) >= 7


def test_every_reject_is_told_of_wherever_it_was(runs: tuple[Path, Path]) -> None:
    whole, pieces = (rejects_of(run) for run in runs)

    def values(rejects: list[tuple[str, set[str]]]) -> list[str]:
        return [reason.replace("'", "") for reason, _ in rejects]

    assert values(whole) == values(pieces)
    assert all(place == {"line", "offset"} for _, place in whole)
    assert {frozenset(place) for _, place in pieces} == {
        frozenset({"line", "offset"}), frozenset({"row"}), frozenset({"record", "offset"})
    }  # fmt: skip


def test_each_input_is_in_the_manifest(runs: tuple[Path, Path]) -> None:
    _, pieces = runs
    manifest = Manifest.from_json((pieces / "manifest.json").read_text("utf-8"), str(pieces))

    names = [Path(entry.path).name for entry in manifest.inputs]
    frames = ["the list given as inputs[0]", "the DataFrame given as inputs[1]"]
    assert names == [*frames, *(f"piece.{kind}" for kind in reversed(WRITERS))]
    assert manifest.rows_read == len(RECORDS)
    assert all(entry.fingerprint.startswith("sha256:") for entry in manifest.inputs)


def test_parquet_holds_what_the_examples_hold(runs: tuple[Path, Path]) -> None:
    _, run = runs
    for path in sorted((run / "examples").glob("*/*")):
        split, part = path.parent.name, path.name.removesuffix(".tfrecord")
        transformed = pa_parquet.read_table(run / f"parquet/transformed/{split}/{part}.parquet")
        rows = pa_parquet.read_table(run / f"parquet/rows/{split}/{part}.parquet")
        examples = [
            tf.train.Example.FromString(record).features.feature
            for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
        ]
        assert len(examples) == len(transformed) == len(rows) > 0
        assert transformed.column_names == sorted(examples[0])
        for name in transformed.column_names:
            kinds = [example[name].WhichOneof("kind") for example in examples]
            values = [getattr(e[name], k).value[0] for e, k in zip(examples, kinds, strict=True)]
            assert np.array_equal(transformed[name].to_numpy(), values)
        assert rows["level"].to_pylist() == transformed["level"].to_pylist()
        assert rows.schema.field("site").type == "string"
    written = {path.name for path in (run / "parquet").glob("*/*/*")}
    manifest = Manifest.from_json((run / "manifest.json").read_text("utf-8"), str(run))
    listed = [name for name in manifest.files if name.startswith("parquet/")]
    assert {Path(name).name for name in listed} == written
    assert sum(manifest.files[name].rows or 0 for name in listed) == 2 * sum(manifest.rows.values())


def test_row_groups_out_of_a_periods_reach_are_counted_though_not_read(tmp_path: Path) -> None:
    gauges = load_definition(DEFINITION)
    gauges = replace(gauges, columns={**gauges.columns, "level": Number()})
    (tmp_path / "gauges.json").write_text(to_json(gauges))
    timed = [record for record in RECORDS if record["taken"] is not None]
    timed.sort(key=lambda record: record["taken"])
    parquet = tmp_path / "table.parquet"
    pa_parquet.write_table(as_table(timed), parquet, row_group_size=20)
    start, end = (dt.datetime(2024, 3, day, tzinfo=dt.UTC) for day in (5, 8))
    options = PreprocessOptions(
        str(tmp_path / "gauges.json"), (str(parquet),), str(tmp_path / "run"), shards=1,
        period_from=start.isoformat(), period_to=end.isoformat(),
    )  # fmt: skip
    left, _ = without_unneeded(
        open_tables(gauges, options.inputs, {}), gauges, Period.read(str(start), str(end))
    )

    manifest = preprocess(options)

    times = [record["taken"] for record in timed]
    asked = [record for record in timed if start <= record["taken"] < end]
    events = sum(start - dt.timedelta(days=3) <= time < start for time in times)
    assert len(left[ROWS][0].skipped) > 15  # type: ignore[attr-defined]
    assert manifest.rows_read == len(timed)
    assert manifest.history == events
    assert manifest.dropped["outside period"] == len(timed) - len(asked) - events
    assert sum(manifest.rows.values()) == sum(one["level"] is not None for one in asked)
    assert manifest.rejects == {}
