"""Opening a run: what is refused, and in which words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from forebay.storage.run.checksums import file_entry
from forebay.storage.run.run_folder import open_run
from forebay.trainer.examples.inputs import NumericInput, inputs_of, model_inputs
from forebay.trainer.examples.split_reader import SplitReader
from forebay.transforms.errors import InputError, RunFolderError

Copy = Callable[[Path], Path]
Edit = Callable[[Path], AbstractContextManager[Any]]


def test_inputs_are_what_the_definition_makes(regression_run: Path) -> None:
    inputs = inputs_of(open_run(str(regression_run)))
    sizes = {column.name: (column.size, column.embed) for column in inputs.categorical}
    assert sizes["line_id"] == (5 + 2 + 1, 3)
    assert sizes["listed"] == (2 + 1, 0)
    assert sizes["told"] == (3 + 1 + 1, 3)
    assert sizes["line_hour"] == (300, 0)
    assert sizes["line_bucket"] == (20, 2)
    assert sizes["left_at_hour_of_day"] == (25, 4)
    assert "delay" not in inputs.names
    assert NumericInput("guess_0_1") in inputs.numeric


def test_features_can_be_dropped(regression_run: Path) -> None:
    run = open_run(str(regression_run))
    assert "delay_mean_1h_by_line_z_score" not in inputs_of(run, ["*_1h_by_*"]).names
    with pytest.raises(InputError, match=r"'nothing\*' matches no transformed output"):
        inputs_of(run, ["nothing*"])
    with pytest.raises(InputError, match="leaves nothing to learn from"):
        inputs_of(run, ["*"])


def test_ids_without_a_range_are_refused(regression_run: Path) -> None:
    run = open_run(str(regression_run))
    schema = type(run.schema)()
    schema.CopyFrom(run.schema)
    next(c for c in schema.feature if c.name == "line_id").ClearField("int_domain")
    with pytest.raises(InputError, match="'line_id' holds integers of unknown range"):
        model_inputs(run.definition, schema)


def test_a_folder_without_a_manifest_is_no_run(regression_run: Path, copy_of: Copy) -> None:
    copy = copy_of(regression_run)
    (copy / "manifest.json").unlink()
    with pytest.raises(RunFolderError, match="no manifest, so it is not a finished run"):
        open_run(str(copy))


def test_a_manifest_that_is_none_is_refused(regression_run: Path, copy_of: Copy) -> None:
    copy = copy_of(regression_run)
    (copy / "manifest.json").write_text('{"dataset": 1')
    with pytest.raises(RunFolderError, match="is not a manifest"):
        open_run(str(copy))


def test_a_definition_of_another_run_is_refused(
    regression_run: Path, copy_of: Copy, edit_json: Edit
) -> None:
    copy = copy_of(regression_run)
    path = copy / "definition.json"
    with edit_json(path) as definition:
        definition["name"] = "other"
    with edit_json(copy / "manifest.json") as manifest:
        manifest["files"]["definition.json"] = asdict(file_entry(path.read_bytes()))
    with pytest.raises(RunFolderError, match="mixes two runs"):
        open_run(str(copy))


def test_a_graph_that_is_fed_otherwise_is_refused(
    regression_run: Path, copy_of: Copy, edit_json: Edit
) -> None:
    """As the graph of an earlier version, whose differences were made of float32."""
    copy = copy_of(regression_run)
    path = copy / "metadata" / "schema.pbtxt"
    schema = schema_pb2.Schema()
    text_format.Parse(path.read_text(), schema)
    (column,) = (column for column in schema.feature if column.name == "start_s")
    column.type = schema_pb2.FLOAT
    path.write_text(text_format.MessageToString(schema))
    with edit_json(copy / "manifest.json") as manifest:
        manifest["files"]["metadata/schema.pbtxt"] = asdict(file_entry(path.read_bytes()))
    with pytest.raises(RunFolderError, match="another version of Forebay, which fed start_s to"):
        open_run(str(copy))


def test_files_that_the_manifest_does_not_list_are_not_read(
    regression_run: Path, copy_of: Copy
) -> None:
    copy = copy_of(regression_run)
    (copy / "examples/train/part-99999.tfrecord").write_bytes(b"a stray file")
    run = open_run(str(copy))
    assert len(SplitReader(run, "train", inputs_of(run)).read()) == 4_000


def test_files_are_chosen_by_pattern(regression_run: Path) -> None:
    run = open_run(str(regression_run))
    chosen = run.examples("train", ["part-0000[12]*", "*3.tfrecord.gz"])
    assert [Path(path).name for path in chosen] == [f"part-0000{i}.tfrecord.gz" for i in (1, 2, 3)]
    reader = SplitReader(run, "train", inputs_of(run), patterns=["part-00002*"])
    assert len(reader.read()) == reader.rows == 1_000
    with pytest.raises(
        InputError, match=r"'part-9\*' matches no file .* 4, from part-00000.* to part-00003"
    ):
        run.examples("train", ["part-00000*", "part-9*"])


def test_a_file_cut_short_is_refused(regression_run: Path, copy_of: Copy) -> None:
    copy = copy_of(regression_run)
    path = copy / "examples/train/part-00000.tfrecord.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RunFolderError, match="bytes where its listing says"):
        open_run(str(copy)).examples("train")
    path.unlink()
    with pytest.raises(RunFolderError, match="is missing"):
        open_run(str(copy)).examples("train")


def test_a_file_with_other_bytes_is_refused(regression_run: Path, copy_of: Copy) -> None:
    copy = copy_of(regression_run)
    path = copy / "examples/eval/part-00004.tfrecord"
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    size = path.stat().st_size
    with tf.io.TFRecordWriter(str(path)) as writer:  # whose own checksums are right
        for record in [records[1], records[0], *records[2:]]:
            writer.write(record)
    assert path.stat().st_size == size
    run = open_run(str(copy))
    assert len(SplitReader(run, "train", inputs_of(run)).read()) == 4_000
    with pytest.raises(RunFolderError, match=r"part-00004.tfrecord has the checksum"):
        SplitReader(run, "eval", inputs_of(run))


def test_each_file_is_read_once_to_verify_it(regression_run: Path, copy_of: Copy) -> None:
    copy = copy_of(regression_run)
    run = open_run(str(copy))
    SplitReader(run, "eval", inputs_of(run))
    path = copy / "examples/eval/part-00004.tfrecord"
    path.write_bytes(bytes(path.stat().st_size))
    SplitReader(run, "eval", inputs_of(run))
    with pytest.raises(RunFolderError, match="has the checksum"):
        SplitReader(open_run(str(copy)), "eval", inputs_of(run))


@pytest.mark.parametrize(
    "name",
    ["transform_fn/assets/line_id", "transformed_metadata/schema.pbtxt", "definition.json",
     "transform_fn/saved_model.pb"],
)  # fmt: skip
def test_a_run_whose_graph_or_schema_was_changed_is_not_opened(
    regression_run: Path, copy_of: Copy, name: str
) -> None:
    copy = copy_of(regression_run)
    path = copy / name
    content = path.read_bytes()
    lines = content.split(b"\n")
    path.write_bytes(b"\n".join([lines[1], lines[0], *lines[2:]]))
    assert path.stat().st_size == len(content)
    with pytest.raises(RunFolderError, match=r"has the (checksum|digest)"):
        open_run(str(copy))


def test_an_empty_split_is_refused(regression_run: Path, copy_of: Copy, edit_json: Edit) -> None:
    copy = copy_of(regression_run)
    with edit_json(copy / "manifest.json") as manifest:
        manifest["rows"]["test"] = 0
    with pytest.raises(RunFolderError, match="the split 'test' has no rows"):
        open_run(str(copy)).examples("test")


def test_more_rows_than_the_manifest_says_are_refused(
    regression_run: Path, copy_of: Copy, edit_json: Edit
) -> None:
    copy = copy_of(regression_run)
    with edit_json(copy / "manifest.json") as manifest:
        manifest["files"]["examples/eval/part-00004.tfrecord"]["rows"] = 999
    run = open_run(str(copy))
    with pytest.raises(RunFolderError, match="1,000 rows where the manifest says 999"):
        SplitReader(run, "eval", inputs_of(run)).read()
