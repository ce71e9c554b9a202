"""The served functions: raw columns in, answers out, the transform graph between."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from forebay.storage.run.exported import CLASS_NAME, OUTPUT_NAMES, output_names
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.checkpoints.best_model import SavedTraining
from forebay.trainer.examples.inputs import ModelInputs
from forebay.trainer.examples.split_reader import stack
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.labels import Classification
from forebay.transforms.errors import InputError, RunFailed
from forebay.transforms.graph.inputs import to_fed

Tensors = Mapping[str, tf.Tensor]


class Served:
    """A trained model behind the transform graph of its run.

    Args:
        run: the run that the model was trained on.
        training: the model.

    Raises:
        InputError: a passthrough column has the name of the answer.
    """

    def __init__(self, run: RunFolder, training: SavedTraining) -> None:
        self.definition = run.definition
        self.output = OUTPUT_NAMES[self.definition.label.task]
        for name in set(output_names(self.definition.label)) & set(self.definition.passthrough):
            raise InputError(
                f"passthrough {name!r} has the name of the model's answer; "
                "rename the column in the definition"
            )
        self.training = training
        self.transform_layer = run.transform_output.transform_features_layer()

    def raw_spec(self) -> dict[str, tf.TensorSpec]:
        """Returns what `answer` takes: tensors of shape (batch,), by column."""
        dtypes = raw_dtypes(self.definition)
        return {name: tf.TensorSpec([None], dtype, name=name) for name, dtype in dtypes.items()}

    def transform(self, raw: Tensors) -> dict[str, tf.Tensor]:
        """Transforms raw columns into the model's inputs, (batch,) or (batch, width) each.

        Raises:
            RunFailed: the transform graph left one out, as it does where a column is lacking.
        """
        transformed = self.transform_layer(to_fed(raw))
        names = self.training.inputs.names
        lacking = sorted(set(names) - set(transformed))
        if lacking:
            raise RunFailed(
                f"the transform graph makes no {', '.join(lacking)} of the columns "
                f"{', '.join(sorted(raw))}; make the run and the model anew"
            )
        return {name: transformed[name] for name in names}

    def answer(self, raw: Tensors) -> dict[str, tf.Tensor]:
        """Returns the model's answer and the passthrough columns, (batch,) each.

        Probabilities of several classes are (batch, classes), and ``class`` is the likeliest.
        """
        transformed = self.transform(raw)
        result = ask(self.training.model, transformed, self.training.inputs)
        carried = {
            name: tf.identity(raw[name]) for name in self.definition.passthrough if name in raw
        }
        label = self.definition.label
        if isinstance(label, Classification):
            carried[CLASS_NAME] = tf.gather(tf.constant(label.classes), tf.argmax(result, axis=1))
        return {self.output: result, **carried}

    def answer_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers serialized tf.Examples, string (batch,); an absent key is an error."""
        return self.answer(parse_examples(examples, raw_dtypes(self.definition)))

    def archive(self) -> Any:
        """Returns a Keras archive with the signatures that are served."""
        archive = keras.export.ExportArchive()
        archive.track(self.training.model)
        archive.track(self.transform_layer)
        spec = [self.raw_spec()]
        archive.add_endpoint("serving_default", self.answer, spec)
        examples = tf.TensorSpec([None], tf.string, name="examples")
        archive.add_endpoint(
            "serve_examples", _keyed(self.answer_examples), [{"examples": examples}]
        )
        archive.add_endpoint("transform_features", self.transform, spec)
        return archive


def ask(model: keras.Model, transformed: Tensors, inputs: ModelInputs) -> tf.Tensor:
    """Returns a model's answers to transformed columns, as `model.Models.prediction` gives them."""
    return model(stack(transformed, inputs), training=False)


def raw_dtypes(definition: Dataset) -> dict[str, tf.DType]:
    """Returns the dtype of each raw column that a served model is given."""
    dtypes = definition.graph_dtypes
    return {name: tf.as_dtype(dtypes[name]) for name in definition.served_columns}


def parse_examples(examples: tf.Tensor, dtypes: Mapping[str, tf.DType]) -> dict[str, tf.Tensor]:
    """Reads tf.Examples of raw rows: one value per column, none optional.

    tf.Example has no float64: such a number is text there, "nan" where it is missing.

    Args:
        examples: serialized, string (batch,).
        dtypes: the columns' types, by name.

    Returns:
        The columns, (batch,) each.
    """
    spec = {
        name: tf.io.FixedLenFeature([], tf.string if dtype == tf.float64 else dtype)
        for name, dtype in dtypes.items()
    }
    parsed = tf.io.parse_example(examples, spec)
    return {
        name: tf.strings.to_number(column, dtypes[name]) if dtypes[name] == tf.float64 else column
        for name, column in parsed.items()
    }


def _keyed(function: Callable[[tf.Tensor], Any]) -> Callable[[Tensors], Any]:
    return lambda inputs: function(inputs["examples"])
