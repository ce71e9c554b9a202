"""Where a model's tables of weights keep the rows of each input."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import keras

from forebay.trainer.examples.inputs import CategoricalInput, ModelInputs

WIDE_IDS, WIDE_NUMBERS = "wide_ids", "wide_numbers"
FIRST_HIDDEN, LAST_DEEP = "hidden_0", "deep"

Row = Hashable


@dataclass(frozen=True)
class TableRows:
    """The rows of a table that belong to one input.

    Attributes:
        column: the input.
        layer: the name of the table's layer.
        rows: which of its rows, one for each id.
    """

    column: CategoricalInput
    layer: str
    rows: slice

    def table(self, model: keras.Model) -> keras.Variable | None:
        """Returns the table, (ids of all its inputs, width); None where the model has none."""
        layers = {layer.name: layer for layer in model.layers}
        return layers[self.layer].embeddings if self.layer in layers else None


def in_table(columns: Sequence[CategoricalInput]) -> list[CategoricalInput]:
    """Returns columns in the order of their rows in a table that they share."""
    # Single ids first: they are one part, whatever their number.
    return sorted(columns, key=lambda column: column.pooling is not None)


def embedding_columns(inputs: ModelInputs) -> dict[int, tuple[CategoricalInput, ...]]:
    """Returns the inputs that are embedded, by the dimensions of their embeddings."""
    by_size: dict[int, list[CategoricalInput]] = defaultdict(list)
    for column in inputs.categorical:
        if column.embed:
            by_size[column.embed].append(column)
    return {size: tuple(by_size[size]) for size in sorted(by_size)}


def one_hot_columns(inputs: ModelInputs) -> list[CategoricalInput]:
    """Returns the inputs that the deep side is given as one-hots, in that order."""
    return [column for column in inputs.categorical if column.one_hot]


def feeds_hidden(inputs: ModelInputs) -> bool:
    """Tells whether there is anything that hidden layers read: some crosses they do not."""
    return bool(inputs.numeric or embedding_columns(inputs) or one_hot_columns(inputs))


def embedding_name(size: int) -> str:
    """Returns the name of the layer that holds embeddings of so many dimensions."""
    return f"embeddings_{size}"


def wide_rows(inputs: ModelInputs) -> Iterator[TableRows]:
    """Yields the rows of each input in the wide side's table."""
    return _rows(WIDE_IDS, inputs.categorical)


def embedding_rows(inputs: ModelInputs) -> Iterator[TableRows]:
    """Yields the rows of each embedded input in the table of its dimensions."""
    for size, columns in embedding_columns(inputs).items():
        yield from _rows(embedding_name(size), columns)


def _rows(layer: str, columns: tuple[CategoricalInput, ...]) -> Iterator[TableRows]:
    ordered = in_table(columns)
    ends = [0, *accumulate(column.size for column in ordered)]
    for column, (start, stop) in zip(ordered, pairwise(ends), strict=True):
        yield TableRows(column, layer, slice(start, stop))


def kernel_rows(
    inputs: ModelInputs, entries: Callable[[CategoricalInput], Sequence[str]]
) -> Mapping[str, list[Row]]:
    """Returns what each row of the matrices that read the inputs is multiplied with, by path.

    Args:
        inputs: what the model is given.
        entries: returns a name for each id of an input.
    """
    numbers: list[Row] = [(c.name, i) for c in inputs.numeric for i in range(c.width)]
    hot: list[Row] = [(c.name, name) for c in one_hot_columns(inputs) for name in entries(c)]
    numbers += [(c.name, "piece", i) for c in inputs.numeric for i in range(c.pieces)]
    return {
        f"{WIDE_NUMBERS}/kernel": numbers,
        f"{FIRST_HIDDEN}/kernel": [*numbers, *_embedded(inputs), *hot],
    }


def _embedded(inputs: ModelInputs) -> Iterator[Row]:
    for size, columns in embedding_columns(inputs).items():
        for column in in_table(columns):
            copies = column.width if column.pooling == "concat" else 1
            yield from ((column.name, size, i) for i in range(copies * size))
