"""Weights of another model: matched by what they stand for, kept, and frozen where asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from chosen import chosen

from forebay.storage.run.run_folder import open_run
from forebay.trainer.checkpoints.best_model import SavedTraining
from forebay.trainer.examples.inputs import CategoricalInput, ModelInputs, NumericInput
from forebay.trainer.examples.statistics import Scale, TrainStatistics
from forebay.trainer.model import build
from forebay.trainer.optimizers.build import make_updater
from forebay.trainer.options import TrainOptions
from forebay.trainer.task import main
from forebay.trainer.training.train import train
from forebay.trainer.weights.id_names import IdNames
from forebay.trainer.weights.other_models import OtherModel
from forebay.trainer.weights.transfer import take_embeddings, take_weights
from forebay.transforms.definition.columns import Number, String
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Categorical, Crossed, Numeric
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import InputError, RunFolderError

PLAIN = TrainStatistics(
    Scale(np.zeros(2), np.ones(2)), Scale(np.zeros(1), np.ones(1)), 1, 1.0, np.zeros(0)
)
DATASET = Dataset(
    name="d",
    columns={"a": Number(), "b": Number(), "c": String(), "e": String(), "y": Number()},
    features=(
        Numeric("a"), Numeric("b"), Categorical("c", embed=2), Categorical("e", embed=2),
        Crossed("ce", ("c_id", "e_id"), 1000, embed=3), Crossed("hashed", ("c_id", "e_id"), 7),
    ),
    label=Regression("y"),
    split=HashSplit("c"),
)  # fmt: skip


@dataclass(frozen=True)
class Side:
    """A model of its own vocabularies, letters each, as another run would make it."""

    model: keras.Model
    names: IdNames
    kind: str

    @property
    def other(self) -> OtherModel:
        record = {"options": {"model": self.kind}}
        training = SavedTraining(self.model, self.names.inputs, record, b"")
        return OtherModel("there", training, self.names)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        return {variable.path: variable.numpy() for variable in self.model.variables}


def side(folder: Path, numbers: str, c: str, e: str, seed: int, **changes: object) -> Side:
    folder.mkdir()
    for name, entries in (("c_id", c), ("e_id", e)):
        (folder / name).write_text("".join(f"{letter}\n" for letter in entries))
    hashed = int(changes.pop("hashed", 7))  # type: ignore[call-overload]
    inputs = ModelInputs(
        tuple(NumericInput(name) for name in numbers),
        (
            CategoricalInput("c_id", len(c) + 2, 0, 2), CategoricalInput("e_id", len(e) + 2, 0, 2),
            CategoricalInput("ce", 1000, 0, 3), CategoricalInput("hashed", hashed, 0, 2),
        ),
    )  # fmt: skip
    options = chosen(**{"hidden_units": (3,), "seed": seed, "normalization": "batch", **changes})
    model = build(inputs, Regression("y"), PLAIN, options).score
    random = np.random.default_rng(seed)
    for variable in model.variables:
        variable.assign(random.uniform(0.5, 1.5, variable.shape))
    return Side(model, IdNames(DATASET, inputs, str(folder)), options.model)


def answers(model: keras.Model, rows: int, **ids: np.ndarray) -> np.ndarray:
    random = np.random.default_rng(9)
    numbers = random.normal(0, 1, (rows, 2)).astype(np.float32)
    matrix = np.stack([ids["c"], ids["e"], ids["ce"], ids["hashed"]], axis=1).astype(np.int32)
    return np.asarray(model((numbers, matrix, np.zeros((rows, 0), np.float32)), training=False))


@pytest.mark.parametrize("members", [1, 3])
def test_a_warm_start_answers_alike_whatever_the_order_of_the_vocabulary(
    tmp_path: Path, members: int
) -> None:
    theirs = side(tmp_path / "theirs", "ab", "xyz", "uvw", seed=1, members=members)
    mine = side(tmp_path / "mine", "ab", "zxy", "wu", seed=2, members=members)
    # What no name matches is nothing: then all that is left must be what was taken.
    for one in (theirs, mine):
        table = {layer.name: layer for layer in one.model.layers}["wide_ids"].embeddings
        table.assign(np.concatenate([table.numpy()[:-7], np.zeros((7, 1))]))
        embedded = {layer.name: layer for layer in one.model.layers}["embeddings_2"].embeddings
        embedded.assign(np.concatenate([embedded.numpy()[:-7], np.zeros((7, 2))]))
    result = take_weights(mine.model, mine.names, theirs.other)
    letters = [("x", "u"), ("y", "w"), ("z", "u"), ("x", "w")]
    found = []
    for one, c, e in ((theirs, "xyz", "uvw"), (mine, "zxy", "wu")):
        of_c = np.array([c.index(letter) for letter, _ in letters])
        of_e = np.array([e.index(letter) for _, letter in letters])
        both = of_c * (len(e) + 2) + of_e
        found.append(answers(one.model, 4, c=of_c, e=of_e, ce=both, hashed=np.zeros(4)))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)
    assert any(line.startswith("took wide_ids of c_id: 5 of 5") for line in result.lines())
    assert "took embeddings_3 of ce: 20 of 1,000 entries" not in result.lines()
    (left,) = [line for line in result.left if line.startswith("wide_ids of hashed")]
    assert "hold other combinations" in left
    assert "took normalization_0/moving_mean" in result.lines()
    assert "took hidden_0/kernel: 11 of 11 rows" in result.lines()


def test_hashed_crosses_are_taken_where_all_parts_are_the_same(
    tmp_path: Path,
) -> None:
    theirs = side(tmp_path / "theirs", "ab", "xy", "uv", seed=1)
    mine = side(tmp_path / "mine", "ab", "xy", "uv", seed=2)
    result = take_embeddings(mine.model, mine.names, theirs.other)
    assert "embeddings_2 of hashed: 7 of 7 entries" in result.taken
    assert not result.left
    other = side(tmp_path / "other", "ab", "xy", "uv", seed=3, hashed=6)
    result = take_embeddings(other.model, other.names, theirs.other)
    assert not any("hashed" in line for line in result.taken)


def test_inputs_that_changed_places_keep_their_weights(
    tmp_path: Path,
) -> None:
    theirs = side(tmp_path / "theirs", "ab", "xy", "uv", seed=1, members=2)
    mine = side(tmp_path / "mine", "ba", "xy", "uv", seed=2, members=2)
    before = mine.model.trainable_variables
    result = take_weights(mine.model, mine.names, theirs.other)
    kernels = {variable.path: variable.numpy() for variable in before}
    for layer in ("wide_numbers", "hidden_0"):
        path = f"{layer}/kernel"
        np.testing.assert_array_equal(kernels[path][:2], theirs.weights[path][[1, 0]])
        np.testing.assert_array_equal(kernels[path][2:], theirs.weights[path][2:])
    assert not result.left


def test_what_does_not_fit_is_left_and_said(tmp_path: Path) -> None:
    theirs = side(tmp_path / "theirs", "ab", "xy", "uv", seed=1)
    mine = side(tmp_path / "mine", "ab", "xy", "uv", seed=2, hidden_units=(4, 2), model="deep")
    result = take_weights(mine.model, mine.names, theirs.other)
    assert "hidden_0/bias: (3,) there, (4,) here" in result.left
    assert "hidden_1/kernel: not in there" in result.left
    assert "deep/kernel: (3, 1) there, (2, 1) here" in result.left
    assert not any(line.startswith("took wide") for line in result.lines())
    linear = side(tmp_path / "linear", "ab", "xy", "uv", seed=2, model="linear")
    with pytest.raises(InputError, match="has nothing to give"):
        take_embeddings(linear.model, linear.names, theirs.other)


def test_the_rows_of_an_own_models_matrices_are_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_donor.py").write_text(
        "import keras\n\ndef build(context):\n"
        "    x = keras.layers.Dense(3, name='hidden_0')(context.numbers)\n"
        "    return keras.layers.Dense(1, name='deep')(x)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    theirs = side(tmp_path / "theirs", "ab", "xy", "uv", seed=1, model="own_donor:build")
    mine = side(tmp_path / "mine", "ab", "xy", "uv", seed=2)
    result = take_weights(mine.model, mine.names, theirs.other)
    assert "hidden_0/kernel: (2, 3) there, (11, 3) here" in result.left
    assert {"hidden_0/bias", "deep/kernel"} <= set(result.taken)


def test_frozen_embeddings_stay_and_new_entries_learn(
    tmp_path: Path,
) -> None:
    theirs = side(tmp_path / "theirs", "ab", "xy", "uv", seed=1)
    mine = side(tmp_path / "mine", "ab", "yzx", "vu", seed=2)
    result = take_embeddings(mine.model, mine.names, theirs.other, freeze=True)
    options = chosen(optimizer="adamw", learning_rate=0.1, l2=0.1)
    updater = make_updater(mine.model, options, result.frozen)

    @tf.function
    def step() -> None:
        updater.apply([tf.ones(weight.shape) for weight in updater.weights])

    step()
    step()
    tables = {layer.name: layer for layer in mine.model.layers}
    given = theirs.weights["embeddings_2/embeddings"]
    found = tables["embeddings_2"].embeddings.numpy()
    np.testing.assert_array_equal(found[[0, 2]], given[[1, 0]])  # y and x
    np.testing.assert_array_equal(found[[5, 6]], given[[5, 4]])  # v and u
    start = np.random.default_rng(2)
    fresh = {v.path: start.uniform(0.5, 1.5, v.shape) for v in mine.model.variables}
    assert (found[1] < fresh["embeddings_2/embeddings"][1]).all()  # z, which is new, has learned


def test_a_training_begins_with_another_models_weights(
    regression_run: Path, trained_regression: Path, copy_of: Callable[[Path], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run = copy_of(regression_run)
    flags = ["--max-steps", "2", "--eval-every", "2", "--learning-rate", "1e-9", "--no-export"]
    assert main(["train", str(run), *flags, "--warm-start", str(trained_regression)]) == 0
    record = json.loads((run / "training/model.json").read_text())
    before = json.loads((trained_regression / "training/model.json").read_text())
    assert record["eval_loss"] == pytest.approx(before["eval_loss"], rel=1e-4)
    assert "took hidden_1/kernel" in capsys.readouterr().err
    frozen = chosen(
        max_steps=20, eval_every=20, embeddings_from=str(trained_regression / "model"),
        freeze_embeddings=True, seed=5,
    )  # fmt: skip
    saved = train(open_run(str(run)), frozen, fresh=True)
    other = train(open_run(str(trained_regression)), TrainOptions(**before_options(before)))
    for path in ("embeddings_2/embeddings", "embeddings_3/embeddings"):
        mine, theirs = (
            {v.path: v.numpy() for v in model.variables}[path]
            for model in (saved.model, other.model)
        )
        np.testing.assert_array_equal(mine, theirs)
    with pytest.raises(RunFolderError, match="is not there"):
        train(open_run(str(run)), TrainOptions(warm_start="no/such/model"), fresh=True)


def before_options(record: dict) -> dict:
    return {name: record["options"][name] for name in ("max_steps", "eval_every", "batch_size")}
