"""What a model is built of: symbolic inputs, and the two ways to read them."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from forebay.trainer.examples.inputs import ModelInputs
from forebay.trainer.examples.statistics import Scale, TrainStatistics
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

Floats = npt.NDArray[np.float64]
# Of a deviation: pieces that are narrower are empty.
NARROWEST = 1e-6


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
        pieces: how far each number is through each piece of its range, from 0 below the piece to
            1 above it, float32 (batch, pieces of all numbers); None where there are none.
    """

    inputs: ModelInputs
    outputs: int
    options: ChosenOptions
    raw_numbers: keras.KerasTensor
    ids: keras.KerasTensor
    id_weights: keras.KerasTensor
    numbers: keras.KerasTensor | None
    pieces: keras.KerasTensor | None

    @property
    def tensors(self) -> list[keras.KerasTensor]:
        """The model's inputs, in the order in which it is called with them."""
        return [self.raw_numbers, self.ids, self.id_weights]

    def linear(self, penalty: keras.regularizers.Regularizer | None = None) -> keras.KerasTensor:
        """Returns float32 (batch, outputs): linear in numbers, pieces and the one-hots of all ids.

        Its weights are those of layers named ``wide_numbers`` and ``wide_ids``.
        """
        terms = []
        if numbers := self._of_numbers:
            dense = keras.layers.Dense(self.outputs, kernel_regularizer=penalty, name=WIDE_NUMBERS)
            terms.append(dense(_side_by_side(numbers)))
        if self.inputs.categorical:
            lookup = Lookup(self.ids, self.id_weights, self.inputs, penalty)
            terms.append(lookup.total(self.inputs.categorical, self.outputs, WIDE_IDS))
        return keras.layers.Add()(terms) if len(terms) > 1 else terms[0]

    def dense(
        self, penalty: keras.regularizers.Regularizer | None = None
    ) -> keras.KerasTensor | None:
        """Returns float32 (batch, width): numbers, pieces, and the ids' embeddings and one-hots.

        Embeddings of d dimensions are weights of a layer named ``embeddings_<d>``. None where
        there are neither numbers nor embeddings.
        """
        lookup = Lookup(self.ids, self.id_weights, self.inputs, penalty)
        parts = self._of_numbers
        for size, columns in embedding_columns(self.inputs).items():
            parts.append(lookup.embeddings(columns, size, embedding_name(size)))
        if hot := one_hot_columns(self.inputs):
            parts.append(lookup.one_hots(hot))
        return _side_by_side(parts) if parts else None

    @property
    def _of_numbers(self) -> list[keras.KerasTensor]:
        return [tensor for tensor in (self.numbers, self.pieces) if tensor is not None]


def _side_by_side(parts: list[keras.KerasTensor]) -> keras.KerasTensor:
    return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]


def context_of(
    inputs: ModelInputs, label: Label, statistics: TrainStatistics, options: ChosenOptions
) -> ModelContext:
    """Returns what a model of these inputs is built of."""
    numbers, ids, id_weights = inputs.widths
    raw = keras.Input((numbers,), name="numbers")
    standardised = _standardise(raw, statistics.numbers) if inputs.numeric else None
    return ModelContext(
        inputs=inputs,
        outputs=len(label.classes) if isinstance(label, Classification) else 1,
        options=options,
        raw_numbers=raw,
        ids=keras.Input((ids,), dtype="int32", name="ids"),
        id_weights=keras.Input((id_weights,), name="id_weights"),
        numbers=standardised,
        pieces=_in_pieces(standardised, inputs.in_pieces, statistics) if inputs.in_pieces else None,
    )


def _standardise(numbers: keras.KerasTensor, scale: Scale) -> keras.KerasTensor:
    return keras.layers.Normalization(
        axis=-1,
        mean=scale.offset.astype(np.float32),
        variance=np.square(_divisor(scale)).astype(np.float32),
        name="standardise",
    )(numbers)


def _divisor(scale: Scale) -> Floats:
    """Returns what numbers are divided by, which Keras and float32's squares bound."""
    most = np.sqrt(np.finfo(np.float32).max)
    return np.clip(scale.divisor, keras.config.epsilon(), most)


def _in_pieces(
    numbers: keras.KerasTensor, columns: Sequence[int], statistics: TrainStatistics
) -> keras.KerasTensor:
    """Returns the piecewise linear encoding of standardised numbers, float32 (batch, all pieces).

    It is that of Gorishniy, Rubachev and Babenko (2022), "On Embeddings for Numerical Features in
    Tabular Deep Learning", which ends at 0 and 1 in the first and last piece, too.
    """
    scale = statistics.numbers
    ends = (statistics.bounds - scale.offset[columns, None]) / _divisor(scale)[columns, None]
    lower, width = ends[:, :-1].ravel(), np.diff(ends).ravel()
    places = np.repeat(columns, ends.shape[1] - 1).astype(np.int32)
    is_empty = width < NARROWEST
    pieces = keras.layers.Normalization(
        axis=-1,
        # No number is beyond the lower end of a piece that is empty: there, all are 0.
        mean=np.where(is_empty, np.finfo(np.float32).max, lower).astype(np.float32),
        variance=np.where(is_empty, 1, np.square(width)).astype(np.float32),
        name="pieces",
    )(keras.ops.take(numbers, places, axis=1))
    return keras.layers.ReLU(max_value=1.0)(pieces)
