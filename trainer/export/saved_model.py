"""Exporting: a SavedModel that takes raw rows, with the transform graph and its record inside."""

import datetime as dt
import json
import os
import posixpath
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from forebay.console.terminal import tell
from forebay.storage.locks import occupied
from forebay.storage.plain_paths import plain_path
from forebay.storage.run import files
from forebay.storage.run.exported import RECORD_NAME, stamps, to_record
from forebay.storage.run.layout import EXTRA, KERAS_NAME, MODEL_FOLDER
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.checkpoints.best_model import SavedTraining
from forebay.trainer.export.probes import probe_rows, to_examples
from forebay.trainer.export.readme import README_NAME, model_page
from forebay.trainer.export.signatures import Served
from forebay.transforms.definition import serialize
from forebay.transforms.errors import RunFailed
from forebay.transforms.zones import HORIZON_YEAR, tzdata_version

Floats = npt.NDArray[np.float32]

# Of the greatest answer: what TensorFlow's vectorised functions may differ by.
TOLERANCE = 1e-6
DISTRIBUTIONS = ("forebay", "tensorflow", "tensorflow-transform", "keras", "numpy")

# Runs where nothing of ours, of the run or of this folder is to be had.
_ASK = """
import sys
import numpy as np, tensorflow as tf
model, records, answers, output = sys.argv[1:]
loaded = tf.saved_model.load(model).signatures
examples = tf.constant([r for r in tf.data.TFRecordDataset(records).as_numpy_iterator()])
raw = loaded["serving_default"]
double = {n: s.dtype == tf.float64 for n, s in raw.structured_input_signature[1].items()}
spec = {
    n: tf.io.FixedLenFeature([], tf.string if double[n] else s.dtype)
    for n, s in raw.structured_input_signature[1].items()
}
columns = {
    n: tf.strings.to_number(c, tf.float64) if double[n] else c
    for n, c in tf.io.parse_example(examples, spec).items()
}
np.savez(
    answers,
    serve_examples=loaded["serve_examples"](examples=examples)[output].numpy(),
    serving_default=raw(**columns)[output].numpy(),
)
"""


def export_model(
    run: RunFolder,
    training: SavedTraining,
    metrics: Mapping[str, Any] | None = None,
    folder: str = MODEL_FOLDER,
) -> str:
    """Writes a SavedModel to ``RUN/<folder>/<seconds since 1970>/``, tried elsewhere first.

    The folder has its name only when it is whole. It works without the run folder.

    Args:
        run: the run that the model was trained on.
        training: the trained model.
        metrics: an evaluation to record with it.
        folder: the folder of the run that holds such models by timestamp.

    Returns:
        The model's folder.

    Raises:
        InputError: a passthrough column has the name of the answer.
        RunFailed: the exported model does not answer as the trained one.
    """
    parent = run.own(folder)
    with (
        run.in_use(),
        occupied(run.outputs, folder, wait=True),
        files.in_the_making(run.outputs, folder) as made,
    ):
        served, path = Served(run, training), run.own(made)
        served.archive().write_out(plain_path(path), verbose=False)
        files.write_bytes(path, f"{EXTRA}/{KERAS_NAME}", training.content)
        page = model_page(run.definition)
        files.write_bytes(path, README_NAME, page.encode())
        record = export_record(run, served, metrics) | {"files": to_record(files.listing(path))}
        files.write_json(path, f"{EXTRA}/{RECORD_NAME}", record)
        verify(path, served)
        # The newest model is the one of the greatest number, whatever became of the clock.
        now = int(dt.datetime.now(dt.UTC).timestamp())
        stamp = max(now, *(old + 1 for old in stamps(parent)), 0)
        files.rename_folder(run.outputs, made, posixpath.join(folder, str(stamp)))
    return posixpath.join(parent, str(stamp))


def export_record(
    run: RunFolder, served: Served, metrics: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Returns what an exported model says about itself, as plain values."""
    definition, versions = run.definition, run.manifest.versions
    columns = {name: definition.all_columns[name] for name in definition.served_columns}
    return {
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "dataset": definition.name,
        "task": definition.label.task,
        "output": served.output,
        "columns": {
            name: {
                "kind": type(column).__name__,
                "dtype": definition.graph_dtypes[name],
                "required": column.required,
            }
            for name, column in columns.items()
        },
        "passthrough": [name for name in definition.passthrough if name in columns],
        "metrics": metrics,
        "training": served.training.record,
        "tzdata": {
            "version": versions.get("tzdata", tzdata_version()),
            "horizon_year": HORIZON_YEAR,
        },
        "versions": {name: _version(name) for name in DISTRIBUTIONS},
        "run_versions": dict(versions),
        "definition_digest": run.manifest.definition_digest,
        "definition": json.loads(serialize.to_json(definition)),
    }


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def verify(path: str, served: Served) -> None:
    """Asks an exported model about made-up rows in a fresh process elsewhere, and compares.

    Args:
        path: the exported model.
        served: the model it was made of, in memory.

    Raises:
        RunFailed: it cannot be asked, or either signature answers otherwise.
    """
    rows = probe_rows(served.definition)
    raw = {name: tf.constant(values) for name, values in rows.items()}
    expected = keras.ops.convert_to_numpy(served.answer(raw)[served.output])
    for signature, found in _ask_elsewhere(path, to_examples(rows), served.output).items():
        error = difference(found, expected)
        if not error <= TOLERANCE:
            raise RunFailed(
                f"the exported model's {signature} differs from the trained model by {error:.2g} "
                f"of its scale, more than {TOLERANCE:g}; nothing was exported"
            )
    if not np.isfinite(expected).all():
        tell(f"warning: {_unanswered(served, raw)}")


def difference(found: Floats, expected: Floats) -> float:
    """Returns the greatest difference of two arrays of answers, as a share of their scale.

    An answer that is not a number is equal to another such, and infinitely far from one that is.
    """
    known = np.isfinite(expected)
    if (known != np.isfinite(found)).any():
        return float("inf")
    scale = max(1.0, float(np.abs(expected[known]).max(initial=0.0)))
    return float(np.abs(found[known] - expected[known]).max(initial=0.0)) / scale


def _unanswered(served: Served, raw: Mapping[str, tf.Tensor]) -> str:
    """Says which of the model's inputs are not numbers, for made-up rows."""
    names = [
        name
        for name, values in served.transform(raw).items()
        if values.dtype == tf.float32 and not np.isfinite(values.numpy()).all()
    ]
    functions = [repr(str(feature.function)) for feature in served.definition.custom_features]
    makers = f" of the function {' or '.join(functions)}" if functions else ""
    return (
        f"the exported model answers some made-up rows with nan: its input {', '.join(names)}"
        f"{makers} is not a number there; have it make finite numbers of missing values (NaN) as "
        "well, or declare required=True what is always there"
    )


def _ask_elsewhere(path: str, examples: list[bytes], output: str) -> dict[str, Floats]:
    path = path if "://" in path else os.path.abspath(plain_path(path))
    with tempfile.TemporaryDirectory() as folder:
        records, answers = (os.path.join(folder, name) for name in ("rows.tfrecord", "answers.npz"))
        with tf.io.TFRecordWriter(records) as writer:
            for example in examples:
                writer.write(example)
        done = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, "-c", _ASK, path, records, answers, output],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise RunFailed(f"the exported model cannot be asked ({last}); nothing was exported")
        with np.load(answers, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
