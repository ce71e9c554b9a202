"""L1 with Ftrl leaves weights exactly zero, and the report names them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chosen import chosen

from forebay.storage.run.run_folder import open_run
from forebay.trainer.examples.inputs import (
    CategoricalInput,
    ModelInputs,
    NumericInput,
    inputs_of,
)
from forebay.trainer.examples.statistics import Scale, TrainStatistics
from forebay.trainer.model import build
from forebay.trainer.options import LoopOptions, TrainOptions
from forebay.trainer.task import main
from forebay.trainer.training.job import prepare
from forebay.trainer.weights.id_names import IdNames
from forebay.trainer.weights.pruned import prune
from forebay.trainer.weights.zeros import InputZeros, find_zeros, table, write_zeros
from forebay.trainer.workers.team import alone
from forebay.transforms.definition.columns import Number, String
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Categorical, Crossed, Numeric
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import RunFailed

Copy = Callable[[Path], Path]
# The numbers a and b; the category c of x, y, z, others and missing; a cross of c with itself.
INPUTS = ModelInputs(
    (NumericInput("a"), NumericInput("b")),
    (CategoricalInput("c_id", 5, 0, 2), CategoricalInput("cc", 25, 0, 0)),
)
DATASET = Dataset(
    name="d",
    columns={"a": Number(), "b": Number(), "c": String(), "y": Number()},
    features=(Numeric("a"), Numeric("b"), Categorical("c"), Crossed("cc", ("c_id", "c_id"), 25)),
    label=Regression("y"),
    split=HashSplit("c"),
)
PLAIN = TrainStatistics(
    Scale(np.zeros(2), np.ones(2)), Scale(np.zeros(1), np.ones(1)), 1, 1.0, np.zeros(0)
)


def names(folder: Path) -> IdNames:
    (folder / "c_id").write_text("x\ny\nz\n")
    return IdNames(DATASET, INPUTS, str(folder))


def test_ids_are_named_by_vocabulary_and_crosses_by_their_parts(tmp_path: Path) -> None:
    category, cross = INPUTS.categorical
    found = names(tmp_path)
    assert found.of(category) == ["x", "y", "z", "(other 0)", "(missing)"]
    (tmp_path / "c_id").write_bytes(b"x\n\xfe\na\xfdb\n")
    assert found.of(category)[:3] == ["x", "", "a\nb"]
    combinations = names(tmp_path).of(cross)
    assert combinations[7] == "y × z"
    assert combinations[24] == "(missing) × (missing)"
    hashed = CategoricalInput("cc", 24, 0, 0)
    assert names(tmp_path).of(hashed) == [str(i) for i in range(24)]
    assert names(tmp_path).is_hashed(hashed)
    assert not names(tmp_path).is_hashed(cross)


def test_what_is_zero_is_found_on_both_sides(tmp_path: Path) -> None:
    model = build(INPUTS, Regression("y"), PLAIN, chosen(hidden_units=(3,))).score
    layers = {layer.name: layer for layer in model.layers}
    layers["wide_numbers"].kernel.assign([[0], [2]])
    layers["wide_ids"].embeddings.assign(np.r_[0, 1, 0, 1, 1, np.zeros(25)][:, None])
    layers["embeddings_2"].embeddings.assign([[0, 0], [0, 1], [1, 0], [1, 1], [0, 0]])
    hidden = np.ones((4, 3))
    hidden[1] = 0
    layers["hidden_0"].kernel.assign(hidden)
    found = find_zeros(model, names(tmp_path))
    by_place = {(each.side, each.name): each for each in found.inputs}
    assert by_place["wide", "a"] == InputZeros("wide", "a", 1, ("a",))
    assert by_place["wide", "b"].zero == ()
    assert by_place["wide", "c_id"].zero == ("x", "z")
    assert by_place["wide", "cc"].is_out
    assert by_place["deep", "b"].is_out
    assert by_place["deep", "c_id"].zero == ("x", "(missing)")
    arrays = [weight.numpy() for weight in model.trainable_variables]
    assert found.weights == sum(array.size for array in arrays)
    assert found.left == sum((array != 0).sum() for array in arrays)
    text = table(found)
    assert "wide: nothing left of a, cc" in text
    assert "wide: c_id: 2 of 5 entries are out: x, z" in text


@pytest.mark.parametrize("kind", [{"model": "linear"}, {"hidden_units": (3, 2), "members": 2}])
def test_without_inputs_that_are_out_the_answers_are_the_same(kind: dict[str, Any]) -> None:
    options, rng = chosen(**kind), np.random.default_rng(0)
    model = build(INPUTS, Regression("y"), PLAIN, options).score
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    out = frozenset({"a", "c_id"})
    args = (INPUTS, Regression("y"), PLAIN, options, rows_of(rng))
    with pytest.raises(RunFailed, match="answers otherwise"):  # for they are not out
        prune(model, out, *args)
    for layer in model.layers:
        if layer.name == "wide_numbers" or layer.name == "hidden_0":
            kernel = layer.kernel.numpy()
            kernel[0] = 0  # of a
            layer.kernel.assign(kernel)
        if layer.name in ("wide_ids", "embeddings_2"):
            table = layer.embeddings.numpy()
            table[:5] = 0  # of c_id
            layer.embeddings.assign(table)
    found = prune(model, out, *args)
    assert found is not None
    assert (found.out, found.rows) == (("a", "c_id"), 20)
    assert 0 < found.after.weights < found.before.weights
    assert min(found.before.milliseconds, found.after.milliseconds) > 0
    everything = frozenset({"a", "b", "c_id", "cc"})
    assert prune(model, everything, *args) is None


@pytest.mark.parametrize(
    ("model", "out", "is_smaller"),
    [
        ("linear", "b", True),
        ("linear", "ab", False),  # the bias is of the numbers' layer
        ("wide_deep", "ab", False),
        ("deep", "ab", True),
        ("deep", ("a", "b", "c_id"), False),  # hidden layers read no cross without an embedding
        ("wide_deep", ("b", "c_id"), True),
    ],
)
def test_a_smaller_model_is_built_where_it_has_all_other_weights(
    model: Any, out: Sequence[str], is_smaller: bool
) -> None:
    options, rng = chosen(model=model, hidden_units=(3, 2)), np.random.default_rng(0)
    score = build(INPUTS, Regression("y"), PLAIN, options).score
    for variable in score.trainable_variables:
        values = rng.normal(size=variable.shape)
        if variable.path in ("wide_numbers/kernel", "hidden_0/kernel"):
            values[[place for place, name in enumerate("ab") if name in out]] = 0
        elif variable.path in ("wide_ids/embeddings", "embeddings_2/embeddings") and "c_id" in out:
            values[:5] = 0
        variable.assign(values)
    args = (INPUTS, Regression("y"), PLAIN, options, rows_of(rng))
    found = prune(score, frozenset(out), *args)
    assert (found is not None) == is_smaller


def rows_of(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """The matrices of some rows."""
    ids = [rng.integers(0, column.size, 20) for column in INPUTS.categorical]
    numbers = rng.normal(size=(20, 2)).astype(np.float32)
    return numbers, np.stack(ids, 1).astype(np.int32), np.zeros((20, 0), np.float32)


def test_a_number_is_out_where_its_pieces_are_too(tmp_path: Path) -> None:
    pieces = 3
    cut, ends = INPUTS.cut(pieces), np.tile(np.linspace(-1, 1, pieces + 1), (2, 1))
    statistics, options = replace(PLAIN, bounds=ends), chosen(hidden_units=(3,))
    model = build(cut, Regression("y"), statistics, options).score
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if layer.name in ("wide_numbers", "hidden_0"):
            kernel = rng.normal(size=layer.kernel.shape)
            kernel[:2] = 0  # of both; and of the pieces of b
            kernel[2 + pieces : 2 + 2 * pieces] = 0
            layer.kernel.assign(kernel)
    found = find_zeros(model, replace(names(tmp_path), inputs=cut))
    zero = {(each.side, each.name): each.zero for each in found.inputs}
    assert zero["wide", "a"] == zero["deep", "a"] == ()
    assert zero["wide", "b"] == zero["deep", "b"] == ("b",)
    pruned = prune(model, frozenset("b"), cut, Regression("y"), statistics, options, rows_of(rng))
    assert pruned is not None
    assert pruned.before.weights - pruned.after.weights == (1 + pieces) * (1 + 3)


def test_an_input_is_out_where_it_is_out_of_every_member(tmp_path: Path) -> None:
    options = chosen(hidden_units=(3,), members=2)
    model = build(INPUTS, Regression("y"), PLAIN, options).score
    layers = {layer.name: layer for layer in model.layers}
    one, other = np.ones((4, 3)), np.ones((4, 3))
    one[:2] = other[1] = 0
    layers["hidden_0"].kernel.assign(np.concatenate([one, other], axis=1))
    found = find_zeros(model, names(tmp_path))
    by_place = {(each.side, each.name): each for each in found.inputs}
    assert not by_place["deep", "a"].zero
    assert by_place["deep", "b"].is_out


@pytest.mark.parametrize("optimizer", ["ftrl", "adam"])
def test_only_a_proximal_optimizer_selects_features(
    regression_run: Path, copy_of: Copy, optimizer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_of(regression_run)
    flags = ["--model", "linear", "--optimizer", optimizer, "--learning-rate", "0.1"]
    l1 = "30" if optimizer == "ftrl" else "0.01"
    steps = ["--max-steps", "300", "--eval-every", "300", "--no-export", "--l2", "0"]
    assert main(["train", str(run), *flags, *steps, "--l1", l1]) == 0
    printed = capsys.readouterr().out
    report = json.loads((run / "training/zeros.json").read_text())
    zero = {each["name"]: len(each["zero"]) / each["entries"] for each in report["inputs"]}
    if optimizer == "adam":
        assert zero["wagons_value"] == 0
        return
    assert f"weights: {report['left']:,} of {report['weights']:,} are left" in printed
    pruned = report["pruned"]
    assert "wagons_value" in pruned["out"]
    assert pruned["after"]["weights"] < pruned["before"]["weights"] == report["weights"]
    assert pruned["before"]["bytes"] == 4 * report["weights"]
    assert f"without {len(pruned['out'])} inputs that no side sees" in printed
    assert "--drop-features wagons_value" in printed
    # The label knows nothing of the wagons, and a lot of the distance and the guess.
    assert zero["wagons_value"] == 1
    assert zero["guess_0_1"] == 0
    assert zero["line_hour"] > 0.5
    assert report["left"] < 0.3 * report["weights"]
    evaluation = json.loads((run / "evaluation/eval.json").read_text())
    assert evaluation["metrics"]["rmse"] < 0.8 * evaluation["baselines"][0]["metrics"]["rmse"]


def test_a_training_that_leaves_no_number_ends_with_its_report_and_its_model(
    regression_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    """The label knows nothing of the wagons, the only number that is given, and a lot of ids."""
    run = copy_of(regression_run)
    numbers = [column.name for column in inputs_of(open_run(str(run))).numeric]
    drop = [f"--drop-features={name}" for name in numbers if name != "wagons_value"]
    flags = ["--model", "linear", "--optimizer", "ftrl", "--learning-rate", "0.1", "--l1", "30"]
    steps = ["--max-steps", "300", "--eval-every", "300", "--l2", "0"]
    assert main(["train", str(run), *flags, *steps, *drop]) == 0
    report = json.loads((run / "training/zeros.json").read_text())
    out = {each["name"] for each in report["inputs"] if len(each["zero"]) == each["entries"]}
    assert "wagons_value" in out
    assert out < {each["name"] for each in report["inputs"]}
    assert report["pruned"] is None
    printed = capsys.readouterr().out
    assert "wide: nothing left of wagons_value" in printed
    assert "exported" in printed


def test_a_report_that_fails_ends_no_training(
    regression_run: Path, copy_of: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    """Zero times infinity is not a number, so that the answers differ without the input."""
    run = open_run(str(copy_of(regression_run)))
    options = TrainOptions(model="linear", l1=1.0, max_steps=20)
    job = prepare(run, options, LoopOptions(), alone())
    kernel = job.models.score.get_layer("wide_numbers").kernel
    kernel.assign(np.r_[np.zeros((1, 1)), np.ones((kernel.shape[0] - 1, 1))])
    few = next(iter(job.eval_parts()))
    numbers = few.numbers[:20].copy()
    numbers[:, 0] = np.inf
    rows = numbers, few.ids[:20], few.id_weights[:20]
    write_zeros(
        "training", run, job.models.score, job.inputs, job.statistics, job.options, rows
    )  # fmt: skip
    said = capsys.readouterr().err
    assert said.startswith("warning: the model without the inputs that are out answers otherwise")
    report = json.loads(Path(run.own("training", "zeros.json")).read_text())
    assert report["pruned"] is None
    assert job.inputs.numeric[0].name in {each["name"] for each in report["inputs"] if each["zero"]}
