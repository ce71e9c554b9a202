"""Trainings on Vertex AI: one, or one for each trial of a search."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from forebay.commands.vertex.spec import (
    Container,
    Json,
    Machines,
    Request,
    flag,
    given,
    needed_folder,
)
from forebay.pipelines.google.account import Needed
from forebay.pipelines.google.checks import folder_problems
from forebay.storage.run.layout import MANIFEST_NAME
from forebay.trainer.options import TrainOptions
from forebay.trainer.options.flags import as_flags, as_text
from forebay.trainer.options.searches import Search, no_place
from forebay.trainer.options.sweep import SweepOptions
from forebay.transforms.errors import Problem

_COMMAND = ["python", "-m", "forebay.trainer.task", "train"]


@dataclass(frozen=True, kw_only=True)
class Training(Container, Machines):
    """A training in a container: one machine, or several that train together.

    Attributes:
        run: the run folder, on Cloud Storage.
        output: the folder on Cloud Storage for what is written: the model, checkpoints, logs.
        workers: the machines that train one model together.
        tensorboard: the TensorBoard of Vertex AI that shows the training, its whole name; it needs
            ``service_account``. None: none.
        spot: use machines that Google may take back; the training goes on at its last checkpoint.
        train: the options of the training.
    """

    action: ClassVar[str] = "train"
    does: ClassVar[str] = "a custom training job: `forebay train` in your container"
    examples: ClassVar[tuple[str, ...]] = (
        "gs://my-bucket/runs/flights --project my-project --region europe-west1 \\\n"
        "--image europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0 \\\n"
        "--output gs://my-bucket/trainings/flights --spec train.json",
        "gs://my-bucket/runs/flights --project my-project --region europe-west1 \\\n"
        "--image europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0 \\\n"
        "--output gs://my-bucket/trainings/flights --workers 2 --batch-size 2048 --submit --wait",
    )

    run: str
    output: str | None = flag("--output", "GS")
    workers: int = flag("--workers", "N", 1, int)
    tensorboard: str | None = flag("--tensorboard", "NAME")
    spot: bool = flag("--spot", "", False, bool)
    train: TrainOptions = field(default_factory=TrainOptions)

    def problems(self) -> Iterator[Problem]:
        """Yields what is wrong with the options."""
        yield from super().problems()
        if not self.run.startswith("gs://"):
            cure = f"copy it by `gcloud storage cp -r {self.run} gs://BUCKET/runs/`, name the copy"
            yield Problem("RUN", self.run, "not on Cloud Storage, where machines see it", cure)
        yield from folder_problems("RUN", self.run if self.run.startswith("gs://") else None)
        yield from needed_folder("--output", self.output)
        if self.workers < 1:
            yield Problem("--workers", self.workers, "less than one", "give a whole number from 1")
        elif self.train.batch_size and self.train.batch_size % self.workers:
            cure = f"try {max(1, self.train.batch_size // self.workers) * self.workers}"
            cause = f"cannot be shared by {self.workers} workers evenly"
            yield Problem("--batch-size", self.train.batch_size, cause, cure)
        yield from _metric_problems(self.train.best_by)
        if self.tensorboard is not None and self.service_account is None:
            cure = "name one that may write to it"
            yield Problem("--service-account", None, "missing beside --tensorboard", cure)
        if self.train.is_own_model:
            module = self.train.model.partition(":")[0]
            if module.partition(".")[0] == "__main__":
                yield Problem("--model", self.train.model, "of no module", "write MODULE:FUNCTION")

    def places(self) -> Iterator[tuple[str, str]]:
        """Yields the folders on Cloud Storage that it reads and writes, under their flags."""
        yield "RUN", self.run
        yield "--output", str(self.output)

    def needs(self) -> Iterator[Needed]:
        """Yields the files on Cloud Storage without which it would fail there."""
        cure = "name the folder of a finished run, which `forebay preprocess` makes"
        yield Needed("RUN", self.run, MANIFEST_NAME, cure)

    def requests(self) -> list[Request]:
        """Returns what is sent."""
        return [Request(method="create_custom_job", kind="CustomJob", body=self._body())]

    def _body(self) -> Json:
        return {**self.about(posixpath.basename(self.run.rstrip("/"))), "jobSpec": self.job_spec()}

    def job_spec(self) -> Json:
        """Returns the machines, and what runs on each; the first one leads."""
        container = {
            "imageUri": self.image, "command": _COMMAND, "args": [self.run, *as_flags(self.train)],
        }  # fmt: skip
        pool = {"machineSpec": self.machine, "containerSpec": container}
        others = [{**pool, "replicaCount": str(self.workers - 1)}] if self.workers > 1 else []
        return {
            "workerPoolSpecs": [{**pool, "replicaCount": "1"}, *others],
            "baseOutputDirectory": {"outputUriPrefix": str(self.output).rstrip("/") + "/"},
            "scheduling": given({
                # One that loses the others ends; started again, they go on together.
                "restartJobOnWorkerRestart": True,
                "strategy": "SPOT" if self.spot else None,
            }),
            **given({
                "serviceAccount": self.service_account, "network": self.network,
                "tensorboard": self.tensorboard,
            }),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Tuning(Training):
    """A search by Vertex AI's Vizier: a training for each trial.

    Attributes:
        sweep: what is searched, how long, and the options of all trials.
        parallel: trials that train at once.
    """

    action: ClassVar[str] = "tune"
    does: ClassVar[str] = "a hyperparameter tuning job: trainings with other options, by Vizier"
    examples: ClassVar[tuple[str, ...]] = (
        "gs://my-bucket/runs/flights --project my-project --region europe-west1 \\\n"
        "--image europe-west1-docker.pkg.dev/my-project/images/forebay:0.1.0 \\\n"
        "--output gs://my-bucket/tunings/flights --searches sweep.toml --trials 40 \\\n"
        "--parallel 4 --spec tune.json",
    )

    sweep: SweepOptions = field(default_factory=SweepOptions)
    parallel: int = flag("--parallel", "N", 1, int)

    def __post_init__(self) -> None:
        object.__setattr__(self, "train", self.sweep.train)
        super().__post_init__()

    def problems(self) -> Iterator[Problem]:
        """Yields what is wrong with the options."""
        yield from super().problems()
        if not 1 <= self.parallel <= self.sweep.trials:
            cure = f"give 1 to {self.sweep.trials}"
            yield Problem("--parallel", self.parallel, "not 1 to --trials", cure)
        searched = [search.option for search in self.sweep.search]
        for model in self.sweep.models:
            for name in no_place(model):
                if name in searched or getattr(self.train, name) is not None:
                    yield Problem(
                        "--search", "model", f"a trial of --model {model} may not have "
                        f"--{name.replace('_', '-')}, and Vizier draws each option by itself",
                        "search one kind of model at a time",
                    )  # fmt: skip
        yield from self._batch_problems()

    def _batch_problems(self) -> Iterator[Problem]:
        """Yields the batch sizes that the workers of a trial cannot share."""
        count = self.workers
        for search in self.sweep.searches:
            if search.option != "batch_size" or count < 2:
                continue
            uneven = [str(size) for size in search.choices if size % count]
            if uneven or not search.choices:
                drawn = ", ".join(uneven) or "any number of a range"
                yield Problem(
                    "--search", "batch-size", f"{drawn} cannot be shared by {count} workers evenly",
                    f"search multiples, such as --search batch-size {64 * count} {128 * count}",
                )  # fmt: skip

    def requests(self) -> list[Request]:
        """Returns what is sent."""
        from forebay.trainer.workers.vizier import higher_is_better, metric_tag

        best_by = self.train.best_by
        goal = "MAXIMIZE" if higher_is_better(best_by) else "MINIMIZE"
        study = {
            "metrics": [{"metricId": metric_tag(best_by), "goal": goal}],
            "parameters": [parameter(search) for search in self.sweep.searches],
            # A training keeps its best evaluation, and not its last.
            "measurementSelectionType": "BEST_MEASUREMENT",
        }
        body = {
            **self.about(posixpath.basename(self.run.rstrip("/"))),
            "studySpec": study,
            "maxTrialCount": self.sweep.trials,
            "parallelTrialCount": self.parallel,
            "trialJobSpec": self.job_spec(),
        }
        method, kind = "create_hyperparameter_tuning_job", "HyperparameterTuningJob"
        return [Request(method=method, kind=kind, body=body)]


def _metric_problems(best_by: str | None) -> Iterator[Problem]:
    """Yields what is wrong with a metric; whether it is one of the run's task the trainer sees."""
    if best_by is None:
        return
    from forebay.trainer.metrics.by_task import BEST_BY

    names = sorted({name for metrics in BEST_BY.values() for name in metrics})
    if best_by not in names:
        yield Problem("--best-by", best_by, "no metric", f"give one of {', '.join(names)}")


def parameter(search: Search) -> Json:
    """Returns where Vizier searches an option, by the flag that it gives each trial."""
    named = {"parameterId": search.option.replace("_", "-")}
    if search.choices:
        return {**named, "categoricalValueSpec": {"values": [*map(as_text, search.choices)]}}
    scale = "UNIT_LOG_SCALE" if search.log else "UNIT_LINEAR_SCALE"
    if search.whole:
        bounds = {"minValue": str(int(search.low)), "maxValue": str(int(search.high))}
        return {**named, "integerValueSpec": bounds, "scaleType": scale}
    bounds_of_floats = {"minValue": search.low, "maxValue": search.high}
    return {**named, "doubleValueSpec": bounds_of_floats, "scaleType": scale}
