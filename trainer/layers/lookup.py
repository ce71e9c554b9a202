"""Ids turned into rows of tables: one-hots on the wide side, embeddings on the deep side."""

from collections.abc import Sequence

import keras
import numpy as np

from forebay.trainer.examples.inputs import CategoricalInput, ModelInputs, slots
from forebay.trainer.weights.rows import in_table


class Lookup:
    """Looks ids up in tables, and pools those of lists.

    A list of ids counts by its weights, or by one each, padding not at all. Of its rows r and their
    weights w its pooling makes Σ w·r, Σ w·r / Σ w, or Σ w·r / √Σ w²; zeros where all is padding.

    Args:
        ids: int32 (batch, ids).
        id_weights: float32 (batch, weights).
        inputs: which of their columns are whose.
        penalty: the penalty on the tables.
    """

    def __init__(
        self,
        ids: keras.KerasTensor,
        id_weights: keras.KerasTensor,
        inputs: ModelInputs,
        penalty: keras.regularizers.Regularizer | None,
    ) -> None:
        self._ids = ids
        self._penalty = penalty
        names = [column.name for column in inputs.categorical]
        self._places = dict(zip(names, slots(inputs.categorical), strict=True))
        weighted = [column.name for column in inputs.weighted]
        places = dict(zip(weighted, slots(inputs.weighted), strict=True))
        self._coefficients = {
            column.name: _coefficients(
                column,
                ids[:, self._places[column.name]],
                id_weights[:, places[column.name]] if column.weight else None,
            )
            for column in inputs.categorical
            if column.pooling
        }

    def total(self, columns: Sequence[CategoricalInput], size: int, name: str) -> keras.KerasTensor:
        """Returns (batch, size): some numbers for each id, zero at first, pooled and added up."""
        parts = self._pooled(columns, size, name, "zeros")
        return keras.ops.sum(keras.ops.concatenate(parts, axis=1), axis=1)

    def embeddings(
        self, columns: Sequence[CategoricalInput], size: int, name: str
    ) -> keras.KerasTensor:
        """Returns the embeddings of columns side by side, (batch, columns · size).

        A list whose pooling is ``concat`` counts as many times as it is wide.
        """
        initial = keras.initializers.RandomNormal(0.0, 0.1)
        parts = self._pooled(columns, size, name, initial, concat=True)
        return keras.layers.Flatten()(keras.ops.concatenate(parts, axis=1))

    def one_hots(self, columns: Sequence[CategoricalInput]) -> keras.KerasTensor:
        """Returns the one-hots of columns side by side, (batch, sum of the sizes); lists pooled."""
        parts = []
        for column in columns:
            hot = keras.ops.one_hot(self._ids[:, self._places[column.name]], column.size)
            if column.pooling:
                hot = hot * self._coefficients[column.name][:, :, None]
            parts.append(keras.ops.sum(hot, axis=1))
        return keras.ops.concatenate(parts, axis=1)

    def _pooled(
        self,
        columns: Sequence[CategoricalInput],
        size: int,
        name: str,
        initial: str | keras.initializers.Initializer,
        *,
        concat: bool = False,
    ) -> list[keras.KerasTensor]:
        """Returns parts (batch, some, size): single ids together, then each list's own.

        All columns share one table, each with rows of its own.
        """
        columns = in_table(columns)
        offsets = np.cumsum([0, *(column.size for column in columns)])
        widths = [column.width for column in columns]
        chosen = np.concatenate([np.r_[self._places[column.name]] for column in columns])
        rows = keras.ops.take(self._ids, chosen.astype(np.int32), axis=1)
        rows = rows + np.repeat(offsets[:-1], widths).astype(np.int32)
        table = keras.layers.Embedding(
            int(offsets[-1]), size, name=name, embeddings_regularizer=self._penalty,
            embeddings_initializer=initial,
        )  # fmt: skip
        found = table(rows)
        singles = sum(column.pooling is None for column in columns)
        parts = [found[:, :singles]] if singles else []
        for column, places in zip(columns, slots(columns), strict=True):
            if column.pooling:
                weighted = found[:, places] * self._coefficients[column.name][:, :, None]
                whole = concat and column.pooling == "concat"
                parts.append(weighted if whole else keras.ops.sum(weighted, axis=1, keepdims=True))
        return parts


def _coefficients(
    column: CategoricalInput, ids: keras.KerasTensor, weights: keras.KerasTensor | None
) -> keras.KerasTensor:
    """Returns what each id of a list counts in its pool, float32 (batch, width)."""
    counts = keras.ops.cast(keras.ops.not_equal(ids, column.size - 1), "float32")
    if weights is not None:
        counts = counts * weights
    if column.pooling == "mean":
        return keras.ops.divide_no_nan(counts, keras.ops.sum(counts, axis=1, keepdims=True))
    if column.pooling == "sqrtn":
        squares = keras.ops.sum(keras.ops.square(counts), axis=1, keepdims=True)
        return keras.ops.divide_no_nan(counts, keras.ops.sqrt(squares))
    return counts
