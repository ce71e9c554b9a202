"""Run folders of made-up trips, small but real: tf.Transform analyses them, TFRecords hold them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from analyzed import fed
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import metadata_io
from tfx_bsl.coders import example_coder
from tfx_bsl.public import tfxio as public_tfxio
from tfx_bsl.tfxio import tensor_representation_util

from forebay.storage.run.checksums import file_entry
from forebay.storage.run.layout import (
    DEFINITION_NAME,
    MANIFEST_NAME,
    METADATA_FOLDER,
    OCCUPANCY_NAME,
)
from forebay.storage.run.manifest import Manifest
from forebay.storage.run.occupancy import occupancies, to_json
from forebay.trainer.task import main
from forebay.transforms.definition import serialize
from forebay.transforms.definition.columns import (
    MISSING,
    Boolean,
    Date,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.derived_numbers import Difference
from forebay.transforms.definition.features import (
    Bucketized,
    Calendar,
    Categorical,
    Crossed,
    Frequency,
    Frequent,
    Informative,
    Listed,
    Numeric,
)
from forebay.transforms.definition.labels import BinaryClassification, Classification, Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.operators import Op
from forebay.transforms.definition.windows.windowed import Windowed
from forebay.transforms.graph.inputs import feature_spec
from forebay.transforms.graph.preprocessing import preprocessing_fn

ROWS = 6_000
BATCH = 1_000
SPLIT_ROWS = {"train": (0, 4_000), "eval": (4_000, 5_000), "test": (5_000, 6_000)}

Columns = dict[str, np.ndarray[Any, Any]]

COLUMNS = {
    "trip_id": String(required=True),
    "left_at": Timestamp(required=True),
    "day": Date(),
    "line": String(),
    "wagons": Integer(),
    "express": Boolean(),
    "distance": Number(range=(0.0, None)),
    "guess": Number(),
    "start_s": Number(),
    "stop_s": Number(),
    "delay": Number(),
    "late": Boolean(),
}
FEATURES = (
    Numeric("distance", scale="z_score", log1p=True, indicator=True),
    Numeric("guess", scale="0_1"),
    Numeric(Difference("stop_s", "start_s"), scale="z_score", indicator=True, name="seconds"),
    Numeric("delay_mean_1h_by_line", scale="z_score", impute=0.0),
    Numeric("wagons"),
    Categorical("line", Frequent(top_k=5, oov_buckets=2), embed=3),
    Categorical(
        "line", Listed(("red", "blue")), impute="most_frequent", embed="one_hot", name="listed"
    ),
    Frequency("line"),
    Categorical("express"),
    Bucketized("distance", quantiles=5),
    Calendar("left_at", "hour_of_day", tz="America/New_York"),
    Calendar("day", "day_of_week"),
    Crossed("line_hour", ("line_id", "left_at_hour_of_day"), buckets=300),
    Crossed("line_bucket", ("line_id", "distance_bucket"), buckets=20, embed=2),
)


def make_dataset(task: str) -> Dataset:
    label = (
        Regression("delay", baselines=("guess",))
        if task == "regression"
        else BinaryClassification("late", baselines=("guess",))
    )
    cuts = (10.0, 30.0) if task == "regression" else ()
    told = Categorical("line", Informative(3, label_boundaries=cuts), name="told")
    return Dataset(
        name=f"trips-{task}",
        columns=COLUMNS,
        features=(*FEATURES, told),
        label=label,
        split=HashSplit(on="trip_id"),
        row_time="left_at",
        windows=(Windowed("delay", key="line", at="left_at", over="1h", ops=(Op("mean"),)),),
        passthrough=("trip_id", "left_at"),
    )


# A row for a served model that knows nothing of a trip but when it was.
EMPTY_LINE = json.dumps(
    dict.fromkeys([*COLUMNS.keys() - {"delay", "late"}, "delay_mean_1h_by_line"])
    | {"trip_id": "none", "left_at": "2026-01-31T08:30:00Z"}
)


def make_rows(n: int = ROWS, seed: int = 7) -> Columns:
    """Makes rows as the transform graph sees them, some values missing."""
    rng = np.random.default_rng(seed)
    lines = np.array([b"red", b"green", b"blue", b"\xc3\xa9toile", b"grey", b"pink", b"teal"])
    line = rng.choice(len(lines), n, p=[0.3, 0.25, 0.2, 0.1, 0.08, 0.05, 0.02])
    left_at = 1_600_000_000_000_000 + rng.integers(0, 86_400_000_000 * 60, n)
    distance = rng.gamma(2.0, 40.0, n)
    windowed = rng.normal(10, 5, n)
    hour = left_at // 3_600_000_000 % 24
    delay = (
        0.6 * windowed + 6 * np.log1p(distance) + 4 * np.sin(line * 2.0) + 3 * np.sin(hour)
        + rng.normal(0, 2, n)
    )  # fmt: skip
    columns: Columns = {
        "trip_id": np.array([b"trip-%d" % i for i in range(n)], object),
        "left_at": left_at.astype(np.int64),
        "day": (left_at // 86_400_000_000).astype(np.int64),
        "line": lines[line].astype(object),
        "wagons": rng.integers(1, 12, n),
        "express": rng.integers(0, 2, n),
        "distance": distance.astype(np.float32),
        "guess": (delay + rng.normal(0, 8, n)).astype(np.float32),
        "delay_mean_1h_by_line": windowed.astype(np.float32),
        # Seconds since 1970, which float32 counts by the 128: float64 for their difference.
        "start_s": left_at / 1e6,
        "stop_s": np.where(distance < 5, np.nan, left_at / 1e6 + np.round(distance)),
        "delay": delay.astype(np.float32),
        "late": (delay + rng.normal(0, 3, n) > np.median(delay)).astype(np.int64),
    }
    for name in ("day", "line", "wagons", "express", "distance", "guess", "delay_mean_1h_by_line"):
        hole = rng.random(n) < 0.05
        if columns[name].dtype == object:
            columns[name][hole] = b"\xff"
        else:
            dtype = "float32" if columns[name].dtype == np.float32 else "int64"
            columns[name] = np.where(hole, MISSING[dtype], columns[name]).astype(dtype)
    return columns


def to_batch(rows: Columns, spec: dict[str, Any], start: int, stop: int) -> pa.RecordBatch:
    types = {tf.float32: pa.float32(), tf.int64: pa.int64(), tf.string: pa.large_binary()}
    arrays = [
        pa.LargeListArray.from_arrays(
            pa.array(np.arange(stop - start + 1)),
            pa.array(rows[name][start:stop], types[spec[name].dtype]),
        )
        for name in spec
    ]
    return pa.RecordBatch.from_arrays(arrays, list(spec))


def transform(dataset: Dataset, rows: Columns, run: Path, scratch: Path) -> list[pa.RecordBatch]:
    """Analyses the train rows, writes the graph, returns all rows transformed in batches."""
    spec, rows = feature_spec(dataset), fed(dataset, rows)
    metadata = tft.DatasetMetadata.from_feature_spec(spec)
    total = len(rows["trip_id"])
    batches = [to_batch(rows, spec, i, i + BATCH) for i in range(0, total, BATCH)]
    representations = tensor_representation_util.InferTensorRepresentationsFromMixedSchema(
        metadata.schema
    )
    config = public_tfxio.TensorAdapterConfig(batches[0].schema, representations)
    train_batches = SPLIT_ROWS["train"][1] // BATCH
    with (
        beam.Pipeline(runner="FnApiRunner") as pipeline,
        tft_beam.Context(temp_dir=str(scratch / "tmp")),
    ):
        train = pipeline | "Train" >> beam.Create(batches[:train_batches], reshuffle=False)
        transform_fn = (train, config) | tft_beam.AnalyzeDataset(preprocessing_fn(dataset))
        _ = transform_fn | tft_beam.WriteTransformFn(str(run))
        for i, batch in enumerate(batches):
            rows_i = pipeline | f"Batch{i}" >> beam.Create([batch], reshuffle=False)
            data, _ = (
                (rows_i, config),
                transform_fn,
            ) | f"Transform{i}" >> tft_beam.TransformDataset(output_record_batches=True)
            _ = (
                data
                | f"Keys{i}" >> beam.Keys()
                | f"Write{i}" >> beam.Map(_write_batch, str(scratch / f"batch-{i}.arrow"))
            )
    return [
        pa.ipc.open_file(str(scratch / f"batch-{i}.arrow")).get_batch(0)
        for i in range(len(batches))
    ]


def _write_batch(batch: pa.RecordBatch, path: str) -> None:
    with pa.ipc.new_file(path, batch.schema) as writer:
        writer.write_batch(batch)


def write_examples(run: Path, batches: list[pa.RecordBatch]) -> dict[str, int]:
    schema = tft.TFTransformOutput(str(run)).transformed_metadata.schema
    encoder = example_coder.RecordBatchToExamplesEncoder(schema)
    counts = {}
    for split, (start, stop) in SPLIT_ROWS.items():
        folder = run / "examples" / split
        folder.mkdir(parents=True)
        gzip = split != "eval"
        options = tf.io.TFRecordOptions(compression_type="GZIP" if gzip else "")
        for i in range(start // BATCH, stop // BATCH):
            name = f"part-{i:05d}.tfrecord" + (".gz" if gzip else "")
            with tf.io.TFRecordWriter(str(folder / name), options) as writer:
                for example in encoder.encode(batches[i]):
                    writer.write(example)
        counts[split] = stop - start
    return counts


def write_occupancy(run: Path, dataset: Dataset, batches: list[pa.RecordBatch]) -> None:
    """Counts the train rows of each id, one by one."""
    schema = tft.TFTransformOutput(str(run)).transformed_metadata.schema
    domains = {f.name: (f.int_domain.min, f.int_domain.max) for f in schema.feature}
    train = pa.Table.from_batches(batches[: SPLIT_ROWS["train"][1] // BATCH])
    counted = {}
    for name in (feature.name for feature in schema.feature if feature.HasField("int_domain")):
        ids, rows = np.unique(train[name].combine_chunks().flatten(), return_counts=True)
        pairs = [(int(i), int(n)) for i, n in zip(ids, rows, strict=True)]
        most = sorted(pairs, key=lambda pair: -pair[1])[:64]
        counted[name] = {
            "distinct": len(ids), "rows": int(rows.sum()), "largest": int(rows.max()),
            "last": pairs[-64:], "most": most,
        }  # fmt: skip
    found = occupancies(dataset, domains, {"features": counted})
    (run / OCCUPANCY_NAME).write_text(to_json(found), encoding="utf-8")


def write_manifest(run: Path, dataset: Dataset, rows: dict[str, int]) -> None:
    (run / DEFINITION_NAME).write_text(serialize.to_json(dataset), encoding="utf-8")
    metadata = tft.DatasetMetadata.from_feature_spec(feature_spec(dataset))
    metadata_io.write_metadata(metadata, str(run / METADATA_FOLDER))
    entries = {
        str(path.relative_to(run)): replace(
            file_entry(path.read_bytes()), rows=BATCH if path.match("examples/*/*") else None
        )
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name != MANIFEST_NAME
    }
    manifest = Manifest(
        dataset=dataset.name,
        definition_digest=serialize.digest(dataset),
        created="2026-01-01T00:00:00Z",
        versions={},
        inputs=(),
        rows_read=sum(rows.values()),
        sources={},
        rows=rows,
        rejects={},
        dropped={},
        history=0,
        reach_us=0,
        period=None,
        transform_of=None,
        warnings=(),
        seconds={},
        files=entries,
    )
    (run / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")


def make_run(folder: Path, task: str, rows: Columns) -> Path:
    run = folder / "run"
    run.mkdir(parents=True)
    dataset = make_dataset(task)
    batches = transform(dataset, rows, run, folder)
    counts = write_examples(run, batches)
    write_occupancy(run, dataset, batches)
    write_manifest(run, dataset, counts)
    return run


def weigh(run: Path, dataset: Dataset) -> None:
    """Gives the rows of a run the weights 0, 1 and 2 in turn; a label of weight 0 is nonsense."""
    label = dataset.label.column
    for path in (run / "examples").rglob("part-*"):
        compression = "GZIP" if path.suffix == ".gz" else ""
        records = list(tf.data.TFRecordDataset(str(path), compression).as_numpy_iterator())
        with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression)) as writer:
            for i, record in enumerate(records):
                example = tf.train.Example.FromString(record)
                features = example.features.feature
                features["worth"].float_list.value.append(i % 3)
                if i % 3 == 0:
                    features[label].float_list.value[:] = [-1_000.0]
                writer.write(example.SerializeToString())
    path = run / "transformed_metadata" / "schema.pbtxt"
    schema = text_format.Parse(path.read_text(), schema_pb2.Schema())
    worth = schema.feature.add()
    worth.CopyFrom(next(column for column in schema.feature if column.name == label))
    worth.name = "worth"
    path.write_text(text_format.MessageToString(schema))
    columns = {**dataset.columns, "worth": Number(required=True)}
    counts = {split: stop - start for split, (start, stop) in SPLIT_ROWS.items()}
    write_manifest(run, replace(dataset, columns=columns, weight="worth"), counts)


GRADES = ("early", "usual", "late")


def grade_of(delay: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The place in GRADES of delays."""
    return np.digitize(delay, [20.0, 35.0])


def tell_in_words(run: Path) -> None:
    """Makes the label of a regression's run one of three words."""
    schema_path = run / "transformed_metadata/schema.pbtxt"
    schema = text_format.Parse(schema_path.read_text(), schema_pb2.Schema())
    (label,) = (feature for feature in schema.feature if feature.name == "delay")
    label.name, label.type = "grade", schema_pb2.BYTES
    schema_path.write_text(text_format.MessageToString(schema))
    for path in (run / "examples").glob("*/*"):
        compression = "GZIP" if path.suffix == ".gz" else ""
        records = list(tf.data.TFRecordDataset(str(path), compression).as_numpy_iterator())
        with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression)) as writer:
            for record in records:
                example = tf.train.Example.FromString(record)
                delay = example.features.feature.pop("delay").float_list.value[0]
                word = GRADES[int(grade_of(np.float32(delay)))]
                example.features.feature["grade"].bytes_list.value.append(word.encode())
                writer.write(example.SerializeToString())
    dataset = replace(
        make_dataset("regression"), name="trips-multiclass",
        columns={**COLUMNS, "grade": String()}, label=Classification("grade", GRADES),
        passthrough=("trip_id", "left_at", "guess"),
        features=(*FEATURES, Categorical("line", Informative(3), name="told")),
    )  # fmt: skip
    write_manifest(run, dataset, {split: b - a for split, (a, b) in SPLIT_ROWS.items()})


# The options of a trained run.
TRAINED = ["--max-steps", "600", "--eval-every", "200", "--batch-size", "128"]


def train_copy(run: Path, folder: Path) -> Path:
    """Trains and exports in a copy of a run, under a name that is a pattern to some libraries."""
    copy = copy_run(run, folder).rename(folder / r"run [1]{a,b}*?\x")
    assert main(["train", str(copy), *TRAINED]) == 0
    return copy


def copy_run(run: Path, folder: Path) -> Path:
    copy = folder / "run"
    shutil.copytree(run, copy)
    return copy
