"""Optimizers against plain loops, their rates, and which weights they reach."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf
from chosen import chosen

from forebay.trainer.examples.inputs import CategoricalInput, ModelInputs, NumericInput
from forebay.trainer.examples.statistics import Scale, TrainStatistics
from forebay.trainer.model import build
from forebay.trainer.optimizers.build import make_updater
from forebay.trainer.optimizers.schedules import learning_rate
from forebay.trainer.optimizers.updater import Clip, FrozenRows, Updater, WeightGroup
from forebay.trainer.options import OptimizerName
from forebay.trainer.options.choose import ChosenOptions
from forebay.transforms.definition.labels import Regression

INPUTS = ModelInputs((NumericInput("x"), NumericInput("y")), (CategoricalInput("c_id", 5, 0, 2),))
PLAIN = TrainStatistics(
    Scale(np.zeros(2), np.ones(2)), Scale(np.zeros(1), np.ones(1)), 1, 1.0, np.zeros(0)
)


def model_of(options: ChosenOptions) -> keras.Model:
    return build(INPUTS, Regression("z"), PLAIN, options).score


class Plain:
    """Each optimizer's published update of a weight, as a loop over numbers."""

    def __init__(self, kind: OptimizerName, rate: float) -> None:
        self.kind, self.rate, self.t = kind, rate, 0
        self.a = self.b = 0.1 if kind in ("adagrad", "ftrl") else 0.0
        self.linear = 0.0

    def step(self, w: float, g: float) -> float:
        self.t += 1
        return getattr(self, "_" + self.kind)(w, g)

    def _sgd(self, w: float, g: float) -> float:
        return w - self.rate * g

    def _momentum(self, w: float, g: float) -> float:
        self.a = 0.9 * self.a - self.rate * g
        return w + self.a

    def _adagrad(self, w: float, g: float) -> float:
        self.a += g * g
        return w - self.rate * g / math.sqrt(self.a + 1e-7)

    def _rmsprop(self, w: float, g: float) -> float:
        self.a = 0.9 * self.a + 0.1 * g * g
        return w - self.rate * g / math.sqrt(self.a + 1e-7)

    def _adadelta(self, w: float, g: float) -> float:
        self.a = 0.95 * self.a + 0.05 * g * g
        delta = -math.sqrt(self.b + 1e-7) / math.sqrt(self.a + 1e-7) * g
        self.b = 0.95 * self.b + 0.05 * delta * delta
        return w + self.rate * delta

    def _adam(self, w: float, g: float) -> float:
        self.a = 0.9 * self.a + 0.1 * g
        self.b = 0.999 * self.b + 0.001 * g * g
        first, second = self.a / (1 - 0.9**self.t), self.b / (1 - 0.999**self.t)
        return w - self.rate * first / (math.sqrt(second) + 1e-7)

    def _adamw(self, w: float, g: float) -> float:
        return self._adam(w - self.rate * 0.004 * w, g)

    def _ftrl(self, w: float, g: float) -> float:
        before, self.a = self.a, self.a + g * g
        self.linear += g - (math.sqrt(self.a) - math.sqrt(before)) / self.rate * w
        size = max(abs(self.linear) - 0.2, 0.0)
        return -math.copysign(size, self.linear) / (math.sqrt(self.a) / self.rate)


@pytest.mark.parametrize("kind", get_args(OptimizerName))
def test_optimizers_are_those_of_the_books(kind: OptimizerName) -> None:
    random = np.random.default_rng(3)
    model = model_of(chosen(model="linear"))
    options = chosen(
        model="linear", optimizer=kind, learning_rate=0.1, schedule="constant",
        l1=0.2 if kind == "ftrl" else 0.0,
    )  # fmt: skip
    updater = make_updater(model, options)
    weights = [weight.numpy().copy() for weight in updater.weights]
    loops = [[Plain(kind, 0.1) for _ in weight.ravel()] for weight in weights]
    expected = [weight.astype(np.float64) for weight in weights]
    for _ in range(5):
        gradients = [random.normal(0, 1, weight.shape).astype(np.float32) for weight in weights]
        updater.apply([tf.constant(gradient) for gradient in gradients])
        for values, loop, gradient in zip(expected, loops, gradients, strict=True):
            flat = values.reshape(-1)
            for i, one in enumerate(loop):
                flat[i] = one.step(float(flat[i]), float(gradient.ravel()[i]))
    for weight, values in zip(updater.weights, expected, strict=True):
        if weight.path.endswith("bias") and kind in ("adamw", "ftrl"):
            continue  # free of penalties; the next test looks at them
        np.testing.assert_allclose(weight.numpy(), values, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("momentum", [0.5, 0.99])
def test_averages_follow_the_weights_and_stand_in_for_them(momentum: float) -> None:
    random = np.random.default_rng(5)
    options = chosen(hidden_units=(3,), members=2, ema_momentum=momentum, learning_rate=0.1)
    model = model_of(options)
    table = next(weight for weight in model.trainable_variables if "embed" in weight.path)
    updater = make_updater(model, options, [FrozenRows(table, (1,))])
    frozen = table.numpy()[1].copy()
    expected = [weight.numpy().astype(np.float64) for weight in updater.weights]
    steps = 30
    for step in range(steps):
        gradients = [random.normal(0, 1, weight.shape) for weight in updater.weights]
        updater.apply([tf.constant(gradient, tf.float32) for gradient in gradients])
        # tf.train.ExponentialMovingAverage, told the number of updates.
        kept = min(momentum, (1 + step) / (10 + step))
        expected = [
            kept * average + (1 - kept) * weight.numpy()
            for average, weight in zip(expected, updater.weights, strict=True)
        ]
    raw = [weight.numpy().copy() for weight in updater.weights]
    with updater.averaged():
        for weight, average in zip(updater.weights, expected, strict=True):
            np.testing.assert_allclose(weight.numpy(), average, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(table.numpy()[1], frozen)
    for weight, value in zip(updater.weights, raw, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


def test_without_averages_the_weights_themselves_are_looked_at() -> None:
    model = model_of(chosen(model="linear"))
    updater = make_updater(model, chosen(model="linear", ema_momentum=0.0))
    before = [weight.numpy().copy() for weight in updater.weights]
    assert not updater.averages
    with updater.averaged():
        for weight, value in zip(updater.weights, before, strict=True):
            np.testing.assert_array_equal(weight.numpy(), value)


@pytest.mark.parametrize("kind", ["adamw", "ftrl"])
def test_penalties_of_optimizers_spare_biases(kind: OptimizerName) -> None:
    options = chosen(
        model="linear", optimizer=kind, l1=1e6, weight_decay=0.9, learning_rate=1.0,
        schedule="constant",
    )  # fmt: skip
    model = model_of(chosen(model="linear"))
    for weight in model.trainable_variables:
        weight.assign(np.ones(weight.shape))
    updater = make_updater(model, options)
    updater.apply([tf.ones(weight.shape) * 1e-3 for weight in updater.weights])
    free = {weight.path: weight.numpy() for weight in updater.weights}
    twin = model_of(chosen(model="linear"))
    for weight in twin.trainable_variables:
        weight.assign(np.ones(weight.shape))
    unpenalised = make_updater(
        twin, chosen(model="linear", optimizer="adam" if kind == "adamw" else "ftrl",
                           learning_rate=1.0, schedule="constant"),
    )  # fmt: skip
    unpenalised.apply([tf.ones(weight.shape) * 1e-3 for weight in unpenalised.weights])
    for weight in unpenalised.weights:
        same = np.allclose(free[weight.path], weight.numpy())
        assert same == weight.path.endswith("bias"), weight.path
    if kind == "ftrl":
        assert not free["wide_numbers/kernel"].any()  # exactly zero


def rates(options: ChosenOptions, steps: int = 100, peak: float = 2.0) -> np.ndarray:
    rate = learning_rate(options, peak)
    if isinstance(rate, float):
        return np.full(steps, rate)
    return np.array([float(rate(tf.constant(step))) for step in range(steps)])


def cosine(step: int, steps: int) -> float:
    return 1 + math.cos(math.pi * step / steps)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, lambda i: cosine(i, 100)),
        ({"schedule": "constant"}, lambda i: 2.0),
        ({"schedule": "exponential", "decay_every": 10}, lambda i: 2 * 0.5 ** (i / 10)),
        ({"schedule": "step", "decay_every": 10}, lambda i: 2 * 0.5 ** (i // 10)),
        (
            {"schedule": "step", "decay_at": (30, 50), "decay_rate": 0.1},
            lambda i: 2.0 if i < 30 else 0.2 if i < 50 else 0.02,
        ),
        ({"warmup_steps": 20}, lambda i: 2 * (i + 1) / 20 if i < 20 else cosine(i - 20, 80)),
        (
            {"warmup_steps": 20, "schedule": "constant"},
            lambda i: 2 * (i + 1) / 20 if i < 20 else 2.0,
        ),
        (
            {"warmup_steps": 10, "schedule": "step", "decay_at": (30,)},
            lambda i: 2 * (i + 1) / 10 if i < 10 else 2.0 if i < 30 else 1.0,
        ),
    ],
)  # fmt: skip
def test_rates_over_the_steps(options: dict, expected: Callable[[int], float]) -> None:
    found = rates(chosen(max_steps=100, **options))
    np.testing.assert_allclose(found, [expected(i) for i in range(100)], rtol=1e-5, atol=1e-6)


def test_each_side_has_its_own_optimizer_and_rate() -> None:
    options = chosen(
        wide_optimizer="ftrl", optimizer="adagrad", learning_rate=0.02, hidden_units=(3,),
        max_steps=10, l1=0.1,
    )  # fmt: skip
    updater = make_updater(model_of(options), options)
    reached = {
        weight.path: (group.name, type(group.optimizer).__name__)
        for group in updater.groups
        for weight in group.weights
    }
    assert reached == {
        "wide_numbers/kernel": ("wide", "Ftrl"), "wide_numbers/bias": ("wide", "Ftrl"),
        "wide_ids/embeddings": ("wide", "Ftrl"), "embeddings_2/embeddings": ("deep", "Adagrad"),
        "hidden_0/kernel": ("deep", "Adagrad"), "hidden_0/bias": ("deep", "Adagrad"),
        "deep/kernel": ("deep", "Adagrad"), "deep/bias": ("deep", "Adagrad"),
    }  # fmt: skip
    assert updater.learning_rates() == pytest.approx(
        {"learning_rate/wide": 0.2, "learning_rate/deep": 0.02}
    )
    for _ in range(5):
        updater.apply([tf.ones(weight.shape) for weight in updater.weights])
    # Ftrl's stays, the other falls along half a cosine.
    assert updater.learning_rates() == pytest.approx(
        {"learning_rate/wide": 0.2, "learning_rate/deep": 0.01}
    )
    one = make_updater(model_of(chosen()), chosen())
    assert one.learning_rates() == pytest.approx({"learning_rate": 2.8e-3})


@pytest.mark.parametrize("by", ["value", "norm", "global_norm"])
def test_gradients_are_clipped(by: str) -> None:
    random = np.random.default_rng(5)
    rows, values = np.array([1, 3, 1]), random.normal(0, 3, (3, 2))
    dense = random.normal(0, 3, (4,))
    table = np.zeros((5, 2))
    np.add.at(table, rows, values)
    given = [
        tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant([5, 2])),
        tf.constant(dense),
    ]
    found = Clip(by, 1.5)(given)  # type: ignore[arg-type]
    norm = np.linalg.norm(np.concatenate([table.ravel(), dense]))
    expected = {
        "value": [np.clip(table, -1.5, 1.5), np.clip(dense, -1.5, 1.5)],
        "norm": [g * min(1, 1.5 / np.linalg.norm(g)) for g in (table, dense)],
        "global_norm": [g * min(1, 1.5 / norm) for g in (table, dense)],
    }[by]
    for gradient, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(gradient, wanted)
    small = [tf.constant(np.full(3, 1e-3))]
    np.testing.assert_allclose(Clip(by, 1.5)(small)[0], small[0])  # type: ignore[arg-type]


def test_clipping_happens_before_the_optimizer() -> None:
    weight = keras.Variable(np.zeros(2), name="w")
    group = WeightGroup("all", keras.optimizers.SGD(1.0), (weight,))
    Updater((weight,), (group,), Clip("global_norm", 1.0)).apply([tf.constant([30.0, 40.0])])
    np.testing.assert_allclose(weight.numpy(), [-0.6, -0.8], rtol=1e-6)


def test_frozen_rows_stay_whatever_the_optimizer_does() -> None:
    table = keras.Variable(np.arange(6.0).reshape(3, 2), name="table")
    group = WeightGroup("all", keras.optimizers.AdamW(0.1, weight_decay=0.1), (table,))
    updater = Updater((table,), (group,), frozen=(FrozenRows(table, (0, 2)),))

    @tf.function
    def step() -> None:
        updater.apply([tf.ones((3, 2))])

    for _ in range(3):
        step()
    np.testing.assert_array_equal(table.numpy()[[0, 2]], [[0, 1], [4, 5]])
    assert (table.numpy()[1] < [2, 3]).all()
