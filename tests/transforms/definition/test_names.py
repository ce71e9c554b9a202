"""Names that become those of files: what leads elsewhere, or is none, no definition has."""

from __future__ import annotations

import tempfile

import pytest
import tensorflow as tf

from forebay import Categorical, Dataset, HashSplit, Number, Regression, String
from forebay.transforms.definition.names import is_servable
from forebay.transforms.errors import DefinitionError


def dataset(name: str = "d", column: str = "s", feature: str | None = None) -> Dataset:
    return Dataset(
        name=name,
        columns={"id": String(), column: String(), "y": Number()},
        features=(Categorical(column, name=feature),),
        label=Regression("y"),
        split=HashSplit("id"),
        passthrough=(column,),
    )


BAD = ["../../../esc", "a/b", "/etc/passwd", "..", ".", "a\nb", "a\x00b", "a\x1b[2J"]


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("field", ["name", "column", "feature"])
def test_names_that_no_file_can_have(field: str, name: str) -> None:
    with pytest.raises(DefinitionError) as said:
        dataset(**{field: name})
    assert repr(name) in str(said.value)


def test_a_name_too_long_for_a_file() -> None:
    with pytest.raises(DefinitionError, match="no file can have this name"):
        dataset(feature="x" * 201)


@pytest.mark.parametrize("name", ["a", "a.b", "x" * 197, "..a", "-"])
def test_names_that_a_file_can_have(name: str) -> None:
    assert dataset(feature=name).features[0].outputs == (name,)


NOT_SERVABLE = ["wind speed", "größe", "class", "self", "None", "a.b", "1st", "_a", "it's"]


@pytest.mark.parametrize("name", NOT_SERVABLE)
def test_columns_that_no_served_model_can_be_given_are_refused(name: str) -> None:
    with pytest.raises(DefinitionError) as said:
        dataset(column=name, feature="plain")
    assert f"columns = {name!r}: no input of a served model can have this name" in str(said.value)


def test_columns_that_differ_in_capitals_only_are_refused() -> None:
    with pytest.raises(DefinitionError, match=r"columns = 'price'.*from 'Price'"):
        Dataset(
            name="d",
            columns={"id": String(), "Price": String(), "price": String(), "y": Number()},
            features=(Categorical("Price"), Categorical("price", name="second")),
            label=Regression("y"),
            split=HashSplit("id"),
        )


@pytest.mark.parametrize("name", NOT_SERVABLE)
def test_columns_that_no_model_is_given_may_have_any_name(name: str) -> None:
    columns = {"id": String(), "s": String(), name: Number()}
    Dataset(
        name="d", columns=columns, features=(Categorical("s"),), label=Regression(name),
        split=HashSplit("id"),
    )  # fmt: skip


def test_a_signature_keeps_the_names_that_are_taken_for_servable() -> None:
    """And no other: TensorFlow itself is asked."""
    names = [*NOT_SERVABLE, "price", "a_b", "x9", "args", "print", "X"]
    kept = [name for name in names if _is_kept(name)]
    assert kept == [name for name in names if is_servable(name)]


def _is_kept(name: str) -> bool:
    module = tf.Module()
    spec = {name: tf.TensorSpec([None], tf.float32, name=name)}
    module.answer = tf.function(lambda raw: {"sum": sum(raw.values())}, input_signature=[spec])
    with tempfile.TemporaryDirectory() as folder:
        try:
            tf.saved_model.save(module, folder, signatures=module.answer)
        except (ValueError, TypeError):
            return False
        signature = tf.saved_model.load(folder).signatures["serving_default"]
        return list(signature.structured_input_signature[1]) == [name]


@pytest.mark.parametrize("name", ["stadt ä", "a b", "ü", "a:b"])
def test_names_that_no_operation_can_have_are_refused(name: str) -> None:
    with pytest.raises(DefinitionError, match="TensorFlow can give no operation this name"):
        dataset(feature=name)


@pytest.mark.parametrize(
    ("first", "second"), [("team.1", "team_1"), ("a--b", "a-b"), ("x", "x_most_frequent")]
)
def test_features_do_not_share_the_file_of_a_vocabulary(first: str, second: str) -> None:
    with pytest.raises(DefinitionError, match=r"the vocabulary of .* would have the same file"):
        Dataset(
            name="d",
            columns={"id": String(), "s": String(), "t": String(), "y": Number()},
            features=(Categorical("s", name=first), Categorical("t", name=second)),
            label=Regression("y"),
            split=HashSplit("id"),
        )
