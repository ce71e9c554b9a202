"""Models against plain NumPy: activations, normalisation, dropout, penalties, bounds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf
from chosen import chosen

from forebay.trainer.examples.inputs import CategoricalInput, ModelInputs, NumericInput
from forebay.trainer.examples.statistics import Scale, TrainStatistics
from forebay.trainer.export.signatures import ask
from forebay.trainer.layers.losses import row_losses
from forebay.trainer.model import build
from forebay.trainer.optimizers.build import make_updater
from forebay.trainer.options.choose import ChosenOptions
from forebay.trainer.options.train import ActivationName, NormalizationName
from forebay.trainer.training.steps import compiled_steps
from forebay.trainer.workers.team import alone
from forebay.transforms.definition.labels import Regression

INPUTS = ModelInputs((NumericInput("x"), NumericInput("y")), (CategoricalInput("c_id", 5, 0, 2),))
STATISTICS = TrainStatistics(
    Scale(np.array([1.0, -2.0]), np.array([2.0, 0.5])),
    Scale(np.array([10.0]), np.array([3.0])), 1, 1.0, np.zeros(0),
)  # fmt: skip
ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.05070099 * np.where(x > 0, x, 1.67326324 * np.expm1(x)),
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
}
COLUMNS = {
    "x": np.array([1.0, -3.0, 2.5, 0.0], np.float32),
    "y": np.array([0.0, -2.5, 1.0, 4.0], np.float32),
    "c_id": np.array([0, 4, 2, 2]),
}


def model_of(options: ChosenOptions, seed: int = 3) -> keras.Model:
    """A model whose weights are all random, biases and moments too."""
    model = build(INPUTS, Regression("z"), STATISTICS, options).prediction
    random = np.random.default_rng(seed)
    for variable in model.variables:
        if variable.dtype.startswith("float"):
            variable.assign(random.uniform(0.5, 1.5, variable.shape) * random.choice([-1, 1]))
            if "variance" in variable.path:
                variable.assign(np.abs(variable.numpy()))
    return model


def forward(model: keras.Model, options: ChosenOptions) -> np.ndarray:
    """The deep side by hand, dropout left out."""
    w = {variable.path: variable.numpy().astype(np.float64) for variable in model.variables}
    numbers = np.stack([(COLUMNS["x"] - 1) / 2, (COLUMNS["y"] + 2) / 0.5], axis=1)
    x = np.concatenate([numbers, w["embeddings_2/embeddings"][COLUMNS["c_id"]]], axis=1)
    for i in range(len(options.hidden_units)):
        x = x @ w[f"hidden_{i}/kernel"] + w[f"hidden_{i}/bias"]
        if options.normalization != "none":
            name = f"normalization_{i}"
            mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
            if options.normalization == "batch":
                mean, variance = w[f"{name}/moving_mean"], w[f"{name}/moving_variance"]
            x = (x - mean) / np.sqrt(variance + 1e-3) * w[f"{name}/gamma"] + w[f"{name}/beta"]
        x = ACTIVATIONS[options.activation](x)
    return (x @ w["deep/kernel"] + w["deep/bias"])[:, 0] * 3 + 10


@pytest.mark.parametrize(
    "options",
    [
        *(
            chosen(model="deep", hidden_units=(6, 4), activation=name)
            for name in get_args(ActivationName)
        ),
        chosen(model="deep", hidden_units=(6, 4), normalization="layer", dropout=0.5),
        chosen(model="deep", hidden_units=(6, 4), normalization="batch", dropout=0.5),
    ],
    ids=lambda options: f"{options.activation}-{options.normalization}",
)
def test_the_served_answer_is_that_of_the_layers_without_dropout(options: ChosenOptions) -> None:
    model = model_of(options)
    columns = {name: tf.constant(column) for name, column in COLUMNS.items()}
    expected = forward(model, options)
    for _ in range(2):
        found = ask(model, columns, INPUTS)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


MEMBERS = chosen(hidden_units=(6, 4), members=3, normalization="layer", l1=0.01, l2=0.1)
CONTEXT = (np.array([[1.0, 2.0], [-3.0, 0.5]]), np.array([[1], [4]]), np.zeros((2, 0)))


def test_the_answer_of_several_members_is_their_mean() -> None:
    models = build(INPUTS, Regression("z"), STATISTICS, MEMBERS)
    members = np.asarray(models.members(CONTEXT))
    assert members.shape == (2, 3)
    assert len({score.tobytes() for score in members.T}) == 3
    np.testing.assert_allclose(models.score(CONTEXT), members.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(models.prediction(CONTEXT), members.mean(axis=1) * 3 + 10, 1e-5)


@pytest.mark.parametrize("normalization", ["none", "layer"])
def test_a_member_answers_and_learns_as_if_it_were_alone(normalization: NormalizationName) -> None:
    """Its answers, and the gradients of its weights: of its own error, over how many there are."""
    options = replace(MEMBERS, normalization=normalization, max_norm=None)
    models = build(INPUTS, Regression("z"), STATISTICS, options)
    alone_options = replace(options, members=1)
    single = build(INPUTS, Regression("z"), STATISTICS, alone_options)
    label = tf.constant([10.0, 20.0])
    for variable in models.score.trainable_variables:
        variable.assign(variable + 0.1)  # biases, too
    theirs = {variable.path: variable.numpy() for variable in models.score.variables}
    for variable in single.score.trainable_variables:
        variable.assign(of_member(theirs[variable.path], variable.shape, 2))
    np.testing.assert_allclose(
        np.asarray(models.members(CONTEXT))[:, 2], single.score(CONTEXT), rtol=1e-5
    )
    found = gradients(models.members, options, CONTEXT, label)
    expected = gradients(single.members, alone_options, CONTEXT, label)
    own = [path for path in found if found[path].shape != expected[path].shape]
    assert len(own) == (10 if normalization == "layer" else 6)
    for path in own:
        same = of_member(found[path], expected[path].shape, 2)
        np.testing.assert_allclose(3 * same, expected[path], rtol=1e-4, atol=1e-5)


def of_member(values: np.ndarray, shape: tuple[int, ...], member: int) -> np.ndarray:
    """What is one member's of the weights of all, which lie apart, or side by side."""
    if values.shape == shape:
        return values
    if values.ndim > len(shape):
        return values[member].reshape(shape)
    return values[..., member * shape[-1] : (member + 1) * shape[-1]]


def gradients(
    model: keras.Model, options: ChosenOptions, context: tuple[np.ndarray, ...], label: tf.Tensor
) -> dict[str, np.ndarray]:
    """By one step of gradient descent, at a rate of 1."""
    weights = tuple(model.trainable_variables)
    before = {weight.path: weight.numpy() for weight in weights}
    updater = make_updater(model, replace(options, optimizer="sgd", learning_rate=1.0))
    batch = tuple(
        tf.constant(x, t) for x, t in zip(context, ("float32", "int32", "float32"), strict=True)
    )
    batches = tf.data.Dataset.from_tensors((batch, label, tf.ones(2)))
    losses = row_losses("regression", STATISTICS)
    compiled_steps(alone(), model, updater, losses, lambda *batch: batch)(
        iter(batches), tf.constant(1)
    )
    return {weight.path: before[weight.path] - weight.numpy() for weight in weights}


def test_dropout_is_on_in_training() -> None:
    options = chosen(model="deep", hidden_units=(40,), dropout=0.5, activation="sigmoid")
    model = model_of(options)
    hidden = keras.Model(model.inputs, model.get_layer("dropout_0").output)
    context = (np.zeros((50, 2)), np.zeros((50, 1), np.int32), np.zeros((50, 0)))
    dropped = np.asarray(hidden(context, training=True)) == 0
    assert 0.4 < dropped.mean() < 0.6
    assert not (np.asarray(hidden(context, training=False)) == 0).any()


def test_members_start_apart_and_as_wide_as_one_alone() -> None:
    options = chosen(model="deep", hidden_units=(200, 100), members=3)
    models = build(INPUTS, Regression("z"), STATISTICS, options)
    kernels = {v.path: v.numpy() for v in models.score.trainable_variables}
    for path, width in (("hidden_0/kernel", 4), ("hidden_1/kernel", 200)):
        # He et al.: a variance of two over what each unit reads.
        np.testing.assert_allclose(kernels[path].std(), math.sqrt(2 / width), rtol=0.1)
    assert kernels["hidden_1/kernel"].shape == (3, 200, 100)
    assert kernels["deep/kernel"].shape == (3, 100, 1)


def test_the_elastic_net_is_of_all_weights_but_biases() -> None:
    options = chosen(l1=0.01, l2=0.1, hidden_units=(3,), normalization="layer")
    model = model_of(options)
    weights = [
        variable.numpy()
        for variable in model.trainable_variables
        if variable.path.rpartition("/")[2] in ("kernel", "embeddings")
    ]
    assert len(weights) == 5
    expected = sum(0.01 * np.abs(w).sum() + 0.1 * np.square(w).sum() for w in weights)
    assert float(sum(model.losses)) == pytest.approx(float(expected), rel=1e-5)


def test_l1_of_a_proximal_optimizer_is_not_in_the_loss_too() -> None:
    ftrl = chosen(l1=0.01, l2=0, hidden_units=(3,), wide_optimizer="ftrl")
    model = model_of(ftrl)
    deep = ("embeddings_2/embeddings", "hidden_0/kernel", "deep/kernel")
    expected = sum(0.01 * np.abs(v.numpy()).sum() for v in model.variables if v.path in deep)
    assert float(sum(model.losses)) == pytest.approx(float(expected), rel=1e-5)
    assert not model_of(chosen(l1=0.01, l2=0, optimizer="ftrl")).losses


@pytest.mark.parametrize("members", [1, 2])
def test_weights_into_a_hidden_unit_are_bounded(members: int) -> None:
    options = chosen(
        max_norm=0.5, hidden_units=(3, 2), optimizer="sgd", learning_rate=1.0, members=members
    )
    model = model_of(options)
    updater = make_updater(model, options)
    updater.apply([tf.ones(weight.shape) * 9 for weight in updater.weights])
    kernels = {v.path: v.numpy() for v in updater.weights}
    for layer, axis in (("hidden_0", 0), ("hidden_1", 0 if members == 1 else 1)):
        found = np.linalg.norm(kernels[f"{layer}/kernel"], axis=axis)
        np.testing.assert_allclose(found, 0.5, 1e-4)
    assert np.linalg.norm(kernels["deep/kernel"]) > 1
