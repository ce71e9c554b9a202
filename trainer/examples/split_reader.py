"""Examples as matrices: every input of a model in one of three, numbers, ids and their weights.

A split that fits in memory is parsed once and kept; a larger one is read from its files again in
every pass.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from forebay.console.words import counted
from forebay.storage.run.layout import MAKE_ANEW
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.examples.inputs import CategoricalInput, ModelInputs, slots
from forebay.trainer.examples.label_values import label_values
from forebay.trainer.examples.records import read_records
from forebay.trainer.workers.shares import ALONE, Worker, share_of
from forebay.transforms.errors import InputError, RunFolderError, reason

READ_BATCH = 4096

Floats32 = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Examples:
    """Rows of a split.

    The matrices have as many columns as `ModelInputs.widths` says, inputs side by side.

    Attributes:
        numbers: float32 (n, numbers).
        ids: int32 (n, ids), from 0.
        id_weights: float32 (n, weights of ids).
        label: float32 (n,), in its own units; 0 or 1 for binary labels; for
            several classes the number of the row's own.
        weight: float32 (n,), how much each row counts, from 0; 1 where the definition names no
            column for it.
        carried: other carried columns, (n,) each, by name.
    """

    numbers: Floats32
    ids: Ids
    id_weights: Floats32
    label: Floats32
    weight: Floats32
    carried: Mapping[str, npt.NDArray[np.generic]]

    def __len__(self) -> int:
        return len(self.label)

    @property
    def inputs(self) -> tuple[Floats32, Ids, Floats32]:
        """What a model is called with."""
        return self.numbers, self.ids, self.id_weights

    def take(self, rows: npt.NDArray[np.intp]) -> "Examples":
        """Returns the rows at some places, in their order."""
        return Examples(
            self.numbers[rows],
            self.ids[rows],
            self.id_weights[rows],
            self.label[rows],
            self.weight[rows],
            {name: column[rows] for name, column in self.carried.items()},
        )

    def without_inputs(self) -> "Examples":
        """Returns the rows' labels and carried columns alone."""
        return replace(
            self,
            numbers=self.numbers[:, :0].copy(),
            ids=self.ids[:, :0].copy(),
            id_weights=self.id_weights[:, :0].copy(),
        )


class SplitReader:
    """Reads a split of a run.

    Args:
        run: the run.
        split: ``train``, ``eval`` or ``test``.
        inputs: what the model is given.
        carried: carried columns to read besides the label.
        patterns: patterns of the names of the files to read; empty: all.
        worker: whose share of them to read.

    Raises:
        RunFolderError: the split has no rows, or a file of it is not what the manifest says.
        InputError: a pattern matches no file, or there are fewer rows than workers.
    """

    def __init__(
        self,
        run: RunFolder,
        split: str,
        inputs: ModelInputs,
        carried: Sequence[str] = (),
        *,
        patterns: Sequence[str] = (),
        worker: Worker = ALONE,
    ) -> None:
        self.share = share_of(run.examples(split, patterns), worker)
        run.verify(posixpath.relpath(part.path, run.path) for part in self.share.parts)
        self.rows = self.share.rows
        self._inputs = inputs
        self._carried = tuple(carried)
        self._label = run.definition.label
        self._weight = run.definition.weight
        names = {*inputs.names, self._label.column, *carried, *filter(None, [self._weight])}
        spec = run.transform_output.transformed_feature_spec()
        self._spec = {name: spec[name] for name in sorted(names)}

    def fits_in(self, memory_mb: int) -> bool:
        """Tells whether the parsed split takes no more than so many MiB."""
        columns = sum(self._inputs.widths) + 2 + len(self._carried)
        return self.rows * columns * 4 <= memory_mb << 20

    def batches(self, most: int | None = None) -> Iterator[Examples]:
        """Yields every row exactly once, in the files' order.

        Args:
            most: how many of them, the first; None: all.

        Raises:
            RunFolderError: a file is damaged, or there are more or fewer rows than the manifest
                says.
            InputError: a row has no label or no weight, a number is not finite or an id is out of
                range.
        """
        rows, wanted = 0, self.rows if most is None else min(most, self.rows)
        records = read_records(self.share.parts)
        if wanted < self.rows:
            records = records.take(wanted)
        parsed = records.batch(READ_BATCH).map(self.parse, num_parallel_calls=tf.data.AUTOTUNE)
        try:
            for columns in parsed.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
                rows += len(columns["label"])
                yield self._checked(columns)
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
            raise RunFolderError(
                f"the examples beside {self.share.parts[0].path} cannot be read ({reason(error)}); "
                + MAKE_ANEW
            ) from error
        if rows != wanted:
            raise RunFolderError(
                f"the examples beside {self.share.parts[0].path} are {counted(rows, 'row')} where "
                f"the manifest says {wanted:,}; {MAKE_ANEW}"
            )

    def read(self, most: int | None = None) -> Examples:
        """Returns the whole split, or its first rows; raises as `batches` does."""
        parts = list(self.batches(most))
        return Examples(
            np.concatenate([part.numbers for part in parts]),
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.id_weights for part in parts]),
            np.concatenate([part.label for part in parts]),
            np.concatenate([part.weight for part in parts]),
            {name: np.concatenate([p.carried[name] for p in parts]) for name in self._carried},
        )

    def parse(self, records: tf.Tensor) -> dict[str, tf.Tensor]:
        """Turns serialized examples, string (n,), into the arrays of `Examples`."""
        columns = tf.io.parse_example(records, self._spec)
        numbers, ids, id_weights = stack(columns, self._inputs)
        label = label_values(self._label, columns[self._label.column])
        weight = tf.ones_like(label)
        if self._weight is not None:
            weight = tf.cast(columns[self._weight], tf.float32)
        carried = {name: columns[name] for name in self._carried}
        matrices = {"numbers": numbers, "ids": ids, "id_weights": id_weights}
        return {**matrices, "label": label, "weight": weight, "carried": carried}

    def _checked(self, columns: Mapping[str, npt.NDArray[np.generic]]) -> Examples:
        examples = Examples(**columns)  # type: ignore[arg-type]
        wrong = ~np.isfinite(examples.label) | (examples.label <= np.float32(-(2**62)))
        if wrong.any():
            raise InputError(
                f"the label {self._label.column!r} is missing or not finite in "
                f"{int(wrong.sum())} of {counted(len(wrong), 'example')} read; declare the column "
                "required"
            )
        wrong = ~np.isfinite(examples.weight) | (examples.weight < 0)
        if wrong.any():
            raise InputError(
                f"the weight {self._weight!r} is negative or not finite as float32 in "
                f"{int(wrong.sum())} of {counted(len(wrong), 'example')} read; mend the column"
            )
        inputs = self._inputs
        _check_finite(examples.numbers, slots(inputs.numeric), [c.name for c in inputs.numeric])
        _check_finite(examples.id_weights, slots(inputs.weighted), inputs.weights)
        _check_ids(examples.ids, self._inputs.categorical)
        return examples


def _check_finite(matrix: Floats32, places: Sequence[slice], names: Sequence[str]) -> None:
    for columns, name in zip(places, names, strict=True):
        if not np.isfinite(matrix[:, columns]).all():
            raise InputError(
                f"the transformed output {name!r} holds a NaN or an infinity; "
                "let its function replace missing values"
            )


def _check_ids(matrix: Ids, columns: Sequence[CategoricalInput]) -> None:
    for column, places in zip(columns, slots(columns), strict=True):
        ids = matrix[:, places]
        if ids.min() < 0 or ids.max() >= column.size:
            raise InputError(
                f"the transformed output {column.name!r} holds an id outside its declared "
                f"{column.size} from {column.lowest}; mend its function's range"
            )


def stack(
    columns: Mapping[str, tf.Tensor], inputs: ModelInputs
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Lays transformed columns side by side, as a model's inputs.

    Args:
        columns: tensors (n,) or (n, width) by name.
        inputs: which of them, in which order.

    Returns:
        The matrices of `Examples.inputs`: numbers, ids and weights of ids.
    """
    rows = tf.shape(next(iter(columns.values())))[0]
    numbers = [_wide(columns[column.name], column.width) for column in inputs.numeric]
    ids = [
        tf.cast(_wide(columns[column.name], column.width) - column.lowest, tf.int32)
        for column in inputs.categorical
    ]
    weights = [_wide(columns[str(column.weight)], column.width) for column in inputs.weighted]
    return (
        _side_by_side(numbers, rows, tf.float32),
        _side_by_side(ids, rows, tf.int32),
        _side_by_side(weights, rows, tf.float32),
    )


def _wide(column: tf.Tensor, width: int) -> tf.Tensor:
    return tf.reshape(column, [-1, width])


def _side_by_side(columns: list[tf.Tensor], rows: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    return tf.concat(columns, axis=1) if columns else tf.zeros([rows, 0], dtype)
