"""Functions of a user's own: what no served model can do is refused before there is any data."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from forebay.transforms.definition.columns import Number, String
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Custom
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import InputError
from forebay.transforms.graph.preprocessing import check_functions

MODULE = "functions_of_a_user"
DEFINITION = Dataset(
    name="own",
    columns={"x": Number(), "text": String(), "y": Number()},
    features=[Custom(f"{MODULE}:function", columns=["x", "text"], name="out")],
    label=Regression("y"),
    split=HashSplit("text"),
)
Columns = dict[str, tf.Tensor]
Check = Callable[[Callable[[Columns], Any]], None]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Check:
    """Checks the definition with another function of the user's."""

    def run(function: Callable[[Columns], Any]) -> None:
        module = types.ModuleType(MODULE)
        module.function = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, MODULE, module)
        check_functions(DEFINITION)

    return run


def python_step(x: tf.Tensor) -> tf.Tensor:
    return tf.ensure_shape(tf.py_function(lambda value: value + 1, [x], tf.float32), x.shape)


@tf.function
def wrapped(x: tf.Tensor) -> tf.Tensor:
    return tf.map_fn(python_step, x)


UNSERVABLE: dict[str, tuple[Callable[[Columns], Any], str, str]] = {
    "py_function": (lambda c: python_step(c["x"]), "EagerPyFunc", "TensorFlow's own operations"),
    "numpy_function": (
        lambda c: tf.ensure_shape(tf.numpy_function(np.sin, [c["x"]], tf.float32), [None]),
        "PyFunc", "a Derive",
    ),
    "stateless numpy_function": (
        lambda c: tf.ensure_shape(
            tf.numpy_function(np.sin, [c["x"]], tf.float32, stateful=False), [None]
        ),
        "PyFuncStateless", "a Derive",
    ),
    "apply_pyfunc": (
        lambda c: tf.ensure_shape(
            tft.apply_pyfunc(np.sin, tf.float32, True, "sine", c["x"]), [None]
        ),
        "PyFunc", "a Derive",
    ),
    "in a loop of a tf.function": (lambda c: wrapped(c["x"]), "EagerPyFunc", "calls Python"),
    "in a branch": (
        lambda c: tf.cond(tf.size(c["x"]) > 3, lambda: python_step(c["x"]), lambda: c["x"]),
        "EagerPyFunc", "calls Python",
    ),
    "read_file": (
        lambda c: tf.cast(tf.strings.length(tf.io.read_file(c["text"][0])), tf.float32) * c["x"],
        "ReadFile", "when the function's module is loaded",
    ),
    "random": (lambda c: c["x"] + tf.random.uniform([1]), "RandomUniform", "stateless"),
    "shuffle": (lambda c: tf.random.shuffle(c["x"]), "RandomShuffle", "stateless"),
    "clock": (
        lambda c: c["x"] - tf.cast(tf.timestamp(), tf.float32), "Timestamp", "the row's own time",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSERVABLE)
def test_operations_that_no_served_model_has_are_refused(case: str, check: Check) -> None:
    function, operation, cure = UNSERVABLE[case]
    with pytest.raises(InputError) as caught:
        check(function)
    message = str(caught.value)
    assert f"the function '{MODULE}:function' uses the operation {operation}: " in message
    assert cure in message


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda c: tf.strings.split(c["text"]), "a RaggedTensor, whose rows have no fixed width"),
        (lambda c: tf.sparse.from_dense(c["x"][:, None]), "a SparseTensor, whose rows have no"),
        (lambda c: np.zeros(3, np.float32), "a ndarray; return a tensor"),
        (lambda c: 1.0, "a float; return a tensor"),
        (lambda c: c["text"], "string of shape"),
        (lambda c: c["x"][0], "float32 of shape ()"),
        (lambda c: tf.cast(c["x"], tf.float64), "float64 of shape"),
        (lambda c: tf.strings.length(tf.strings.split(c["text"]).to_tensor()), "int32 of shape"),
        (
            lambda c: tf.ones(tf.shape(tf.strings.split(c["text"]).to_tensor())),
            "float32 of shape (None, None); return float32 or int64 of shape (batch,) or (batch, w",
        ),
    ],
)
def test_outputs_that_no_example_holds_are_refused(
    function: Callable[[Columns], Any], problem: str, check: Check
) -> None:
    with pytest.raises(InputError) as caught:
        check(function)
    assert f"the function '{MODULE}:function' returned 'out' as {problem}" in str(caught.value)


@pytest.mark.parametrize(
    "function",
    [
        lambda c: tf.where(tf.math.is_finite(c["x"]), c["x"], 0.0) - tft.mean(c["x"]),
        lambda c: tft.compute_and_apply_vocabulary(c["text"], num_oov_buckets=1),
        lambda c: tf.map_fn(lambda x: x * 2.0, c["x"]),
        lambda c: tf.stack([c["x"], 2.0 * c["x"]], axis=1),
        lambda c: c["x"] + tf.random.stateless_uniform(tf.shape(c["x"]), seed=[1, 2]),
        tf.function(lambda c: tf.math.log1p(c["x"])),
    ],
)
def test_what_a_served_model_can_do_is_let_pass(
    function: Callable[[Columns], Any], check: Check
) -> None:
    check(function)


def test_a_function_that_fails_is_named(check: Check) -> None:
    with pytest.raises(InputError, match=f"'{MODULE}:function' failed .*KeyError"):
        check(lambda c: c["nothing"])


def test_an_unnamed_tensor_is_refused(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    unnamed = replace(DEFINITION, features=[Custom(f"{MODULE}:function", columns=["x"])])
    monkeypatch.setattr(sys.modules[__name__], "DEFINITION", unnamed)
    with pytest.raises(InputError, match="returned one tensor and its feature has no name"):
        check(lambda c: c["x"])
