"""What a training is told: the model, its optimizers and the loop."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from forebay.console.arguments import choice
from forebay.trainer.options.data import DataOptions
from forebay.transforms.definition.functions import is_importable_path
from forebay.transforms.errors import InputError, Problem

ModelKind = Literal["linear", "deep", "wide_deep"]
OptimizerName = Literal[
    "adadelta", "adagrad", "adam", "adamw", "ftrl", "momentum", "rmsprop", "sgd"
]
# Kinds that have hidden layers of ours.
WITH_HIDDEN: tuple[str, ...] = ("deep", "wide_deep")
# Kinds whose weights are all of one side.
ONE_SIDED: tuple[str, ...] = ("linear", "deep")
ScheduleName = Literal["constant", "cosine", "exponential", "step"]
ActivationName = Literal["elu", "gelu", "leaky_relu", "relu", "selu", "sigmoid", "silu", "tanh"]
NormalizationName = Literal["none", "batch", "layer"]
CLIPS = ("clip_value", "clip_norm", "clip_global_norm")


@dataclass(frozen=True)
class TrainOptions:
    """How a model is built and trained; docs/reference/training.md explains each.

    Attributes:
        model: ``linear`` (numbers and one-hots), ``deep`` (numbers and embeddings through hidden
            layers), ``wide_deep`` (the sum of both), or ``module:function``, which builds a Keras
            model of your own.
        hidden_units: widths of the hidden layers, first to last.
        members: networks of hidden layers side by side, whose scores are averaged; each is
            trained on its own, on the same rows and embeddings; None: 4 where there are hidden
            layers of ours.
        activation: the activation of the hidden layers.
        normalization: what normalizes the hidden layers, before their activation.
        dropout: share of hidden activations dropped in training, in [0, 1).
        l1: penalty on the sum of absolute weights; biases are free. Ftrl's is its own.
        pieces: how many pieces each number's range is cut into, by quantiles; what a number counts
            may then differ between them; None: 8 where the split is at random and there are 20,000
            training rows or more, else 0, none.
        l2: penalty on the sum of squared weights; biases are free; None: 0.0005, or 0.00005 where
            ``pieces`` is 8 by default.
        max_norm: bound of the norm of each hidden unit's incoming weights; None: none.
        drop_features: patterns of transformed outputs to leave out, such as ``*_1h_by_*``; empty:
            none.
        warm_start: a model whose weights the training begins with: an exported one, or a run's;
            None: none.
        embeddings_from: a model whose embeddings the training begins with, matched by names and
            entries; None: none.
        freeze_embeddings: the embeddings of ``embeddings_from`` stay as they are.
        optimizer: the optimizer of all weights, or of those that ``wide_optimizer`` leaves.
        learning_rate: the optimizer's rate, at its peak; None: by optimizer, model, inputs and
            batch.
        wide_optimizer: the optimizer of the wide side's weights; None: that of all.
        wide_learning_rate: the wide optimizer's rate, at its peak, unused without one; None: by
            optimizer and inputs.
        momentum: the momentum of the optimizer of that name, in [0, 1).
        ema_momentum: how much a step leaves of the weights' moving averages, which are what is
            evaluated, kept and exported, in [0, 1); 0: the weights themselves are. None: 0.99
            with hidden layers of ours and no L1.
        weight_decay: the decay of the optimizer ``adamw``; biases are free.
        schedule: how the rates go on from their peak: ``cosine`` falls to zero over
            ``max_steps``. Ftrl's rate stays.
        warmup_steps: first steps, over which the rates rise to their peak.
        decay_rate: what ``exponential`` and ``step`` multiply the rates by, in (0, 1].
        decay_every: steps in which they do so once.
        decay_at: steps at which ``step`` does so instead, ascending; empty: every
            ``decay_every``.
        clip_value: bound of every single gradient's size; None: none.
        clip_norm: bound of the norm of each weight matrix's gradient; None: none.
        clip_global_norm: bound of the norm of all gradients together; None: none.
        max_steps: steps after which training ends; None: 50 passes over the rows, 4,000 at
            most, or one pass where that takes more.
        epochs: passes over the rows to train for, in place of ``max_steps``; None: as many as the
            steps make.
        batch_size: rows per step; None: 64 to 512, by how many there are.
        eval_every: steps between evaluations on the eval split, each of which writes a checkpoint;
            None: a twentieth of ``max_steps``, 10 at the least.
        eval_steps: batches of the eval split that an evaluation in training measures; None: all.
        best_by: the metric of the eval split that says which evaluation was the best (``rmse``,
            ``mae``, ``log_loss``, ``auc``, ``accuracy``), over rows by their own weights;
            None: the RMSE of a regression, else the log loss.
        patience: evaluations without improvement after which training ends.
        seed: the seed of the weights, the order of the rows and dropout.
        data: which rows it is trained on, and what each counts.

    Raises:
        InputError: options out of range; it lists all of them.
    """

    # The hidden units were chosen on blocks of time within the flights' train split.
    model: str = "wide_deep"
    hidden_units: tuple[int, ...] = (128, 64)
    members: int | None = None
    activation: ActivationName = "relu"
    normalization: NormalizationName = "none"
    dropout: float = 0.0
    l1: float = 0.0
    l2: float | None = None
    pieces: int | None = None
    max_norm: float | None = None
    drop_features: tuple[str, ...] = ()
    warm_start: str | None = None
    embeddings_from: str | None = None
    freeze_embeddings: bool = False
    optimizer: OptimizerName = "adam"
    learning_rate: float | None = None
    wide_optimizer: OptimizerName | None = None
    wide_learning_rate: float | None = None
    momentum: float = 0.9
    ema_momentum: float | None = None
    weight_decay: float = 0.004
    schedule: ScheduleName = "cosine"
    warmup_steps: int = 0
    decay_rate: float = 0.5
    decay_every: int = 1000
    decay_at: tuple[int, ...] = ()
    clip_value: float | None = None
    clip_norm: float | None = None
    clip_global_norm: float | None = None
    max_steps: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    eval_every: int | None = None
    eval_steps: int | None = None
    best_by: str | None = None
    patience: int = 10
    seed: int = 0
    data: DataOptions = field(default_factory=DataOptions)

    def __post_init__(self) -> None:
        found = (self._model_problems, self._optimizer_problems, self._loop_problems)
        problems = [str(problem) for problems in found for problem in problems()]
        if problems:
            raise InputError("training options: " + "; ".join(problems))

    @property
    def is_own_model(self) -> bool:
        """Whether the model is a function of the user's own."""
        return is_own(self.model)

    def _model_problems(self) -> Iterator[Problem]:
        kinds = get_args(ModelKind)
        if self.model not in kinds and not (self.is_own_model and is_importable_path(self.model)):
            yield Problem(
                "--model", self.model, "no such choice",
                f"use one of {', '.join(kinds)}, or module:function",
            )  # fmt: skip
        if not self.hidden_units or min(self.hidden_units) < 1:
            yield Problem(
                "--hidden-units", self.hidden_units, "not layers of one unit or more",
                "give widths such as 128,64; --model linear has no hidden layers",
            )  # fmt: skip
        if self.members is not None and self.members < 1:
            yield Problem("--members", self.members, "no networks", "give 1, or try 4")
        if (self.members or 1) > 1 and self.model not in WITH_HIDDEN:
            yield Problem(
                "--members", self.members, f"--model {self.model} has no hidden layers of ours",
                "give 1, or use --model deep or wide_deep",
            )  # fmt: skip
        yield from choice("--activation", self.activation, get_args(ActivationName))
        yield from choice("--normalization", self.normalization, get_args(NormalizationName))
        yield from _share("--dropout", self.dropout, "try 0.1")
        if self.pieces is not None and self.pieces < 0:
            yield Problem("--pieces", self.pieces, "below zero", "give 0, or try 8")
        for flag, penalty in (("--l1", self.l1), ("--l2", self.l2 or 0.0)):
            if not 0 <= penalty < float("inf"):
                yield Problem(flag, penalty, "not a penalty", "give zero or more")
        yield from _bound("--max-norm", self.max_norm, "try 3")
        if self.freeze_embeddings and self.embeddings_from is None:
            yield Problem(
                "--freeze-embeddings", True, "no embeddings are given",
                "name a model with --embeddings-from, too",
            )  # fmt: skip

    def _optimizer_problems(self) -> Iterator[Problem]:
        names = get_args(OptimizerName)
        yield from choice("--optimizer", self.optimizer, names)
        if self.wide_optimizer is not None:
            yield from choice("--wide-optimizer", self.wide_optimizer, names)
            if self.model in ONE_SIDED:
                yield Problem(
                    "--wide-optimizer", self.wide_optimizer, f"--model {self.model} has one side",
                    "use --optimizer, or --model wide_deep",
                )  # fmt: skip
        yield from _bound("--learning-rate", self.learning_rate, "try 0.001")
        yield from _bound("--wide-learning-rate", self.wide_learning_rate, "try 0.05")
        yield from _share("--momentum", self.momentum, "try 0.9")
        yield from _share("--ema-momentum", self.ema_momentum or 0.0, "give 0, or try 0.99")
        if not 0 <= self.weight_decay < 1:
            yield Problem("--weight-decay", self.weight_decay, "not a decay", "try 0.004")
        yield from choice("--schedule", self.schedule, get_args(ScheduleName))
        if not 0 < self.decay_rate <= 1:
            yield Problem("--decay-rate", self.decay_rate, "no decay", "give a share, such as 0.5")
        if any(a >= b for a, b in zip((0, *self.decay_at), self.decay_at, strict=False)):
            yield Problem("--decay-at", self.decay_at, "not ascending steps", "try 3000,6000")
        elif self.decay_at and self.decay_at[0] <= self.warmup_steps:
            yield Problem(
                "--decay-at", self.decay_at, f"not after --warmup-steps {self.warmup_steps}",
                "give steps after it, or a shorter warm-up",
            )  # fmt: skip
        most = float("inf") if self.max_steps is None else max(self.max_steps, 1)
        if not 0 <= self.warmup_steps < most:
            yield Problem(
                "--warmup-steps", self.warmup_steps, "not below --max-steps", "give fewer, or 0"
            )
        bounds = {name: getattr(self, name) for name in CLIPS}
        for name, bound in bounds.items():
            yield from _bound("--" + name.replace("_", "-"), bound, "try 1")
        if sum(bound is not None for bound in bounds.values()) > 1:
            yield Problem(
                "--clip-...", tuple(bounds.values()), "several ways to clip gradients", "choose one"
            )

    def _loop_problems(self) -> Iterator[Problem]:
        if self.epochs is not None and self.max_steps is not None:
            yield Problem(
                "--epochs", self.epochs, f"--max-steps {self.max_steps} is another length",
                "give one of the two",
            )  # fmt: skip
        for flag, count in (
            ("--max-steps", self.max_steps),
            ("--epochs", self.epochs),
            ("--batch-size", self.batch_size),
            ("--eval-every", self.eval_every),
            ("--eval-steps", self.eval_steps),
            ("--patience", self.patience),
            ("--decay-every", self.decay_every),
        ):
            if count is not None and count < 1:
                yield Problem(flag, count, "less than one", "give a whole number from 1")
        if not 0 <= self.seed < 2**31:
            yield Problem("--seed", self.seed, "out of range", "give a whole number below 2**31")
        yield from self.data.problems()


def is_own(model: str) -> bool:
    """Tells whether ``--model`` is ``module:function``, a function of the user's own."""
    return ":" in model


def _bound(flag: str, value: float | None, cure: str) -> Iterator[Problem]:
    if value is not None and not 0 < value < float("inf"):
        yield Problem(flag, value, "not above zero", cure)


def _share(flag: str, value: float, cure: str) -> Iterator[Problem]:
    if not 0 <= value < 1:
        yield Problem(flag, value, "not a share below one", cure)
