"""What lies on Cloud Storage and is somebody else's stays; rows by the way do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from killed_publication import OLD, manifest_of
from later_trips import EARLIER, LATER, text
from small_orders import LINES, ORDERS

import forebay as fb
from forebay.cli import main
from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.run import Runner, run_pipeline
from forebay.storage.run import files
from forebay.storage.run.layout import TRAINING_FILES
from forebay.transforms.definition.serialize import to_json

pytestmark = pytest.mark.gcp

LEFT = ".forebay-0123456789abcdef.tmp"
Objects = Mapping[str, bytes]


def put(folder: str, objects: Objects) -> None:
    for name, content in objects.items():
        with FileSystems.create(
            f"{folder}/{name}", compression_type=CompressionTypes.UNCOMPRESSED
        ) as sink:
            sink.write(content)


def found(folder: str) -> dict[str, bytes]:
    """What lies in a folder of the bucket; names that mark folders left out."""
    contents = {}
    for one in FileSystems.match([f"{folder}/**"])[0].metadata_list:
        if not one.path.endswith("/"):
            with FileSystems.open(
                one.path, compression_type=CompressionTypes.UNCOMPRESSED
            ) as source:
                contents[one.path.removeprefix(f"{folder}/")] = source.read()
    return contents


@pytest.fixture
def bucket(emulators: Any, in_emulators: Any, request: pytest.FixtureRequest) -> str:
    """A folder of the bucket for one test."""
    return f"gs://{emulators.bucket}/objects/{request.node.name.replace('[', '-').strip(']')}"


@pytest.fixture
def preprocess(tmp_path: Path) -> Callable[..., int]:
    (tmp_path / "orders.json").write_text(to_json(ORDERS))
    (tmp_path / "orders.csv").write_text("\n".join(LINES))

    def preprocess(output: str, *options: str, inputs: str | None = None) -> int:
        given = inputs or str(tmp_path / "orders.csv")
        words = [str(tmp_path / "orders.json"), "--input", given, "--output", output]
        return main(["preprocess", *words, *options])

    return preprocess


def a_run(more: Objects | None = None) -> dict[str, bytes]:
    """A run, and what its manifest does not list."""
    listed = {**OLD, "occupancy.json": "\n".join(LINES).encode()}
    return {**listed, "manifest.json": manifest_of(listed).to_json().encode(), **(more or {})}


MINE = {"notes.txt": b"mine", "model/1/saved_model.pb": b"model"}
REFUSED: dict[str, tuple[Objects, tuple[str, ...], str]] = {
    "a folder of generic names": (
        {"temporary/mine": b"1", "transform_fn/mine": b"2", "examples/train/part-1": b"3"}, (),
        "/run holds files that are not a run's (examples, temporary, transform_fn); choose another",
    ),
    "a web app": (
        {"manifest.json": b'{"name": "web app"}', "examples/page": b"mine"}, ("--overwrite",),
        "/run/manifest.json is not a manifest",
    ),
    "a run": (a_run(), (), "/run holds a run already"),
    "a file in a run's folder": (
        a_run({"examples/train/mine": b"mine"}), ("--overwrite",),
        "/run/examples/train/mine is not a file that the run's manifest lists, so it is not",
    ),
    "a file in the folder of a run that was cut off": (
        {".forebay-unfinished": b"", "examples/train/mine": b"mine"}, ("--overwrite",),
        "/run/examples/train/mine is no file of a run, so it is not replaced; move it away",
    ),
    # What ends a run before anything is written leaves the older one.
    "a runner that there is not": (
        a_run(MINE), ("--overwrite", "--", "--runner=NoSuchRunner"), "NoSuchRunner",
    ),
    "a label that too many rows lack": (
        a_run(MINE), ("--overwrite", "--max-reject-fraction", "0"), "--max-reject-fraction",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_somebody_elses_is_refused(
    case: str, bucket: str, preprocess: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects, options, words = REFUSED[case]
    (tmp_path / "orders.csv").write_text("\n".join([*LINES, "o,many,1"]))
    put(f"{bucket}/run", objects)
    assert preprocess(f"{bucket}/run", *options) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert words in errors[0]
    assert found(f"{bucket}/run") == objects


def test_inputs_of_the_run_are_refused_and_those_beside_it_are_not(
    bucket: str, preprocess: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {f"{run}/{name}": one for run in ("run", "run2") for name, one in a_run().items()}
    put(bucket, before)
    inputs = f"{bucket}/run/occupancy.json"
    assert preprocess(f"{bucket}/run/", "--overwrite", inputs=inputs) == 2
    told = f"{inputs} is occupancy.json of the run that would be replaced; choose another --output"
    assert told in capsys.readouterr().err
    assert found(bucket) == before
    other = f"{bucket}/run2/occupancy.json"
    assert preprocess(f"{bucket}/run", "--overwrite", inputs=other) == 0


def test_a_run_takes_the_place_of_another_and_of_nothing_else(
    bucket: str, preprocess: Any, tmp_path: Path
) -> None:
    """What the older one rejected is not handed out as the newer one's."""
    run, given = f"{bucket}/run", tmp_path / "orders.csv"
    given.write_text("\n".join([*LINES, "o,many,1"]))
    some = ("--max-reject-fraction", "0.5", "--rejects")
    assert preprocess(run, "--shards", "2", *some, str(tmp_path / "first.jsonl")) == 0
    assert '"o,many,1"' in (tmp_path / "first.jsonl").read_text()
    assert "rejects/part-00000.jsonl" in found(run)
    put(run, MINE)
    put(bucket, {"run2/examples/train/part-00000": b"mine", "runs": b"mine"})

    given.write_text("\n".join(LINES))
    assert preprocess(run, "--overwrite", *some, str(tmp_path / "second.jsonl")) == 0
    assert (tmp_path / "second.jsonl").read_text() == ""
    check_whole(run)
    assert found(bucket)["run2/examples/train/part-00000"] == b"mine"
    assert found(bucket)["runs"] == b"mine"


def check_whole(run: str) -> None:
    """Checks that there is what the manifest lists, with what is somebody else's, and no more."""
    after = found(run)
    listed = json.loads(after["manifest.json"])["files"]
    assert {*after} == {*listed, "manifest.json", *MINE}
    assert {name: after[name] for name in MINE} == MINE


def test_a_run_that_was_cut_off_is_made_again(
    bucket: str, preprocess: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = f"{bucket}/run"
    rows = {f"{LEFT}/{name}": b"rows" for name in ("train-00000.arrow", "rejects/part-1.jsonl")}
    put(run, {**rows, "run2": b"mine"})
    assert preprocess(run) == 2, "whose file is it?"
    assert {*rows} <= {*found(run)}
    files.remove(run, ["run2"])

    half = {
        ".forebay-unfinished": b"", "examples/train/part-00099.tfrecord": b"half",
        "rejects/part-00099.jsonl": b"half", "transform_fn/assets/old": b"half",
        "transform_fn/variables/variables.data-00000-of-00001": b"half",
    }  # fmt: skip
    put(run, {**half, **MINE})
    assert preprocess(run) == 0
    told = f"removed what a killed process left unfinished in {run}: {LEFT}"
    assert told in capsys.readouterr().err
    check_whole(run)


def test_what_a_training_was_cut_off_with_is_not_taken_for_somebody_elses(bucket: str) -> None:
    training = {f"training/{name}": b"" for name in ("checkpoint.npz", LEFT, f"logs/{LEFT}")}
    put(bucket, training)
    assert files.owned(bucket, "training", TRAINING_FILES) == ["training/checkpoint.npz"]


def test_no_row_stays_where_windows_are_computed(bucket: str, tmp_path: Path) -> None:
    table = fb.WindowedTable(
        columns={"key": fb.String(), "at": fb.Timestamp(), "value": fb.Integer()},
        row_time="at",
        windows=[fb.Windowed("value", key="key", over="1h", ops=[fb.sum()])],
    )
    at = pa.array([0, 1], pa.timestamp("us", "UTC"))
    rows = pa.RecordBatch.from_pydict({"key": ["a", "a"], "at": at, "value": [1, 2]})
    counted = tmp_path / "counted"

    def build(pipeline: beam.Pipeline) -> None:
        step = fb.WindowedAggregates(table, f"{bucket}/windows")
        windowed = pipeline | beam.Create([rows]) | step
        _ = windowed | beam.Map(lambda one: counted.write_text(str(len(one[1]))))

    run_pipeline(build, Runner(Local(), PipelineOptions(["--runner=FnApiRunner"])))
    assert counted.read_text() == "2"
    assert FileSystems.match([f"{bucket}/**"])[0].metadata_list == []


def test_no_row_stays_where_a_table_is_answered(
    bucket: str, trained_regression: Path, tmp_path: Path
) -> None:
    for name, rows in {"new": LATER, "earlier": EARLIER}.items():
        (tmp_path / name).write_text(text(rows))
    words = [
        "predict", f"--model={trained_regression}/model", f"--input={tmp_path}/new",
        f"--history={tmp_path}/earlier", f"--output={tmp_path}/answers.jsonl",
    ]  # fmt: skip
    for temporary in (f"{bucket}/temp", f"{tmp_path}/temp"):
        assert main([*words, "--", f"--temp_location={temporary}"]) == 0
        assert (tmp_path / "answers.jsonl").read_text()
    assert FileSystems.match([f"{bucket}/**"])[0].metadata_list == []
    assert list((tmp_path / "temp").iterdir()) == []
