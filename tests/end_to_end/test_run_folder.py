"""A run folder of readings, every value of it against a computation of its own."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import google_crc32c
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from readings_oracle import WINDOWS, Written, expected_rows, write_records
from same_runs import content

from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.preprocess import preprocess
from forebay.storage.names import matches
from forebay.storage.run.layout import MANIFEST_NAME, OUTPUTS, PARQUET_FOLDER, RUN_FILES
from forebay.storage.run.manifest import Manifest
from forebay.storage.run.run_folder import open_run

DEFINITION = str(Path(__file__).with_name("readings.py"))
SPLITS = ("train", "eval", "test")
MISSING_INT, MISSING_TEXT = -(2**63), b"\xff"
IDS = ("site_id", "sensor_id", "pulses_bucket", "level_bucket", "taken_hour_of_day", "ok_id")
FEATURES = ("level_z_score", "level_z_score_is_missing", "recent", *IDS, "site_ok")

Row = dict[str, Any]
Rows = dict[str, list[Row]]


def read_rows(run: Path, split: str) -> list[Row]:
    """Reads the examples that the manifest lists, in order of file and place."""
    rows = []
    for path in read_manifest(run).examples(split):
        compression = "GZIP" if path.endswith(".gz") else ""
        for record in tf.data.TFRecordDataset(str(run / path), compression).as_numpy_iterator():
            example = tf.train.Example.FromString(record)
            rows.append({k: _value(v) for k, v in example.features.feature.items()})
    return rows


def _value(feature: tf.train.Feature) -> Any:
    kind = feature.WhichOneof("kind")
    (value,) = getattr(feature, kind).value
    return value


def read_manifest(run: Path) -> Manifest:
    text = (run / MANIFEST_NAME).read_text("utf-8")
    return Manifest.from_json(text, str(run))


def by_id(rows: Iterable[Row]) -> dict[str, Row]:
    found = {}
    for row in rows:
        name = row["reading_id"]
        name = name.decode() if isinstance(name, bytes) else name
        assert name not in found
        found[name] = row
    return found


@pytest.fixture(scope="module")
def expected(readings_file: Written) -> tuple[Rows, dict[str, int]]:
    return expected_rows(readings_file.records)


@pytest.fixture(scope="module")
def rows(readings_run: Path) -> Rows:
    return {split: read_rows(readings_run, split) for split in SPLITS}


@pytest.fixture(scope="module")
def pairs(rows: Rows, expected: tuple[Rows, dict[str, int]]) -> list[tuple[Row, Row]]:
    """Every example beside the row that it must have come from."""
    return [
        (found[name], wanted)
        for split in SPLITS
        for found in [by_id(rows[split])]
        for name, wanted in by_id(expected[0][split]).items()
    ]


@pytest.fixture(scope="module")
def train(rows: Rows, expected: tuple[Rows, dict[str, int]]) -> list[tuple[Row, Row]]:
    found = by_id(rows["train"])
    return [(found[name], row) for name, row in by_id(expected[0]["train"]).items()]


# What the folder holds.


def test_the_manifest_lists_every_file_with_its_size_and_checksum(readings_run: Path) -> None:
    files = {
        path.relative_to(readings_run).as_posix(): (
            path.stat().st_size,
            f"{google_crc32c.value(path.read_bytes()):08x}",
        )
        for path in readings_run.rglob("*")
        if path.is_file() and path.name != MANIFEST_NAME
    }
    listed = read_manifest(readings_run).files

    assert {name: (entry.size, entry.crc32c) for name, entry in listed.items()} == files


def test_its_files_have_the_names_by_which_a_run_that_was_cut_off_is_known(
    readings_run: Path, sharded_run: Path
) -> None:
    names = [name for run in (readings_run, sharded_run) for name in read_manifest(run).files]

    strange = [name for name in names if not any(matches(name, known) for known in RUN_FILES)]
    assert strange == []


def test_json_prints_the_manifest(readings_run: Path) -> None:
    printed = readings_run.with_name("printed.json").read_text("utf-8")

    assert printed == (readings_run / MANIFEST_NAME).read_text("utf-8")


def test_nothing_is_left_beside_the_run(readings_run: Path) -> None:
    assert {path.name for path in readings_run.parent.iterdir()} == {"readings", "printed.json"}
    written = {*OUTPUTS, MANIFEST_NAME} - {PARQUET_FOLDER}  # which is written when asked for
    assert {path.name for path in readings_run.iterdir()} == written


def test_inputs_are_fingerprinted(readings_run: Path, readings_file: Written) -> None:
    (entry,) = read_manifest(readings_run).inputs
    data = readings_file.path.read_bytes()

    assert entry.path == str(readings_file.path)
    assert entry.size == len(data)
    assert entry.fingerprint == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_the_trainer_opens_it(readings_run: Path) -> None:
    run = open_run(str(readings_run))

    assert run.definition.name == run.manifest.dataset == "readings"
    assert run.rows("train") == run.manifest.rows["train"]


# Nothing disappears.


def test_every_record_is_a_row_or_dropped_or_rejected(
    readings_run: Path, readings_file: Written, expected: tuple[Rows, dict[str, int]]
) -> None:
    manifest = read_manifest(readings_run)
    splits, dropped = expected

    assert manifest.rows_read == len(readings_file.records)
    assert manifest.rows == {split: len(found) for split, found in splits.items()}
    assert manifest.dropped == dropped
    assert sum(manifest.rejects.values()) == len(readings_file.rejects)
    lost = sum(manifest.dropped.values()) + sum(manifest.rejects.values())
    assert sum(manifest.rows.values()) + lost == manifest.rows_read


def test_rejects_tell_place_reason_and_text(readings_run: Path, readings_file: Written) -> None:
    text = (readings_run / "rejects" / "part-00000.jsonl").read_text("utf-8")
    rejects = [json.loads(line) for line in text.splitlines()]

    assert len(rejects) == len(readings_file.rejects)
    for found, wanted in zip(rejects, readings_file.rejects, strict=True):
        reason = found.pop("reason")
        assert reason.startswith(wanted.pop("reason"))
        assert found == wanted
    data = readings_file.path.read_bytes()
    for found in rejects:
        raw = data[found["offset"] :][: len(found["raw"].encode())]
        assert raw == found["raw"].encode() or "\\xe9" in found["raw"]


# The values that travel untouched.


def test_splits_hold_the_rows_that_their_hash_says(
    rows: Rows, expected: tuple[Rows, dict[str, int]]
) -> None:
    for split in SPLITS:
        assert by_id(rows[split]).keys() == by_id(expected[0][split]).keys()
        assert len(rows[split]) > 20


def test_passthrough_columns_are_the_files_own(pairs: list[tuple[Row, Row]]) -> None:
    for found, wanted in pairs:
        for name in ("taken", "serial", "sensor", "pulses", "ok", "day", "batch"):
            assert found[name] == (MISSING_INT if wanted[name] is None else wanted[name]), name
        for name in ("reading_id", "site", "note"):
            assert found[name] == (MISSING_TEXT if wanted[name] is None else wanted[name].encode())
        for name in ("level", "rise"):
            number = math.nan if wanted[name] is None else wanted[name]
            np.testing.assert_equal(np.float32(found[name]), np.float32(number))


def test_windowed_values_are_the_naive_ones(
    readings_run: Path, pairs: list[tuple[Row, Row]]
) -> None:
    names = [name for outputs, *_ in WINDOWS for name in outputs]
    known = Counter()
    for found, wanted in pairs:
        for name in names:
            number = wanted[name]
            known[name] += number is not None
            if number is None:
                assert math.isnan(found[name]), (name, found["reading_id"])
            elif any(op in name for op in ("sum", "mean", "std")):
                assert found[name] == pytest.approx(float(number), rel=2e-7, abs=1e-7), name
            else:
                assert np.float32(found[name]) == np.float32(float(number)), name
    assert set(names) == set(open_run(str(readings_run)).definition.windowed_columns)
    assert min(known.values()) > 50
    assert known["level_std_1h_by_site"] < known["level_mean_1h_by_site"] < len(pairs)


# Features, from training rows only.


def test_z_scores_use_mean_and_deviation_of_train(
    pairs: list[tuple[Row, Row]], train: list[tuple[Row, Row]]
) -> None:
    levels = [row["level"] for _, row in train if _is_number(row["level"])]
    mean, deviation = statistics.fmean(levels), statistics.pstdev(levels)

    for found, wanted in pairs:
        is_number = _is_number(wanted["level"])
        score = (wanted["level"] - mean) / deviation if is_number else 0.0
        assert found["level_z_score"] == pytest.approx(score, abs=2e-6)
        assert found["level_z_score_is_missing"] == (not is_number)


def test_logarithm_imputation_and_scale_from_0_to_1(
    pairs: list[tuple[Row, Row]], train: list[tuple[Row, Row]]
) -> None:
    def shaped(x: float) -> float:
        return math.copysign(math.log1p(abs(x)), x)

    means = [row["level_mean_1h_by_site"] for _, row in train]
    known = [shaped(float(mean)) for mean in means if mean is not None]
    least, span = min(known), max(known) - min(known)

    for found, wanted in pairs:
        mean = wanted["level_mean_1h_by_site"]
        value = shaped(0.5 if mean is None else float(mean))
        assert found["recent"] == pytest.approx((value - least) / span, abs=2e-6)


def test_vocabularies_are_ordered_by_frequency_on_train(
    readings_run: Path, train: list[tuple[Row, Row]]
) -> None:
    output = tft.TFTransformOutput(str(readings_run))
    for name, column, most in (("site_id", "site", None), ("sensor_id", "sensor", 3)):
        counts = Counter(str(row[column]) for _, row in train if row[column] is not None)
        vocabulary = [text.decode() for text in output.vocabulary_by_name(name)]
        frequencies = [counts[text] for text in vocabulary]

        assert frequencies == sorted(counts.values(), reverse=True)[:most]
        assert len(set(vocabulary)) == len(vocabulary)


def test_ids_of_known_unknown_and_missing_values(
    readings_run: Path, pairs: list[tuple[Row, Row]]
) -> None:
    output = tft.TFTransformOutput(str(readings_run))
    unknown, missing = 0, 0
    for name, column, buckets in (("site_id", "site", 2), ("sensor_id", "sensor", 1)):
        vocabulary = [text.decode() for text in output.vocabulary_by_name(name)]
        size = len(vocabulary)
        for found, wanted in pairs:
            value = wanted[column]
            if value is None:
                assert found[name] == size + buckets
                missing += 1
            elif str(value) in vocabulary:
                assert found[name] == vocabulary.index(str(value))
            else:
                assert size <= found[name] < size + buckets
                unknown += 1
    assert unknown
    assert missing


def test_buckets(pairs: list[tuple[Row, Row]], train: list[tuple[Row, Row]]) -> None:
    boundaries = [0, 10, 20]
    for found, wanted in pairs:
        pulses = wanted["pulses"]
        inside = 4 if pulses is None else sum(pulses >= boundary for boundary in boundaries)
        assert found["pulses_bucket"] == inside
        if not _is_number(wanted["level"]):
            assert found["level_bucket"] == 4

    ranked = sorted(
        (row["level"], found["level_bucket"]) for found, row in train if _is_number(row["level"])
    )
    buckets = [bucket for _, bucket in ranked]
    assert buckets == sorted(buckets)
    for count in Counter(buckets).values():
        assert count / len(ranked) == pytest.approx(0.25, abs=0.02)


def test_hours_are_those_of_the_clock_in_paris(pairs: list[tuple[Row, Row]]) -> None:
    paris = ZoneInfo("Europe/Paris")
    for found, wanted in pairs:
        clock = dt.datetime.fromtimestamp(wanted["taken"] // 1_000_000, paris)
        assert found["taken_hour_of_day"] == clock.hour


def test_a_small_cross_numbers_its_cells_exactly(pairs: list[tuple[Row, Row]]) -> None:
    ok_size = 2 + 1 + 1
    for found, _ in pairs:
        assert found["site_ok"] == found["site_id"] * ok_size + found["ok_id"]


def test_labels_of_the_schema_bound_every_id(readings_run: Path, rows: Rows) -> None:
    schema = tft.TFTransformOutput(str(readings_run)).transformed_metadata.schema
    domains = {feature.name: feature.int_domain for feature in schema.feature}

    for name in (*IDS, "site_ok"):
        largest = max(row[name] for split in SPLITS for row in rows[split])
        assert domains[name].min == 0
        assert largest <= domains[name].max
    assert [domains[name].max + 1 for name in IDS] == [7, 5, 5, 5, 25, 4]


# TFTransformOutput.


def test_the_transform_graph_loads_and_gives_what_the_examples_hold(
    readings_run: Path, expected: tuple[Rows, dict[str, int]], rows: Rows
) -> None:
    output = tft.TFTransformOutput(str(readings_run))
    markers = {tf.float32: math.nan, tf.int64: MISSING_INT, tf.string: MISSING_TEXT}
    wanted = expected[0]["eval"]
    raw = {
        name: tf.constant(
            [markers[spec.dtype] if row[name] is None else _plain(row[name]) for row in wanted],
            spec.dtype,
        )
        for name, spec in output.raw_feature_spec().items()
    }

    transformed = {k: v.numpy() for k, v in output.transform_raw_features(raw).items()}

    found = by_id(rows["eval"])
    for i, row in enumerate(wanted):
        for name in FEATURES:
            value = found[row["reading_id"]][name]
            if isinstance(value, float):
                assert value == pytest.approx(transformed[name][i], abs=1e-6), name
            else:
                assert value == transformed[name][i], name


def test_examples_parse_by_the_transformed_specification(readings_run: Path, rows: Rows) -> None:
    spec = tft.TFTransformOutput(str(readings_run)).transformed_feature_spec()
    names = [str(readings_run / name) for name in read_manifest(readings_run).examples("test")]
    parsed = list(
        tf.data.TFRecordDataset(names)
        .map(lambda record: tf.io.parse_single_example(record, spec))
        .as_numpy_iterator()
    )

    assert spec.keys() == rows["test"][0].keys()
    assert len(parsed) == len(rows["test"])
    for found, row in zip(parsed, rows["test"], strict=True):
        for name, value in row.items():
            np.testing.assert_equal(found[name], value)


def test_rows_of_a_shard_are_in_no_order_of_the_input(rows: Rows) -> None:
    serials = np.array([row["serial"] for row in rows["train"]])
    order = np.argsort(np.argsort(serials))
    correlation = np.corrcoef(order, np.arange(len(order)))[0, 1]

    assert abs(correlation) < 0.2
    assert np.mean(np.diff(order) == 1) < 0.05


# The same rows however they come and wherever they are computed.


@pytest.fixture(scope="module")
def several_files(readings_file: Written, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The readings in three files, one of them compressed, one of other line ends and columns."""
    folder = tmp_path_factory.mktemp("several")
    records = readings_file.records
    write_records(folder / "part-1.csv.gz", records[:150], line_end=b"\r\n", bom=True)
    write_records(folder / "part-2.csv", records[150:300])
    write_records(folder / "other.csv", records[300:], line_end=b"\r")
    return folder


def run_again(folder: Path, inputs: Sequence[Path], **options: Any) -> Path:
    run = folder / "run"
    preprocess(
        PreprocessOptions(
            DEFINITION, tuple(map(str, inputs)), str(run), max_reject_fraction=0.1, **options
        )
    )
    return run


def assert_same_rows(run: Path, rows: Rows) -> None:
    for split in SPLITS:
        found, wanted = by_id(read_rows(run, split)), by_id(rows[split])
        assert found.keys() == wanted.keys()
        for name, row in found.items():
            for column, value in row.items():
                if column in ("level_z_score", "recent"):  # moments of sums in another order
                    assert value == pytest.approx(wanted[name][column], abs=1e-6)
                else:
                    np.testing.assert_equal(value, wanted[name][column], f"{name} {column}")


@pytest.fixture(scope="module")
def sharded_run(several_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    inputs = [several_files / "part-*", several_files / "part-2.csv", several_files / "other.csv"]
    return run_again(tmp_path_factory.mktemp("sharded"), inputs, shards=3, gzip=True)


def test_several_compressed_files_in_shards_give_the_same_rows(
    sharded_run: Path, rows: Rows
) -> None:
    assert_same_rows(sharded_run, rows)


def test_rejects_of_several_files_tell_their_own_places(
    sharded_run: Path, several_files: Path, readings_file: Written
) -> None:
    found = {}
    for path in sorted((sharded_run / "rejects").iterdir()):
        for line in path.read_text("utf-8").splitlines():
            reject = json.loads(line)
            data = (several_files / Path(reject["source"]).name).read_bytes()
            text = gzip.decompress(data) if reject["source"].endswith(".gz") else data
            raw = reject["raw"].encode().replace(b"\\xe9", b"\xe9")
            assert text[reject["offset"] :].startswith(raw)
            before = text[: reject["offset"]].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            assert reject["line"] == before.count(b"\n") + 1
            found[reject["raw"]] = reject["source"]
    assert found.keys() == {reject["raw"] for reject in readings_file.rejects}
    assert len(set(found.values())) == 3


def test_shards_are_fair_and_as_many_as_asked_for(sharded_run: Path) -> None:
    manifest = read_manifest(sharded_run)
    names = manifest.examples("train")
    sizes = [
        sum(1 for _ in tf.data.TFRecordDataset(str(sharded_run / name), "GZIP")) for name in names
    ]

    assert names == [f"examples/train/part-{i:05d}.tfrecord.gz" for i in range(3)]
    assert sum(sizes) == manifest.rows["train"]
    assert min(sizes) > 0.7 * max(sizes)


def test_each_input_file_is_read_once_and_listed(sharded_run: Path, several_files: Path) -> None:
    entries = read_manifest(sharded_run).inputs

    assert [Path(entry.path).name for entry in entries] == [
        "part-1.csv.gz", "part-2.csv", "other.csv",
    ]  # fmt: skip
    for entry in entries:
        data = (several_files / Path(entry.path).name).read_bytes()
        assert entry.fingerprint == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_another_runner_gives_the_same_examples(
    tmp_path: Path, readings_file: Written, rows: Rows, readings_run: Path
) -> None:
    run = run_again(tmp_path, [readings_file.path], beam=("--runner=DirectRunner",))

    assert_same_rows(run, rows)
    for split in SPLITS:  # in the same files, in the same order
        ids = [row["reading_id"] for row in read_rows(run, split)]
        assert ids == [row["reading_id"] for row in rows[split]]
    names = read_manifest(run).files.keys()
    assert names == read_manifest(readings_run).files.keys()


def test_work_that_is_done_again_is_counted_once(
    tmp_path: Path, readings_file: Written, readings_run: Path
) -> None:
    """As an engine does whose worker was lost: what came of the first time is thrown away.

    Files that the first time wrote are there the second time.
    """
    beam = ("--runner=FnApiRunner", "--direct_runner_bundle_repeat=1")

    run = run_again(tmp_path, [readings_file.path], beam=beam)

    assert content(run) == content(readings_run)


def _is_number(x: float | None) -> bool:
    return x is not None and math.isfinite(x)


def _plain(x: Any) -> Any:
    return x.encode() if isinstance(x, str) else x if isinstance(x, int) else float(x)
