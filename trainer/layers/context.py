"""What a model is built of: symbolic inputs, and the two ways to read them."""

from dataclasses import dataclass

import keras
import numpy as np

from forebay.trainer.examples.inputs import ModelInputs
from forebay.trainer.examples.statistics import TrainStatistics
from forebay.trainer.layers.lookup import Lookup
from forebay.trainer.options.choose import ChosenOptions
from forebay.trainer.weights.rows import (
    WIDE_IDS,
    WIDE_NUMBERS,
    embedding_columns,
    embedding_name,
    one_hot_columns,
)
from forebay.transforms.definition.labels import Classification, Label


@dataclass(frozen=True)
class ModelContext:
    """What the function that builds a model is given.

    Attributes:
        inputs: the names, sizes and places of the columns below.
        outputs: how many scores a row has: 1, or as many as the label has classes.
        options: the options of the training.
        raw_numbers: float32 (batch, numbers), in the features' own scales.
        ids: int32 (batch, ids), each from 0.
        id_weights: float32 (batch, weights of ids).
        numbers: the numbers standardised by the train split, float32 (batch, numbers); None where
            there are none.
    """

    inputs: ModelInputs
    outputs: int
    options: ChosenOptions
    raw_numbers: keras.KerasTensor
    ids: keras.KerasTensor
    id_weights: keras.KerasTensor
    numbers: keras.KerasTensor | None

    @property
    def tensors(self) -> list[keras.KerasTensor]:
        """The model's inputs, in the order in which it is called with them."""
        return [self.raw_numbers, self.ids, self.id_weights]

    def linear(self, penalty: keras.regularizers.Regularizer | None = None) -> keras.KerasTensor:
        """Returns float32 (batch, outputs): linear in the numbers and in the one-hots of all ids.

        Its weights are those of layers named ``wide_numbers`` and ``wide_ids``.
        """
        terms = []
        if self.numbers is not None:
            dense = keras.layers.Dense(self.outputs, kernel_regularizer=penalty, name=WIDE_NUMBERS)
            terms.append(dense(self.numbers))
        if self.inputs.categorical:
            lookup = Lookup(self.ids, self.id_weights, self.inputs, penalty)
            terms.append(lookup.total(self.inputs.categorical, self.outputs, WIDE_IDS))
        return keras.layers.Add()(terms) if len(terms) > 1 else terms[0]

    def dense(
        self, penalty: keras.regularizers.Regularizer | None = None
    ) -> keras.KerasTensor | None:
        """Returns float32 (batch, width): the numbers, and the embeddings of the ids that have one.

        Embeddings of d dimensions are weights of a layer named ``embeddings_<d>``. None where
        there are neither numbers nor embeddings.
        """
        lookup = Lookup(self.ids, self.id_weights, self.inputs, penalty)
        parts = [] if self.numbers is None else [self.numbers]
        for size, columns in embedding_columns(self.inputs).items():
            parts.append(lookup.embeddings(columns, size, embedding_name(size)))
        if hot := one_hot_columns(self.inputs):
            parts.append(lookup.one_hots(hot))
        if not parts:
            return None
        return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]


def context_of(
    inputs: ModelInputs, label: Label, statistics: TrainStatistics, options: ChosenOptions
) -> ModelContext:
    """Returns what a model of these inputs is built of."""
    numbers, ids, id_weights = inputs.widths
    raw = keras.Input((numbers,), name="numbers")
    return ModelContext(
        inputs=inputs,
        outputs=len(label.classes) if isinstance(label, Classification) else 1,
        options=options,
        raw_numbers=raw,
        ids=keras.Input((ids,), dtype="int32", name="ids"),
        id_weights=keras.Input((id_weights,), name="id_weights"),
        numbers=_standardise(raw, statistics) if inputs.numeric else None,
    )


def _standardise(numbers: keras.KerasTensor, statistics: TrainStatistics) -> keras.KerasTensor:
    moments = statistics.numbers
    variance = np.square(moments.usable_deviation)
    return keras.layers.Normalization(
        axis=-1,
        mean=moments.mean.astype(np.float32),
        # Float32 has no square of deviations beyond 1.8e19.
        variance=np.minimum(variance, np.finfo(np.float32).max).astype(np.float32),
        name="standardise",
    )(numbers)
