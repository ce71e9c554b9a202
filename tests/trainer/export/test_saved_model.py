"""Exported models: self-contained, strict about their inputs, and the batch path's equals."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from forebay.storage.run.exported import newest_model, open_exported
from forebay.storage.run.run_folder import open_run
from forebay.trainer.checkpoints.best_model import load_exported
from forebay.trainer.evaluation.predictions import predict
from forebay.trainer.examples.inputs import inputs_of
from forebay.trainer.examples.split_reader import SplitReader
from forebay.trainer.export import saved_model
from forebay.trainer.export.probes import probe_rows, to_examples
from forebay.trainer.export.saved_model import export_model
from forebay.trainer.options import TrainOptions
from forebay.trainer.training.train import train
from forebay.transforms.definition import serialize
from forebay.transforms.definition.columns import MISSING
from forebay.transforms.errors import RunFailed, RunFolderError
from forebay.transforms.zones import tzdata_version

Columns = dict[str, Any]
Copy = Callable[[Path], Path]
TESTED = slice(5_000, 6_000)


@pytest.fixture(scope="module")
def model_folder(trained_regression: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported model alone, its run folder out of reach."""
    away = tmp_path_factory.mktemp("away") / "model"
    shutil.copytree(newest_model(str(trained_regression / "model")), away)
    return away


@pytest.fixture(scope="module")
def signatures(model_folder: Path) -> Any:
    loaded = tf.saved_model.load(str(model_folder))
    return Keep(loaded)


class Keep:
    """Signatures do not keep their model alive."""

    def __init__(self, loaded: Any) -> None:
        self.loaded = loaded

    def __getitem__(self, name: str) -> Any:
        return self.loaded.signatures[name]


def raw(rows: Columns, definition: Any, part: slice) -> dict[str, tf.Tensor]:
    return {name: tf.constant(rows[name][part]) for name in definition.served_columns}


def test_signatures_take_the_columns_and_never_the_label(
    signatures: Keep, model_folder: Path
) -> None:
    definition = open_exported(str(model_folder)).definition
    taken = signatures["serving_default"].structured_input_signature[1]
    assert sorted(taken) == sorted({*definition.model_columns, *definition.passthrough})
    assert "delay" not in taken
    assert all(spec.shape.as_list() == [None] for spec in taken.values())
    assert set(signatures["serving_default"].structured_outputs) == {
        "prediction",
        "trip_id",
        "left_at",
    }


def test_answers_are_the_trained_models(
    signatures: Keep, rows: Columns, trained_regression: Path
) -> None:
    run = open_run(str(trained_regression))
    model = open_exported(str(trained_regression / "model"))
    examples = SplitReader(run, "test", load_exported(model).inputs, ("trip_id",)).read()
    expected = predict(load_exported(model).model, examples)
    found = signatures["serving_default"](**raw(rows, run.definition, TESTED))
    np.testing.assert_array_equal(found["trip_id"].numpy(), examples.carried["trip_id"])
    np.testing.assert_allclose(found["prediction"].numpy(), expected, rtol=0, atol=1e-6 * 60)


def test_both_signatures_agree_and_carry_ids(
    signatures: Keep, rows: Columns, model_folder: Path
) -> None:
    given = raw(rows, open_exported(str(model_folder)).definition, TESTED)
    records = to_examples({name: tensor.numpy() for name, tensor in given.items()})
    one = signatures["serving_default"](**given)
    other = signatures["serve_examples"](examples=tf.constant(records))
    for name in ("trip_id", "left_at"):
        np.testing.assert_array_equal(one[name].numpy(), other[name].numpy())
    np.testing.assert_allclose(
        one["prediction"].numpy(), other["prediction"].numpy(), rtol=0, atol=1e-6 * 60
    )
    np.testing.assert_array_equal(one["left_at"].numpy(), rows["left_at"][TESTED])


@pytest.mark.parametrize("batch", [1, 7, 1_000])
def test_served_features_are_the_batch_paths(
    signatures: Keep, rows: Columns, regression_run: Path, batch: int
) -> None:
    run = open_run(str(regression_run))
    stop = TESTED.stop if batch > 1 else TESTED.start + 400
    parts = [slice(i, min(i + batch, stop)) for i in range(TESTED.start, stop, batch)]
    served = [signatures["transform_features"](**raw(rows, run.definition, part)) for part in parts]
    spec = run.transform_output.transformed_feature_spec()
    records = list(tf.data.TFRecordDataset([*run.examples("test")], "GZIP").as_numpy_iterator())
    written = tf.io.parse_example(records[: stop - TESTED.start], spec)
    assert set(served[0]) == set(inputs_of(run).names)
    for name in served[0]:
        found = np.concatenate([part[name].numpy() for part in served])
        expected = written[name].numpy()
        if batch == 1_000 or expected.dtype == np.int64:
            assert found.tobytes() == expected.tobytes(), name
        else:
            scale = max(1.0, np.abs(expected).max())
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * scale, err_msg=name)


@pytest.mark.parametrize("broken", ["absent", "empty"])
def test_examples_without_a_column_are_an_error(
    signatures: Keep, model_folder: Path, broken: str
) -> None:
    columns = probe_rows(open_exported(str(model_folder)).definition)
    example = tf.train.Example.FromString(to_examples(columns)[1])
    if broken == "absent":
        del example.features.feature["line"]
    else:
        example.features.feature["line"].bytes_list.ClearField("value")
    with pytest.raises(tf.errors.InvalidArgumentError, match="line"):
        signatures["serve_examples"](examples=tf.constant([example.SerializeToString()]))


def test_a_call_without_a_column_is_an_error(
    signatures: Keep, rows: Columns, model_folder: Path
) -> None:
    given = raw(rows, open_exported(str(model_folder)).definition, slice(0, 3))
    del given["line"]
    with pytest.raises(TypeError, match="line"):
        signatures["serving_default"](**given)


def test_numbers_of_several_columns_are_made_of_float64(
    signatures: Keep, rows: Columns, model_folder: Path
) -> None:
    given = raw(rows, open_exported(str(model_folder)).definition, slice(0, 3))
    given["start_s"] = tf.constant([1_717_200_000.0, 1_717_200_000.5, np.nan], tf.float64)
    given["stop_s"] = tf.constant([1_717_200_060.0] * 3, tf.float64)
    found = signatures["transform_features"](**given)
    seconds = rows["stop_s"] - rows["start_s"]
    train = seconds[:4_000]
    expected = (np.array([60.0, 59.5, np.nanmean(train)]) - np.nanmean(train)) / np.nanstd(train)
    np.testing.assert_allclose(found["seconds"].numpy(), expected, rtol=0, atol=1e-6)
    assert found["seconds_is_missing"].numpy().tolist() == [0, 0, 1]
    records = to_examples({name: tensor.numpy() for name, tensor in given.items()})
    written = tf.train.Example.FromString(records[1]).features.feature["start_s"]
    assert written.bytes_list.value == [b"1717200000.5"]
    np.testing.assert_array_equal(
        signatures["serve_examples"](examples=tf.constant(records))["prediction"].numpy(),
        signatures["serving_default"](**given)["prediction"].numpy(),
    )


def test_missing_values_are_not_values(signatures: Keep, rows: Columns, model_folder: Path) -> None:
    given = raw(rows, open_exported(str(model_folder)).definition, slice(0, 3))
    given["line"] = tf.constant([b"\xff", b"", b"never seen"])
    given["distance"] = tf.constant([np.nan, 0.0, 1.0], tf.float32)
    found = signatures["transform_features"](**given)
    assert found["line_id"].numpy().tolist()[0] == 5 + 2
    assert all(5 <= i < 5 + 2 for i in found["line_id"].numpy()[1:])
    assert found["distance_log1p_z_score_is_missing"].numpy().tolist() == [1, 0, 0]
    assert found["distance_bucket"].numpy().tolist()[0] == 5


def test_the_record_tells_what_the_model_is(model_folder: Path, regression_run: Path) -> None:
    record = json.loads((model_folder / "assets.extra/forebay.json").read_text())
    run = open_run(str(regression_run))
    definition = serialize.from_json(json.dumps(record["definition"]))
    assert serialize.digest(definition) == record["definition_digest"]
    assert record["definition_digest"] == run.manifest.definition_digest
    assert record["tzdata"] == {"version": tzdata_version(), "horizon_year": 2100}
    assert record["columns"]["left_at"] == {"kind": "Timestamp", "dtype": "int64", "required": True}
    assert record["metrics"]["metrics"]["rmse"] > 0
    assert record["versions"]["tensorflow"] == tf.__version__


def test_saved_model_cli_runs_it(
    model_folder: Path, signatures: Keep, rows: Columns, tmp_path: Path
) -> None:
    """The client loads as TensorFlow's C++ servers do: one graph and its initialisers."""
    given = raw(rows, open_exported(str(model_folder)).definition, slice(0, 20))
    arrays = {name: tensor.numpy() for name, tensor in given.items()}
    texts = {name: array.astype("S") for name, array in arrays.items() if array.dtype == object}
    np.savez(tmp_path / "rows.npz", **{**arrays, **texts})
    inputs = ";".join(f"{name}=rows.npz[{name}]" for name in arrays)
    command = [
        Path(sys.executable).with_name("saved_model_cli"), "run", "--dir", model_folder,
        "--tag_set", "serve", "--signature_def", "serving_default",
        "--inputs", inputs, "--outdir", tmp_path,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = signatures["serving_default"](**given)["prediction"].numpy()
    np.testing.assert_allclose(np.load(tmp_path / "prediction.npy"), expected, rtol=0, atol=6e-5)


def test_an_export_that_answers_otherwise_is_not_published(
    trained_regression: Path, copy_of: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copy_of(trained_regression)
    run = open_run(str(copy))
    exported = open_exported(str(copy / "model"))
    before = sorted((copy / "model").iterdir())
    monkeypatch.setattr(
        saved_model, "_ask_elsewhere",
        lambda path, examples, output: {"serve_examples": np.zeros(len(examples), np.float32)},
    )  # fmt: skip
    with pytest.raises(RunFailed, match="serve_examples differs from the trained model"):
        export_model(run, load_exported(exported))
    assert sorted((copy / "model").iterdir()) == before


def test_made_up_rows_can_occur(model_folder: Path) -> None:
    definition = open_exported(str(model_folder)).definition
    for name, values in probe_rows(definition).items():
        marker = MISSING[definition.graph_dtypes[name]]
        missing = [value == marker or (value != value and marker != marker) for value in values]
        column = definition.all_columns[name]
        assert any(missing) != column.required, name
        assert missing[0] != column.required


def test_answers_that_are_no_numbers_are_equal() -> None:
    one, other, none = (np.array(x, np.float32) for x in ([2, np.nan], [4, np.nan], [2, 3]))
    assert saved_model.difference(one, one) == 0
    assert saved_model.difference(one, other) == 0.5
    assert saved_model.difference(one, none) == saved_model.difference(none, one) == np.inf
    assert saved_model.difference(one[1:], one[1:]) == 0


def test_models_without_some_features_take_the_same_columns(
    regression_run: Path, copy_of: Copy, rows: Columns
) -> None:
    run = open_run(str(copy_of(regression_run)))
    options = TrainOptions(max_steps=50, model="linear", drop_features=("*_1h_by_*", "line_*"))
    path = export_model(run, train(run, options))
    loaded = tf.saved_model.load(path)
    given = raw(rows, run.definition, slice(0, 5))
    answers = loaded.signatures["serving_default"](**given)["prediction"].numpy()
    given["delay_mean_1h_by_line"] += 100.0
    np.testing.assert_array_equal(
        loaded.signatures["serving_default"](**given)["prediction"].numpy(), answers
    )


def test_the_newest_of_several_models_is_taken(tmp_path: Path, model_folder: Path) -> None:
    for stamp in ("99", "100"):
        shutil.copytree(model_folder, tmp_path / stamp)
    assert newest_model(str(tmp_path)) == str(tmp_path / "100")
    with pytest.raises(RunFolderError, match="is not there"):
        newest_model(str(tmp_path / "nothing"))
    (tmp_path / "101").mkdir()
    with pytest.raises(RunFolderError, match=r"was not exported by Forebay"):
        newest_model(str(tmp_path))
