"""Defaults that depend on the table: what `TrainOptions` leaves open is chosen here, and told.

The rates of linear models, and Adadelta's, are those that TensorFlow's canned estimators had. The
rates of optimizers other than Adam with hidden layers are rules of thumb. Adam's, the members,
their sizes and penalty and the steps were chosen on the flights example, on blocks of time within
its 250,000 rows of train: see `benchmarks/default_options.py`.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from forebay.console.words import counted
from forebay.trainer.options.train import WITH_HIDDEN, OptimizerName, TrainOptions

if TYPE_CHECKING:  # which imports PyArrow
    from forebay.transforms.definition.labels import Task

# The peak rates of models with hidden layers.
DEEP_RATES: Mapping[OptimizerName, float] = {
    "adadelta": 1.0, "adagrad": 0.05, "adam": 8e-3, "adamw": 8e-3, "ftrl": 0.05,
    "momentum": 0.01, "rmsprop": 1e-3, "sgd": 0.05,
}  # fmt: skip
# Rates above that are of batches of `MOST_ROWS`, and fall with the root of smaller ones: Malladi,
# Lyu, Panigrahi and Arora (2022), "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms".
BY_BATCH = ("adam", "adamw")
# A linear model's rate at the most, and that of plain gradients.
LINEAR_RATE, GRADIENT_RATE = 0.2, 0.05
FEWEST_ROWS, MOST_ROWS = 64, 512
# So many passes over the rows; of many rows so many steps, or one pass where that takes more, but
# never more than the last.
PASSES, ENOUGH_STEPS, MOST_STEPS = 50, 4_000, 10_000
# Networks with hidden layers of ours, side by side.
MEMBERS = 4
# The penalty of squared weights, and the one of many rows that chance splits, whose numbers are
# also cut; the many are half of those that this was chosen on.
L2, L2_AT_RANDOM, PIECES, MANY_ROWS = 5e-4, 5e-5, 8, 20_000
# The momentum of the weights' averages: those of about a hundred steps.
EMA_MOMENTUM = 0.99
# So many evaluations, and so many steps between two at the least.
EVALUATIONS, FEWEST_BETWEEN = 20, 10
# Beside those, some come before the first: few rows are learned by heart in as many steps.
EARLY = (8, 4, 2)
# The rates; one so many times off the default is warned of.
RATES = ("learning_rate", "wide_learning_rate")
FAR = 30.0


@dataclass(frozen=True)
class Table:
    """What the defaults depend on.

    Attributes:
        rows: the rows of train, those of all workers.
        inputs: the columns of numbers, and of ids, that the model is given.
        task: what kind of label it predicts.
        workers: how many processes train together.
        at_random: whether chance splits its rows, so that those of eval and test are like those of
            train; others may be of a time that is not like the past.
    """

    rows: int
    inputs: int
    task: "Task"
    workers: int = 1
    at_random: bool = False


@dataclass(frozen=True, kw_only=True)
class ChosenOptions(TrainOptions):
    """Options of which none is left open; attributes as those of `TrainOptions`."""

    members: int
    ema_momentum: float
    l2: float
    pieces: int
    learning_rate: float
    max_steps: int
    batch_size: int
    eval_every: int


@dataclass(frozen=True)
class Choice:
    """The options of a training, and which of them nobody gave.

    Attributes:
        options: all of them.
        chosen: what was chosen, by attribute.
    """

    options: ChosenOptions
    chosen: Mapping[str, Any]


def steps_per_pass(rows: int, batch_size: int) -> int:
    """Returns how many batches one pass over a split makes; batches have no more rows than it."""
    return rows // min(batch_size, rows)


def choose(options: TrainOptions, table: Table, kept: Mapping[str, Any] | None = None) -> Choice:
    """Chooses what the options leave open.

    Args:
        options: the options given. ``epochs`` become ``max_steps``.
        table: what the model is trained on.
        kept: what an earlier part of the same training had chosen; that stays.

    Raises:
        InputError: an option given does not suit what is chosen.
    """
    values = {field.name: getattr(options, field.name) for field in fields(TrainOptions)}
    chosen: dict[str, Any] = {}
    for name, rule in _RULES.items():
        if name == "max_steps" and options.epochs is not None:
            values[name] = options.epochs * steps_per_pass(table.rows, values["batch_size"])
        elif values[name] is None and (value := rule(values, table)) is not None:
            values[name] = chosen[name] = (kept or {}).get(name, value)
    return Choice(ChosenOptions(**{**values, "epochs": None}), chosen)


def next_evaluation(choice: Choice, step: int) -> int:
    """Returns the step of the first evaluation after a step.

    Where nobody said how often, an eighth, a fourth and a half of the way to the first one have
    evaluations of their own.
    """
    every = choice.options.eval_every
    if step < every and "eval_every" in choice.chosen:
        return min(n for n in (*(every // part for part in EARLY), every) if n > step)
    return (step // every + 1) * every


def told(choice: Choice, table: Table) -> Iterator[str]:
    """Yields what a training tells before it begins: what was chosen and why, and its steps."""
    if choice.chosen:
        words = (
            f"--{name.replace('_', '-')} {value:g} ({_WHY[name](choice.options, table)})"
            for name, value in choice.chosen.items()
            if name in _WHY
        )
        yield (
            f"defaults for {counted(table.rows, 'row')}, {counted(table.inputs, 'input')} and "
            f"a label of {table.task.replace('_', ' ')}: {', '.join(words)}"
        )
    steps, batch = choice.options.max_steps, min(choice.options.batch_size, table.rows)
    yield (
        f"{counted(steps, 'step')} = {steps * batch / table.rows:.3g} epochs · "
        f"{counted(table.rows, 'row')} / {batch:,} a batch"
    )


def default_rate(optimizer: OptimizerName, *, linear: bool, inputs: int, batch_size: int) -> float:
    """Returns the peak rate of an optimizer.

    Args:
        optimizer: its name.
        linear: whether its weights are those of a linear model, or of the wide side of one.
        inputs: the columns that the model is given.
        batch_size: rows a step.
    """
    if not linear or optimizer == "adadelta":
        share = min(batch_size, MOST_ROWS) / MOST_ROWS if optimizer in BY_BATCH else 1.0
        return float(f"{DEEP_RATES[optimizer] * math.sqrt(share):.2g}")  # as people write it
    inputs = max(inputs, 1)
    if optimizer in ("sgd", "momentum"):
        # The loss of n standardised columns bends by 2 n at the most: above 1 / n, steps may grow.
        # A momentum of 0.9 makes of each step ten.
        return min(GRADIENT_RATE, 1 / inputs) * (1 if optimizer == "sgd" else 0.1)
    return min(LINEAR_RATE, 1 / math.sqrt(inputs))


def default_of(name: str, options: ChosenOptions, table: Table) -> Any:
    """Returns what would be chosen for an option if nobody gave it, all others as they are.

    Args:
        name: the attribute, one that `TrainOptions` may leave open.
        options: the others.
        table: what the model is trained on.
    """
    return _RULES[name](
        {field.name: getattr(options, field.name) for field in fields(options)}, table
    )


def is_far(rate: float, default: float) -> bool:
    """Tells whether a rate is so far from an optimizer's default that it is likely a mistake."""
    return not default / FAR <= rate <= default * FAR


def _batch_size(values: Mapping[str, Any], table: Table) -> int:
    """The power of two about the root of the rows, which all workers can share."""
    root = int(2 ** round(math.log2(math.sqrt(table.rows))))
    size = min(max(root, FEWEST_ROWS), MOST_ROWS)
    return math.ceil(size / table.workers) * table.workers


def _max_steps(values: Mapping[str, Any], table: Table) -> int:
    one_pass = steps_per_pass(table.rows, values["batch_size"])
    return min(PASSES * one_pass, max(ENOUGH_STEPS, min(one_pass, MOST_STEPS)))


def _eval_every(values: Mapping[str, Any], table: Table) -> int:
    steps: int = values["max_steps"]
    return max(math.ceil(steps / EVALUATIONS), FEWEST_BETWEEN)


def _members(values: Mapping[str, Any], table: Table) -> int:
    return MEMBERS if values["model"] in WITH_HIDDEN else 1


def _ema_momentum(values: Mapping[str, Any], table: Table) -> float:
    return EMA_MOMENTUM if values["model"] in WITH_HIDDEN and not values["l1"] else 0.0


def _l2(values: Mapping[str, Any], table: Table) -> float:
    return L2_AT_RANDOM if _is_free(table) else L2


def _pieces(values: Mapping[str, Any], table: Table) -> int:
    return PIECES if _is_free(table) else 0


def _is_free(table: Table) -> bool:
    """Tells whether a model may follow the rows closely: there are many more like them."""
    return table.at_random and table.rows >= MANY_ROWS


def _learning_rate(values: Mapping[str, Any], table: Table) -> float:
    return default_rate(
        values["optimizer"],
        linear=values["model"] == "linear",
        inputs=table.inputs,
        batch_size=values["batch_size"],
    )


def _wide_learning_rate(values: Mapping[str, Any], table: Table) -> float | None:
    kind = values["wide_optimizer"]
    batch_size = values["batch_size"]
    return kind and default_rate(kind, linear=True, inputs=table.inputs, batch_size=batch_size)


# In an order in which each needs only those before it.
_RULES: Mapping[str, Callable[[Mapping[str, Any], Table], Any]] = {
    "batch_size": _batch_size,
    "max_steps": _max_steps,
    "eval_every": _eval_every,
    "members": _members,
    "ema_momentum": _ema_momentum,
    "l2": _l2,
    "pieces": _pieces,
    "learning_rate": _learning_rate,
    "wide_learning_rate": _wide_learning_rate,
}

# Why a default is what it is, in a few words.
_WHY: Mapping[str, Callable[[ChosenOptions, Table], str]] = {
    "batch_size": lambda options, table: f"root of the rows, {FEWEST_ROWS} to {MOST_ROWS}",
    "max_steps": lambda options, table: _why_steps(options, table),
    "eval_every": lambda options, table: (
        f"{EVALUATIONS} evaluations, and {len(EARLY)} before the first"
    ),
    "members": lambda options, table: _why_members(options),
    "ema_momentum": lambda options, table: _why_averages(options),
    "l2": lambda options, table: _why_split(table),
    "pieces": lambda options, table: _why_split(table),
    "learning_rate": lambda options, table: _why_rate(
        options.optimizer, options, table, linear=options.model == "linear"
    ),
    "wide_learning_rate": lambda options, table: _why_rate(
        options.wide_optimizer or options.optimizer, options, table, linear=True
    ),
}


def _why_steps(options: ChosenOptions, table: Table) -> str:
    if options.max_steps > ENOUGH_STEPS:
        return f"one epoch, {MOST_STEPS:,} at the most"
    return f"{PASSES} epochs, {ENOUGH_STEPS:,} at the most"


def _why_members(options: ChosenOptions) -> str:
    if options.members > 1:
        return "networks whose mean errs less"
    return "no hidden layers of ours"


def _why_averages(options: ChosenOptions) -> str:
    if options.ema_momentum:
        return "weights whose averages err less"
    return "L1 makes weights zero" if options.model in WITH_HIDDEN else "no hidden layers of ours"


def _why_split(table: Table) -> str:
    if not table.at_random:
        return "not split at random"
    return (
        f"split at random, {MANY_ROWS:,} rows {'or more' if _is_free(table) else 'are not there'}"
    )


def _why_rate(
    optimizer: OptimizerName, options: ChosenOptions, table: Table, *, linear: bool
) -> str:
    if not linear and optimizer in BY_BATCH:
        return f"{optimizer}'s, of a batch of {options.batch_size:,}"
    if not linear or optimizer == "adadelta":
        return f"{optimizer}'s"
    return f"{optimizer}'s, of a linear model with {counted(table.inputs, 'input')}"
