"""Evaluation of a model on a whole split, always beside its baselines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forebay.storage.locks import occupied
from forebay.storage.run import files
from forebay.storage.run.layout import EVALUATION_FOLDER
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.checkpoints.best_model import SavedTraining
from forebay.trainer.evaluation.baselines import baselines
from forebay.trainer.evaluation.comparison import compare
from forebay.trainer.evaluation.find_model import describe_model, find_model, find_other
from forebay.trainer.evaluation.pairing import check_comparable, pair_rows
from forebay.trainer.evaluation.predictions import (
    CarriedColumn,
    SplitPredictions,
    measurable,
    predict_split,
)
from forebay.trainer.evaluation.slices import check_columns, measure_slices
from forebay.trainer.evaluation.slicing import slice_rows
from forebay.trainer.metrics.binary import BinaryPredictions
from forebay.trainer.metrics.bootstrap import LEVEL, Resampling, intervals
from forebay.trainer.metrics.by_task import Predictions
from forebay.trainer.metrics.threshold import choose_threshold
from forebay.trainer.options import EvaluateOptions
from forebay.trainer.options.evaluate import DEFAULT_THRESHOLD
from forebay.trainer.plots.evaluation import draw
from forebay.trainer.plots.slices import draw_slices
from forebay.transforms.errors import InputError

# Thresholds are chosen on the split that training looked at already, never on test.
CHOOSING_SPLIT = "eval"


def evaluate(run: RunFolder, options: EvaluateOptions) -> dict[str, Any]:
    """Measures a model on a split and writes ``RUN/evaluation/<split>.json`` and ``.png``.

    Slices are drawn in ``<split>-by-<column>.png``.

    Args:
        run: the run.
        options: the split, the model, the threshold, slices, intervals and what to compare with.

    Returns:
        What is written as JSON: split, rows, which model, its metrics and the baselines, and what
        else was asked for.

    Raises:
        RunFolderError: the split has no rows, or there is no model of this run.
        InputError: a column is not there, no row counts, a threshold cannot be chosen, or the
            other model's rows are not the same.
    """
    _check(run, options)
    check_outputs(run, options)
    with run.in_use():
        training, path = find_model(run, options.model)
        measured = measure(run, training, options)
        report = {**measured.report, "model": describe_model(training, path)}
        if options.compare is not None and measured.resampling is not None:
            report["comparison"] = _compare(run, measured, measured.resampling, options)
        pictures = {"": draw(measured.predictions, report)} | {
            column: draw_slices(column, slices, report)
            for column, slices in report["slices"].items()
        }
        with occupied(run.outputs, EVALUATION_FOLDER, wait=True):
            files.write_json(run.outputs, _report_name(options.split), report)
            for column, picture in pictures.items():
                files.write_bytes(run.outputs, _picture_name(options.split, column), picture)
    return report


def check_outputs(run: RunFolder, options: EvaluateOptions) -> None:
    """Checks that what an evaluation writes can be written.

    Raises:
        RunFolderError: it cannot.
    """
    pictures = (_picture_name(options.split, column) for column in ("", *options.slices))
    files.check_outputs(run.outputs, [_report_name(options.split), *pictures])


def _report_name(split: str) -> str:
    return f"{EVALUATION_FOLDER}/{split}.json"


def _picture_name(split: str, column: str) -> str:
    return f"{EVALUATION_FOLDER}/{split}{column and f'-by-{column}'}.png"


@dataclass(frozen=True)
class Measured:
    """A model on a split.

    Attributes:
        predicted: what it predicts, and the columns beside them.
        predictions: the same, as the task's metrics take them.
        resampling: draws of its rows, where intervals are asked for.
        report: what was found.
    """

    predicted: SplitPredictions
    predictions: Predictions
    resampling: Resampling | None
    report: dict[str, Any]


def measure(run: RunFolder, training: SavedTraining, options: EvaluateOptions) -> Measured:
    """Measures a model on a split, beside the baselines.

    Raises:
        RunFolderError: a split has no rows or is damaged.
        InputError: no row counts, or a threshold cannot be chosen.
    """
    definition = run.definition
    predicted = predict_split(run, training, options.split, _columns(run, options))
    if predicted.weight is not None and not predicted.weight.any():
        raise InputError(
            f"every row of the {options.split} split has a {definition.weight} of 0, so there is "
            "nothing to measure; evaluate another split, or change the definition's weight"
        )
    threshold = _threshold(run, training, options)
    predictions = measurable(definition.label, predicted, threshold, options.top_k)
    resampling = _resampling(predicted, options)
    report = {
        "dataset": definition.name,
        "label": definition.label.column,
        "task": definition.label.task,
        "split": options.split,
        "rows": len(predictions),
        "metrics": predictions.metrics(),
        "threshold": _describe_threshold(predictions, options),
        "baselines": baselines(run, predicted, threshold, options),
        "resampling": _describe_resampling(resampling, options),
        "intervals": resampling and intervals(predictions.scores, len(predictions), resampling),
        "slices": {
            name: measure_slices(
                predictions, slice_rows(run, name, predicted.columns[name]), resampling
            )
            for name in options.slices
        },
    }
    return Measured(predicted, predictions, resampling, report)


def _check(run: RunFolder, options: EvaluateOptions) -> None:
    """Refuses what the run cannot do, before the model is asked."""
    check_columns(run, "--slice", options.slices)
    if options.bootstrap_by is not None:
        check_columns(run, "--bootstrap-by", [options.bootstrap_by])
    task = run.definition.label.task
    for flag, value in (
        ("--threshold", options.threshold), ("--threshold-for", options.threshold_for),
    ):  # fmt: skip
        if value is not None and task != "binary_classification":
            raise InputError(
                f"{flag} {value}: the label {run.definition.label.column!r} is not a binary one "
                f"({task}), so there is nothing to call positive; leave the flag out"
            )


def _columns(run: RunFolder, options: EvaluateOptions) -> set[str]:
    columns = {*run.definition.label.baselines, *options.slices}
    if options.compare is not None:
        columns |= set(run.definition.passthrough)
    return columns | ({options.bootstrap_by} if options.bootstrap_by else set())


def _threshold(run: RunFolder, training: SavedTraining, options: EvaluateOptions) -> float:
    """Returns the threshold given, or chosen by a model's predictions for the choosing split."""
    if options.threshold_for is None:
        return DEFAULT_THRESHOLD if options.threshold is None else options.threshold
    predicted = predict_split(run, training, CHOOSING_SPLIT)
    chosen_on = BinaryPredictions(
        predicted.label, predicted.prediction, DEFAULT_THRESHOLD, predicted.weight
    )
    return choose_threshold(chosen_on, options.threshold_for, CHOOSING_SPLIT)


def _describe_threshold(
    predictions: Predictions, options: EvaluateOptions
) -> dict[str, Any] | None:
    if not isinstance(predictions, BinaryPredictions):
        return None
    aim = options.threshold_for
    return {
        "value": predictions.threshold,
        "chosen_for": None if aim is None else str(aim),
        "chosen_on": None if aim is None else CHOOSING_SPLIT,
    }


def _resampling(predicted: SplitPredictions, options: EvaluateOptions) -> Resampling | None:
    if not options.resamples:
        return None
    groups = None
    if options.bootstrap_by is not None:
        groups = _groups(options.bootstrap_by, predicted.columns[options.bootstrap_by])
    return Resampling(options.resamples, options.seed, groups)


def _groups(name: str, column: CarriedColumn) -> Any:
    values, groups = np.unique(column, return_inverse=True)
    if len(values) < 2:
        raise InputError(
            f"--bootstrap-by {name!r}: all rows have the same value, so nothing can be drawn; "
            "name a column with many values, or leave it out to draw rows"
        )
    return groups


def _describe_resampling(
    resampling: Resampling | None, options: EvaluateOptions
) -> dict[str, Any] | None:
    if resampling is None:
        return None
    groups = resampling.groups
    return {
        "level": LEVEL,
        "resamples": resampling.resamples,
        "seed": resampling.seed,
        "by": options.bootstrap_by,
        "groups": None if groups is None else int(groups.max()) + 1,
    }


def _compare(
    run: RunFolder, measured: Measured, resampling: Resampling, options: EvaluateOptions
) -> Mapping[str, Any]:
    """Measures another model on the same rows, its threshold chosen in the same way."""
    other_run, training, path = find_other(run, str(options.compare))
    names = run.definition.passthrough
    if other_run is not run:
        check_comparable(run, other_run)
    with other_run.unchanged():
        predicted = predict_split(other_run, training, options.split, names)
    if other_run is not run:
        predicted = predicted.take(pair_rows(measured.predicted, predicted, names))
        predicted = replace(predicted, weight=measured.predicted.weight)
    threshold = _threshold(other_run, training, options)
    other = measurable(run.definition.label, predicted, threshold, options.top_k)
    return {
        "model": describe_model(training, path),
        "run": other_run.path,
        "threshold": _describe_threshold(other, options),
        "scores": compare(measured.predictions, other, resampling),
    }
