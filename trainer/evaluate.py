"""Evaluation of a model on a whole split, always beside its baselines."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trainer import files, plots
from trainer.answers import predict
from trainer.data import SplitReader
from trainer.exported import open_exported
from trainer.inputs import NO_INPUTS
from trainer.metrics import (
    Floats,
    as_baseline,
    binary_metrics,
    compare_baseline,
    multiclass_metrics,
    regression_metrics,
)
from trainer.options import EvaluateOptions
from trainer.run_folder import RunFolder
from trainer.saved import KERAS_NAME, RECORD_NAME, SavedTraining, load_saved
from transforms.errors import RunFolderError
from transforms.labels import Classification


def evaluate(run: RunFolder, options: EvaluateOptions) -> dict[str, Any]:
    """Measures a model on a split and writes ``RUN/evaluation/<split>.json`` and ``.png``.

    Args:
        run: the run.
        options: the split, the model and the threshold.

    Returns:
        What is written as JSON: split, rows, which model, its metrics and the baselines.

    Raises:
        RunFolderError: the split has no rows, or there is no model of this run.
    """
    training, path = find_model(run, options.model)
    report, label, answer = measure(run, training, options)
    report = {**report, "model": _describe(training, path)}
    files.write_json(run.file("evaluation", f"{options.split}.json"), report)
    files.write_bytes(
        run.file("evaluation", f"{options.split}.png"),
        plots.draw(run.definition, options.split, label, answer, report["metrics"]),
    )
    return report


def measure(
    run: RunFolder, training: SavedTraining, options: EvaluateOptions
) -> tuple[dict[str, Any], Floats, Floats]:
    """Measures a model on a split.

    Returns:
        The report, the labels and the model's answers, float64 (rows,) each; answers are
        (rows, classes) for several classes.

    Raises:
        RunFolderError: the split has no rows or is damaged.
    """
    task, names = run.definition.label.task, run.definition.label.baselines
    parts = list(_answers(run, training, options.split, names))
    label = np.concatenate([part.label for part, _ in parts]).astype(np.float64)
    answer = np.concatenate([answers for _, answers in parts])
    if task == "regression":
        metrics = regression_metrics(label, answer)
    elif task == "multiclass_classification":
        metrics, names = multiclass_metrics(label, answer), ()
    else:
        metrics = binary_metrics(label, answer, options.threshold)
    baselines = [
        compare_baseline(
            task, label, answer,
            as_baseline(name, np.concatenate([part.carried[name] for part, _ in parts])),
        )
        for name in names
    ]  # fmt: skip
    report = {
        "dataset": run.definition.name,
        "label": run.definition.label.column,
        "task": task,
        "split": options.split,
        "rows": len(label),
        "metrics": metrics,
        "baselines": [_constant_baseline(run, label, options), *baselines],
    }
    return report, label, answer


def _answers(
    run: RunFolder, training: SavedTraining, split: str, baselines: tuple[str, ...]
) -> Any:
    """Yields parts of a split, the model's inputs left behind, and the answers to them."""
    for part in SplitReader(run, split, training.inputs, baselines).batches():
        yield part.without_inputs(), predict(training.model, part)


def _constant_baseline(
    run: RunFolder, label: Floats, options: EvaluateOptions
) -> Mapping[str, Any]:
    """Measures the mean of the train labels, or the classes' shares, as every row's answer."""
    if isinstance(run.definition.label, Classification):
        shares = _class_shares(run, len(run.definition.label.classes))
        constant = np.tile(shares, (len(label), 1))
        name, metrics = "shares of classes in train", multiclass_metrics(label, constant)
        return {"name": name, "value": shares.tolist(), "rows_missing": 0, "metrics": metrics}
    mean = _train_label_mean(run)
    constant = np.full_like(label, mean)
    if run.definition.label.task == "regression":
        name, metrics = "mean of train", regression_metrics(label, constant)
    else:
        name = "share of positives in train"
        metrics = binary_metrics(label, constant, options.threshold)
    return {"name": name, "value": mean, "rows_missing": 0, "metrics": metrics}


def _train_label_mean(run: RunFolder) -> float:
    reader = SplitReader(run, "train", NO_INPUTS)
    total = sum(float(part.label.astype(np.float64).sum()) for part in reader.batches())
    return total / reader.rows


def _class_shares(run: RunFolder, classes: int) -> Floats:
    reader = SplitReader(run, "train", NO_INPUTS)
    parts = (
        np.bincount(part.label.astype(np.int64), minlength=classes) for part in reader.batches()
    )
    return np.sum(list(parts), axis=0) / reader.rows  # type: ignore[no-any-return]


def find_model(run: RunFolder, model: str | None) -> tuple[SavedTraining, str]:
    """Returns a trained model of a run, and where it lies.

    Args:
        run: the run.
        model: an exported model or a folder of them; None: the last training's best, or where
            the run has no training, the newest export.

    Raises:
        RunFolderError: there is none, or it is another run's.
    """
    if model is None and files.exists(run.file("training", RECORD_NAME)):
        path = run.file("training", KERAS_NAME)
        training = load_saved(path, files.read_json(run.file("training", RECORD_NAME)))
    else:
        exported = open_exported(model or run.file("model"))
        path, training = exported.path, exported.training()
    if training.record["transform_digest"] != run.transform_digest:
        raise RunFolderError(
            f"{path} was trained on another run than {run.path}: their vocabularies and scales "
            "need not agree; train on this run, or evaluate on the model's own"
        )
    return training, path


def _describe(training: SavedTraining, path: str) -> dict[str, Any]:
    record = training.record
    return {
        "path": path,
        "step": record["step"],
        "sha256": record["sha256"],
        "options": record["options"],
    }


def table(report: Mapping[str, Any]) -> str:
    """Returns a report as lines for people."""
    model, metrics = report["model"], report["metrics"]
    lines = [
        f"{report['dataset']}, {report['split']}: {report['rows']:,} rows, "
        f"label {report['label']}, model {model['path']} (step {model['step']:,})",
        _line("model", metrics),
    ]
    for baseline in report["baselines"]:
        name, missing = baseline["name"], baseline["rows_missing"]
        if baseline["metrics"] is None:
            lines.append(f"  {name}: missing in every row")
            continue
        lines.append(_line(name, baseline["metrics"]))
        if missing:
            lines.append(
                _line(f"model, {missing:,} rows without {name} left out", baseline["model"])
            )
    return "\n".join(lines)


_SHOWN = ("rmse", "mae", "mean_error", "log_loss", "auc", "precision", "recall", "accuracy")


def _line(name: str, metrics: Mapping[str, Any]) -> str:
    values = ((metric, metrics[metric]) for metric in _SHOWN if metric in metrics)
    texts = (
        f"{metric} {'none' if value is None else format(value, '.4g')}" for metric, value in values
    )
    return f"  {name}: " + ", ".join(texts)
