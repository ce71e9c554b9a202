"""The way courses teach it: Beam with dicts, sliding windows, tf.Transform on dicts.

    python benchmarks/peers/course.py DIR OUT

Rows are parsed one by one. Delays are averaged by key in windows of 60 minutes that slide by 5, and
each flight is joined with the last window that ended before it left. Only the two means of 1 hour
are made this way, as in the courses: an event lies in 12 such windows, but would lie in 36 of 3
hours and in 288 of a day. So it does less than its peers.
"""

import csv
import datetime as dt
import math
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.transforms.window import GlobalWindows, SlidingWindows, TimestampedValue
from contract import CATEGORIES, MIN_COUNT, QUANTILES, SPLITS, Phases, csv_files, splits_of
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

WINDOW_S, PERIOD_S = 3600, 300
DEPARTURES, ARRIVALS = "dep_delay_mean_1h_by_origin", "arr_delay_mean_1h_by_dest"
FLOATS = ("distance", "dep_delay", "arr_delay", DEPARTURES, ARRIVALS)
INTS = ("flight", "flight_date", "sched_ts")
MISSING = "NA"
SPEC = {
    **{name: tf.io.FixedLenFeature([], tf.float32) for name in FLOATS},
    **{name: tf.io.FixedLenFeature([], tf.int64) for name in INTS},
    **{name: tf.io.FixedLenFeature([], tf.string) for name in CATEGORIES},
}

Row = dict[str, Any]


def main() -> None:
    folder, out = sys.argv[1:]
    phases = Phases()
    with phases.timed("run"):
        options = beam.options.pipeline_options.PipelineOptions(runner="FnApiRunner")
        with beam.Pipeline(options=options) as pipeline, tft_beam.Context(f"{out}/temporary"):
            build(pipeline, folder, out)
    phases.write(out)


def build(pipeline: beam.Pipeline, folder: str, out: str) -> None:
    """Builds the whole pipeline."""
    with open(csv_files(folder)[0], encoding="utf-8") as file:
        header = file.readline().strip().split(",")
    flights = (
        pipeline
        | "Read" >> beam.io.ReadFromText(f"{folder}/flights*.csv", skip_header_lines=1)
        | "Parse" >> beam.FlatMap(parse, header)
    )
    rows = flights
    for name, key, time, value in (
        (DEPARTURES, "origin", "left_s", "dep_delay"),
        (ARRIVALS, "dest", "landed_s", "arr_delay"),
    ):
        rows = join(name, key, rows, window_means(name, key, time, value, flights))
    labelled = rows | "Labelled" >> beam.Filter(lambda row: not math.isnan(row["arr_delay"]))
    parts = labelled | "Split" >> beam.Partition(split_number, len(SPLITS))
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(SPEC))
    kept = [part | f"Keep_{i}" >> beam.Map(only_features) for i, part in enumerate(parts)]
    (train, transformed), transform_fn = (
        kept[0],
        metadata,
    ) | tft_beam.AnalyzeAndTransformDataset(preprocessing_fn)
    write(train, transformed, "train", out)
    for split, part in zip(SPLITS[1:], kept[1:], strict=True):
        result, meta = ((part, metadata), transform_fn) | (
            f"Transform_{split}" >> tft_beam.TransformDataset()
        )
        write(result, meta, split, out)


def parse(line: str, header: list[str]) -> Iterator[Row]:
    """Reads a line as a dict; flights that never left are left out."""
    cells = dict(zip(header, next(csv.reader([line])), strict=True))
    if cells["dep_delay"] == MISSING:
        return
    day = dt.date(int(cells["year"]), int(cells["month"]), int(cells["day"]))
    scheduled_s = dt.datetime.fromisoformat(cells["time_hour"]).timestamp()
    scheduled_s += 60 * int(cells["minute"])
    left_s = scheduled_s + 60 * float(cells["dep_delay"])
    yield {
        **{name: cells[name] for name in CATEGORIES},
        "distance": number(cells["distance"]),
        "dep_delay": number(cells["dep_delay"]),
        "arr_delay": number(cells["arr_delay"]),
        "flight": int(cells["flight"]),
        "flight_date": day.toordinal() - dt.date(1970, 1, 1).toordinal(),
        "sched_ts": int(scheduled_s) * 1_000_000,
        "left_s": left_s,
        "landed_s": left_s + 60 * number(cells["air_time"]),
    }


def number(text: str) -> float:
    """Reads a number; NaN stands for missing."""
    return math.nan if text == MISSING else float(text)


def window_means(
    name: str, key: str, time: str, value: str, flights: beam.PCollection
) -> beam.PCollection:
    """Averages by key in sliding windows: ((key, end of the window in seconds), mean)."""
    return (
        flights
        | f"Known_{name}" >> beam.Filter(lambda row: not math.isnan(row[value] + row[time]))
        | f"At_{name}" >> beam.Map(lambda row: TimestampedValue((row[key], row[value]), row[time]))
        | f"Slide_{name}" >> beam.WindowInto(SlidingWindows(WINDOW_S, PERIOD_S))
        | f"Mean_{name}" >> beam.combiners.Mean.PerKey()
        | f"End_{name}" >> beam.ParDo(AddEnd())
        | f"Global_{name}" >> beam.WindowInto(GlobalWindows())
    )


class AddEnd(beam.DoFn):
    """Puts the end of its window beside a key."""

    def process(
        self, element: tuple[str, float], window: Any = beam.DoFn.WindowParam
    ) -> Iterator[tuple[tuple[str, int], float]]:
        key, mean = element
        yield (key, int(window.end)), mean


def join(name: str, key: str, rows: beam.PCollection, means: beam.PCollection) -> beam.PCollection:
    """Gives each row the mean of the last window that ended when or before it left."""

    def ask(row: Row) -> tuple[tuple[str, int], Row]:
        return (row[key], int(row["left_s"] // PERIOD_S) * PERIOD_S), row

    def answer(element: tuple[Any, dict[str, Iterable[Any]]]) -> Iterator[Row]:
        mean = next(iter(element[1]["means"]), math.nan)
        for row in element[1]["rows"]:
            yield {**row, name: mean}

    asked = rows | f"Ask_{name}" >> beam.Map(ask)
    grouped = {"rows": asked, "means": means} | f"Join_{name}" >> beam.CoGroupByKey()
    return grouped | f"Answer_{name}" >> beam.FlatMap(answer)


def split_number(row: Row, _: int) -> int:
    """Returns the position in `SPLITS` of a row."""
    day = dt.date.fromordinal(row["flight_date"] + dt.date(1970, 1, 1).toordinal())
    number: int = splits_of([day])[day]
    return number


def only_features(row: Row) -> Row:
    """Leaves out what only the windows needed."""
    return {name: row[name] for name in SPEC}


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Scales, numbers and cuts; the windowed means are kept in minutes too."""
    outputs = {name: inputs[name] for name in ("arr_delay", "carrier", *INTS)}
    for name in ("distance", "dep_delay", DEPARTURES, ARRIVALS):
        missing = tf.math.is_nan(inputs[name])
        scaled = tft.scale_to_z_score(inputs[name])
        outputs[f"{name}_z_score"] = tf.where(missing, tf.zeros_like(scaled), scaled)
        if name in (DEPARTURES, ARRIVALS):
            outputs[name] = inputs[name]
            outputs[f"{name}_z_score_is_missing"] = tf.cast(missing, tf.float32)
    for name in CATEGORIES:
        outputs[f"{name}_id"] = category(inputs[name], name)
    outputs["dep_delay_bucket"] = tft.bucketize(inputs["dep_delay"], QUANTILES)
    hours = inputs["sched_ts"] // 3_600_000_000
    outputs["sched_ts_hour_of_day"] = hours % 24
    outputs["sched_ts_day_of_week"] = (hours // 24 + 3) % 7
    return outputs


def category(tokens: tf.Tensor, name: str) -> tf.Tensor:
    """Ids by frequency; then one for values outside the vocabulary, then one for missing."""
    missing = tf.equal(tokens, MISSING)
    known = tf.boolean_mask(tokens, tf.logical_not(missing))
    threshold = MIN_COUNT[name] if MIN_COUNT[name] > 1 else None
    vocabulary = tft.vocabulary(known, frequency_threshold=threshold, vocab_filename=name)
    ids = tft.apply_vocabulary(tokens, vocabulary, num_oov_buckets=1)
    size = tf.cast(tft.experimental.get_vocabulary_size_by_name(name), tf.int64)
    return tf.where(missing, size + 1, ids)


def write(rows: beam.PCollection, metadata: Any, split: str, out: str) -> None:
    """Encodes rows one by one and writes them."""
    coder = tft.coders.ExampleProtoCoder(metadata.schema)
    (
        rows
        | f"Encode_{split}" >> beam.Map(coder.encode)
        | f"Write_{split}"
        >> beam.io.WriteToTFRecord(f"{out}/examples/{split}/part", file_name_suffix=".tfrecord")
    )


if __name__ == "__main__":
    main()
