"""The learning-rate finder: some hundred steps, each at a greater rate than the one before."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from forebay.console.words import counted
from forebay.storage.locks import occupied
from forebay.storage.run import files
from forebay.storage.run.layout import RATES_FOLDER
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.metrics.arrays import Floats
from forebay.trainer.options import LoopOptions
from forebay.trainer.options.choose import FAR, RATES, default_of
from forebay.trainer.options.find_rate import LEAST_HIGHEST, FindRateOptions
from forebay.trainer.plots.rates import draw_rates
from forebay.trainer.search.rate_curve import read_curve
from forebay.trainer.training.job import TrainingJob, prepare
from forebay.trainer.workers.team import alone
from forebay.transforms.errors import RunFailed

# Losses have diverged whose median is so many times the least so far, and above that of the first;
# the median of such a share of the steps. Not their mean: a single row may be worth more than all
# others of its batch.
_DIVERGED, _AROUND = 3.0, 0.08


class Growth(keras.optimizers.schedules.LearningRateSchedule):
    """Grows from step to step by a constant factor.

    Args:
        lowest: the rate of step 0.
        highest: the rate of the last.
        steps: how many there are.
    """

    def __init__(self, lowest: float, highest: float, steps: int) -> None:
        super().__init__()
        self._lowest = lowest
        self._highest = highest
        self._steps = steps

    def __call__(self, step: Any) -> Any:
        """Returns the rate of a step, from 0."""
        share = keras.ops.cast(step, "float32") / (self._steps - 1)
        return self._lowest * (self._highest / self._lowest) ** share

    def get_config(self) -> dict[str, Any]:
        """Returns what the schedule was made of."""
        return {"lowest": self._lowest, "highest": self._highest, "steps": self._steps}


def find_rate(run: RunFolder, options: FindRateOptions) -> dict[str, Any]:
    """Trains a new model at growing rates and reads off which suits it.

    All weights are trained at the rate that grows, those with a ``wide_optimizer`` too. The eval
    and the test split are not opened, and no model is kept.

    Args:
        run: the run; ``RUN/learning-rate/`` is written.
        options: the rates, and the model.

    Returns:
        What is written as ``rates.json``: the ``rates`` of the steps taken, their ``losses``, the
        same ``smooth``, the ``highest`` rate that was to be tried, the ``suggestion`` and the rate
        at which the loss is ``lowest``. Both are None where it does not fall, the suggestion where
        it does not rise again, too.

    Raises:
        InputError: the options do not suit the run.
        RunFolderError: the train split is empty or damaged.
        RunFailed: the loss is not a number from the first steps on.
    """
    names = [f"{RATES_FOLDER}/rates.json", f"{RATES_FOLDER}/rates.png"]
    files.check_outputs(run.path, names)
    with run.in_use(), occupied(run.path, RATES_FOLDER):
        report = _rate_report(run, options)
        files.write_json(run.path, names[0], report)
        files.write_bytes(run.path, names[1], draw_rates(report))
    return report


def _rate_report(run: RunFolder, options: FindRateOptions) -> dict[str, Any]:
    job = prepare(run, options.train, LoopOptions(), alone(), is_evaluated=False)
    highest = options.highest or _highest(job)
    growth = Growth(options.lowest, highest, options.steps)
    for group in job.updater.groups:
        group.optimizer.learning_rate = growth
    losses = _losses(job, options.steps)
    if len(losses) < options.steps // 10:
        raise RunFailed(
            f"the loss diverged after {counted(len(losses), 'step')}, at rates not far above "
            f"--lowest {options.lowest:g}; try one a thousand times lower"
        )
    rates = np.geomspace(options.lowest, highest, options.steps)[: len(losses)]
    curve = read_curve(rates, losses, diverged=len(losses) < options.steps)
    return {
        "dataset": run.definition.name,
        "optimizer": options.train.optimizer,
        "highest": highest,
        "suggestion": curve.suggestion,
        "lowest": curve.lowest,
        "steps": len(losses),
        "rates": rates.tolist(),
        "losses": losses.tolist(),
        "smooth": curve.smooth.tolist(),
    }


def _highest(job: TrainingJob) -> float:
    """Returns how far rates go where nobody says: so far above the default that the loss rises."""
    rates = (default_of(name, job.options, job.table) for name in RATES)
    most = max(LEAST_HIGHEST, *(FAR * rate for rate in rates if rate is not None))
    return float(f"{most:.2g}")


def _losses(job: TrainingJob, steps: int) -> Floats:
    """Returns the losses of the steps until they diverge, float64 (steps taken,)."""
    batches, one = iter(job.batches.ahead(0)), tf.constant(1)
    losses: list[float] = []
    medians: list[float] = []
    around = max(int(_AROUND * steps), 5)
    while len(losses) < steps and not _diverged(medians):
        taken, total, *_ = (float(x) for x in job.run_steps(batches, one))
        if not taken:
            break
        losses.append(total)
        if len(losses) >= around:
            medians.append(float(np.median(losses[-around:])))
    return np.array(losses)


def _diverged(medians: list[float]) -> bool:
    return bool(medians) and medians[-1] > max(_DIVERGED * min(medians), medians[0])


def rate_table(report: dict[str, Any], folder: str) -> str:
    """Returns a report as lines for people."""
    rates = report["rates"]
    head = (
        f"{report['dataset']}, {report['optimizer']}: {counted(report['steps'], 'step')} at rates "
        f"from {rates[0]:.2g} to {rates[-1]:.2g}"
    )
    if report["lowest"] is None:
        told = (
            "the loss does not fall: try other rates with --lowest and --highest, or more --steps"
        )
    elif report["suggestion"] is None:
        told = (
            f"the loss is lowest at {report['lowest']:.2g} and has not risen again at --highest "
            f"{report['highest']:g}: the largest rate that works may lie beyond; give a higher one"
        )
    else:
        told = (
            f"the loss is lowest at {report['lowest']:.2g}, about the largest rate that works: try "
            f"--learning-rate {report['suggestion']:.2g}"
        )
    return f"{head}\n{told}\nwrote {folder}/rates.json and .png"
