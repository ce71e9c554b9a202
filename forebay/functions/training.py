"""``train``, ``evaluate``, ``sweep`` and ``lr-find``, from Python."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

from forebay.console.tensorflow import start_tensorflow_quietly
from forebay.functions.run import Run
from forebay.functions.signatures import also_takes
from forebay.storage.run.run_folder import open_run
from forebay.trainer.options import DataOptions, EvaluateOptions, LoopOptions, TrainOptions
from forebay.trainer.options.find_rate import WITHOUT, FindRateOptions
from forebay.trainer.options.searches import given_searches
from forebay.trainer.options.sweep import SweepOptions
from forebay.transforms import html

T = TypeVar("T")


@dataclass(frozen=True)
class TrainingArguments(TrainOptions, DataOptions):
    """How a model is built and trained, and on which rows."""

    hidden: ClassVar[tuple[str, ...]] = ("data",)


@dataclass(frozen=True)
class TrainArguments(TrainingArguments, LoopOptions):
    """The same, and what a training writes.

    Attributes:
        fresh: forget the checkpoint in ``RUN/training/``; models stay.
    """

    fresh: bool = False


@dataclass(frozen=True)
class FindRateArguments(TrainingArguments, FindRateOptions):
    """The model and its optimizers, and which rates are tried."""

    hidden: ClassVar[tuple[str, ...]] = ("data", "train", *WITHOUT)


@dataclass(frozen=True)
class SweepArguments(TrainingArguments):
    """The same for all trials, and what is searched.

    Attributes:
        search: options and where to search them, such as
            ``[("learning-rate", "1e-4..1e-2"), ("hidden-units", "64,32", "128,64")]``; empty: what
            the command searches.
        searches: a TOML file of the same; None: none.
        trials: trainings in all, those of an interrupted sweep included.
        sweep_seed: the seed of the search; the trainings have their own.
        blocks: blocks of time within train that trials are compared on, each predicted by a model
            of the rows before it, instead of on the eval split; None: on that.
        block_by: the column that orders rows for ``blocks``, an instant or a day among those that
            the definition carries; None: the row time, or the first that there is.
        fresh: forget the trials in ``RUN/sweep/``.
    """

    search: tuple[tuple[str, ...], ...] = ()
    searches: str | None = None
    trials: int = SweepOptions.trials
    sweep_seed: int = SweepOptions.seed
    blocks: int | None = None
    block_by: str | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Evaluation(Mapping[str, Any]):
    """What an evaluation found; a mapping of what stands in its file.

    Attributes:
        report: that.
    """

    report: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.report[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.report)

    def __len__(self) -> int:
        return len(self.report)

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The model's metrics, by name."""
        return self.report["metrics"]  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        from forebay.trainer.evaluation.table import table

        return table(self.report)

    def _repr_html_(self) -> str:
        report = self.report
        baselines = [one for one in report["baselines"] if one["metrics"] is not None]
        columns = {"model": self.metrics, **{one["name"]: one["metrics"] for one in baselines}}
        names = [name for name, value in self.metrics.items() if isinstance(value, int | float)]
        rows = ([name, *(scores.get(name) for scores in columns.values())] for name in names)
        beside = f"{report['rows']:,} rows, label {report['label']}"
        head = html.heading(f"{report['dataset']}, {report['split']}", beside)
        return head + html.table(["", *columns], rows)


@dataclass(frozen=True)
class Training:
    """What became of a training.

    Attributes:
        model: the exported model's folder; None: none was exported now.
        steps: how many steps it is trained.
        best_step: the step of the best evaluation, whose weights the model has.
        evaluation: how good it is on the eval split; None: nothing was to do, for the run was
            trained so already.
    """

    model: str | None
    steps: int
    best_step: int
    evaluation: Evaluation | None

    def _repr_html_(self) -> str:
        model = f", exported {self.model}" if self.model else ""
        head = html.heading(f"{self.steps:,} steps", f"the best was {self.best_step:,}{model}")
        return head + ("" if self.evaluation is None else self.evaluation._repr_html_())


@also_takes(TrainArguments)
def train(run: Run | str | os.PathLike[str], options: TrainArguments) -> Training:
    """Trains on a run, evaluates on its eval split, exports a SavedModel to ``RUN/model/``.

    A training that was killed continues where its last checkpoint left it.

    Returns:
        What became of it.

    Raises:
        UserError: the run or the options do not allow it.
        RunFailed: the training failed.
    """
    chosen, loop = _training(options), _part(LoopOptions, options)
    start_tensorflow_quietly()
    from forebay.trainer.training.whole import train_run

    found = train_run(os.fspath(run), chosen, loop, fresh=options.fresh)
    record = found.record
    evaluation = None if found.report is None else Evaluation(found.report)
    return Training(found.model, record["steps_trained"], record["step"], evaluation)


@also_takes(EvaluateOptions)
def evaluate(run: Run | str | os.PathLike[str], options: EvaluateOptions) -> Evaluation:
    """Measures a model on a whole split, beside the baselines; writes ``RUN/evaluation/``.

    Returns:
        What was found.

    Raises:
        UserError: there is no such split, model or column.
    """
    start_tensorflow_quietly()
    from forebay.trainer.evaluation import evaluate as evaluation

    return Evaluation(evaluation.evaluate(open_run(os.fspath(run)), options))


@also_takes(SweepArguments)
def sweep(run: Run | str | os.PathLike[str], options: SweepArguments) -> Mapping[str, Any]:
    """Trains again and again with other options, and compares the trials on the eval split.

    Returns:
        What stands in ``RUN/sweep/``: the trials, and the best options.

    Raises:
        UserError: the run or the options do not allow it.
    """
    search = given_searches(options.search, options.searches)
    chosen = SweepOptions(
        _training(options), search, options.trials, options.sweep_seed, options.blocks,
        options.block_by,
    )  # fmt: skip
    start_tensorflow_quietly()
    from forebay.trainer.search import sweep as trials

    return trials.sweep(open_run(os.fspath(run)), chosen, fresh=options.fresh)


@also_takes(FindRateArguments)
def lr_find(run: Run | str | os.PathLike[str], options: FindRateArguments) -> Mapping[str, Any]:
    """Trains for some hundred steps at growing learning rates, and suggests one.

    Returns:
        What stands in ``RUN/learning-rate/``.

    Raises:
        UserError: the run or the options do not allow it.
    """
    chosen = FindRateOptions(_training(options), options.lowest, options.highest, options.steps)
    start_tensorflow_quietly()
    from forebay.trainer.search.learning_rate import find_rate

    return find_rate(open_run(os.fspath(run)), chosen)


def _training(given: TrainingArguments) -> TrainOptions:
    values = _values(TrainOptions, given)
    return TrainOptions(**{**values, "data": _part(DataOptions, given)})


def _part(kind: type[T], given: Any) -> T:
    """Returns the part of arguments that are the options of a kind."""
    return kind(**_values(kind, given))


def _values(kind: Any, given: Any) -> dict[str, Any]:
    return {field.name: getattr(given, field.name) for field in fields(kind)}
