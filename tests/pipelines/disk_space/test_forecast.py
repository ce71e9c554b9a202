"""What a run is foretold to take of its disk, beside what it takes."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import tensorflow as tf
from trips import trips, write_trips

from forebay.pipelines.disk_space.example_bytes import example_bytes
from forebay.pipelines.disk_space.forecast import (
    lack_before_examples,
    lack_before_reading,
    of_counted_rows,
    of_first_records,
)
from forebay.pipelines.job import Job
from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.preprocess import plan, preprocess
from forebay.pipelines.sources.batches import BatchReader
from forebay.pipelines.tallies.tallies import Tallies
from forebay.transforms.definition.columns import Bytes, Numbers, String
from forebay.transforms.definition.features import Image, MultiHot, NumberList, Text
from forebay.transforms.errors import RunFailed

ROWS = 30_000
NAMED = replace(trips, passthrough=("id",))


@pytest.fixture(scope="module")
def rides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trips(tmp_path_factory.mktemp("rides") / "trips.csv", ROWS)


def a_job(paths: Path | Sequence[Path], output: Path, **options: object) -> Job:
    inputs = [str(paths)] if isinstance(paths, Path) else [str(path) for path in paths]
    return plan(PreprocessOptions(NAMED, inputs, str(output), **options))  # type: ignore[arg-type]


@contextmanager
def most_bytes_in(folder: Path) -> Iterator[list[int]]:
    """Looks again and again at how much lies in a folder; the most is the one item of the list."""
    most, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            total = 0
            for place, _, names in os.walk(folder):
                for name in names:
                    with suppress(FileNotFoundError):
                        total += os.stat(os.path.join(place, name)).st_size
            most[0] = max(most[0], total)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def test_a_run_takes_what_was_foretold(rides: Path, tmp_path: Path) -> None:
    job = a_job(rides, tmp_path / "run")
    foretold = of_first_records(job)
    with most_bytes_in(tmp_path / "run") as most:
        manifest = preprocess(job.options)  # type: ignore[arg-type]
    assert foretold is not None
    # The graph and its statistics, some 0.3 MB, are not foretold.
    assert 0.9 * most[0] < foretold.likely + 300_000 < 1.1 * most[0]
    assert foretold.least < most[0]
    written = sum(entry.size for name, entry in manifest.files.items() if "tfrecord" in name)
    ingested = counted(job, tmp_path, sum(manifest.rows.values()))
    examples = of_counted_rows(job, ingested)
    assert examples.least <= written
    assert 0.99 * written < examples.likely < 1.01 * written


def counted(job: Job, folder: Path, total: int) -> Tallies:
    """What the first pipeline leaves: rows of a split, here the first of the input, and a count."""
    reader, (source,) = BatchReader(job.dataset, 1 << 20), job.tables["rows"]
    rows = reader.read(source, next(reader.chunks(source))).rows.slice(0, 500)
    for name in job.dataset.windowed_columns:
        rows = rows.append_column(name, pa.nulls(len(rows), pa.float64()))
    path = str(folder / "train-00000.arrow")
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return {"rows": {"train": total}, "shards": {path: ["train", 0]}}


def test_it_depends_on_the_free_bytes_alone_what_is_said(rides: Path, tmp_path: Path) -> None:
    job = a_job(rides, tmp_path / "run")
    foretold = of_first_records(job)
    assert foretold is not None
    assert lack_before_reading(job, foretold.likely) is None
    assert "will be written there" in str(lack_before_reading(job, foretold.likely - 1))
    with pytest.raises(RunFailed, match="free some there"):
        lack_before_reading(job, foretold.least - 1)
    assert lack_before_reading(job, None) is None


def test_rows_that_are_counted_make_it_certain(rides: Path, tmp_path: Path) -> None:
    job = a_job(rides, tmp_path / "run")
    ingested = counted(job, tmp_path, 1_000_000)
    needed = of_counted_rows(job, ingested)
    assert 0 < needed.least < needed.likely
    assert lack_before_examples(job, ingested, needed.likely) is None
    assert lack_before_examples(job, ingested, needed.least)
    with pytest.raises(RunFailed):
        lack_before_examples(job, ingested, needed.least - 1)
    assert lack_before_examples(job, ingested, None) is None
    packed = a_job(rides, tmp_path / "run", gzip=True)
    assert needed.least < of_counted_rows(packed, ingested).likely < needed.likely / 5
    also = a_job(rides, tmp_path / "run", also=("parquet",))
    assert of_counted_rows(also, ingested).likely > needed.likely


def test_files_add_up(rides: Path, tmp_path: Path) -> None:
    head, *lines = rides.read_text("utf-8").splitlines(keepends=True)
    parts = [tmp_path / name for name in "ab"]
    for part, some in zip(parts, (lines[:20_000], lines[20_000:]), strict=True):
        part.write_text(head + "".join(some), "utf-8")
    whole = of_first_records(a_job(rides, tmp_path / "run"))
    both = of_first_records(a_job(parts, tmp_path / "run"))
    assert whole is not None
    assert both is not None
    assert both.likely == pytest.approx(whole.likely, rel=0.02)


def test_of_compressed_records_it_is_told_roughly(rides: Path, tmp_path: Path) -> None:
    packed = tmp_path / "trips.csv.gz"
    packed.write_bytes(gzip.compress(rides.read_bytes()))
    plain = of_first_records(a_job(rides, tmp_path / "run"))
    needed = of_first_records(a_job(packed, tmp_path / "run"))
    assert plain is not None
    assert needed is not None
    assert plain.likely / 2 < needed.likely < plain.likely * 2


def test_where_a_period_asks_the_first_records_tell_nothing(rides: Path, tmp_path: Path) -> None:
    job = a_job(rides, tmp_path / "run", period_from="2024-05-02")
    assert of_first_records(job) is None


def test_an_example_is_as_long_as_its_names_and_numbers() -> None:
    """Of lists and images too, whose lengths the definition says; ids are of one byte."""
    dataset = replace(
        trips,
        columns={
            **trips.columns, "note": String(), "tags": String(), "photo_bytes": Bytes(image=True),
            "curve": Numbers(),
        },
        features=[
            *trips.features, Text("note", max_tokens=7, weigh="tf_idf", indicator=True),
            MultiHot("tags", max_values=3), Image("photo_bytes", height=2, width=3),
            NumberList("curve_list", of="curve", length=5),
        ],
    )  # fmt: skip
    floats = {
        "distance_value": 1, "fare_value": 1, "minutes_mean_2h_by_zone_value": 1,
        "minutes_count_2h_by_zone_value": 1, "tip_mean_1d_by_driver_value": 1, "tip": 1,
        "note_terms_is_missing": 1, "note_terms_weight": 7, "photo_bytes_image": 18,
        "curve_list": 5,
    }  # fmt: skip
    ids = {"zone_id": 1, "hour": 1, "note_terms": 7, "tags_values": 3}
    expected = tf.train.Example()
    for name, width in floats.items():
        expected.features.feature[name].float_list.value.extend([0.0] * width)
    for name, width in ids.items():
        expected.features.feature[name].int64_list.value.extend([0] * width)
    assert example_bytes(dataset) == len(expected.SerializeToString()) + 16
