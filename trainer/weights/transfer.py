"""Beginning with another model's weights: by their names, and row by row where rows have meanings.

A vocabulary of another run may have the same entries in another order. So rows of tables, and of
the matrices that read the inputs, are matched by what they stand for: the input's name, and the
entry's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import keras
import numpy as np

from forebay.console.words import counted
from forebay.trainer.examples.inputs import CategoricalInput
from forebay.trainer.optimizers.updater import FrozenRows
from forebay.trainer.options import TrainOptions
from forebay.trainer.weights.id_names import IdNames
from forebay.trainer.weights.other_models import OtherModel, open_other_model
from forebay.trainer.weights.rows import (
    Row,
    TableRows,
    embedding_rows,
    kernel_rows,
    wide_rows,
)
from forebay.transforms.errors import InputError


@dataclass
class Transfer:
    """What a model was given of others.

    Attributes:
        taken: what was taken, in words.
        left: what was not, and why.
        frozen: rows that the training must leave as they are.
    """

    taken: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    frozen: list[FrozenRows] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Returns what was and what was not taken, a line each."""
        return [*(f"took {what}" for what in self.taken), *(f"left {what}" for what in self.left)]

    def __add__(self, other: "Transfer") -> "Transfer":
        return Transfer(
            self.taken + other.taken, self.left + other.left, self.frozen + other.frozen
        )


def transfer(model: keras.Model, names: IdNames, options: TrainOptions) -> Transfer:
    """Gives a fresh model the weights that its options name.

    Args:
        model: the model; its weights change.
        names: the names of its inputs' ids.
        options: ``warm_start``, ``embeddings_from`` and ``freeze_embeddings``.

    Raises:
        InputError: a model that was named has nothing to give.
        RunFolderError: there is no such model.
    """
    result = Transfer()
    if options.warm_start is not None:
        other = open_other_model(options.warm_start)
        result += take_weights(model, names, other, own=options.is_own_model)
    if options.embeddings_from is not None:
        other = open_other_model(options.embeddings_from)
        result += take_embeddings(model, names, other, freeze=options.freeze_embeddings)
    return result


def take_weights(
    model: keras.Model, names: IdNames, other: OtherModel, *, own: bool = False
) -> Transfer:
    """Gives a model all weights of another whose names and shapes agree.

    Args:
        model: the model; its weights change.
        names: the names of its inputs' ids.
        other: the other model.
        own: whether the model is of the user's own, so that nothing is known of what the rows of
            its first matrices stand for; the other may be, too.

    Raises:
        InputError: none agree.
    """
    result = Transfer()
    for part in (*wide_rows(names.inputs), *embedding_rows(names.inputs)):
        _take_rows(part, model, names, other, result)
    _take_named(model, names, other, result, own=own or other.is_own)
    return _something(result, "--warm-start", other)


def take_embeddings(
    model: keras.Model, names: IdNames, other: OtherModel, *, freeze: bool = False
) -> Transfer:
    """Gives a model the embeddings of another, of the inputs and entries that both have.

    Args:
        model: the model; its weights change.
        names: the names of its inputs' ids.
        other: the other model.
        freeze: whether the training must leave them as they are.

    Raises:
        InputError: there are none.
    """
    result = Transfer()
    for part in embedding_rows(names.inputs):
        _take_rows(part, model, names, other, result, freeze=freeze)
    return _something(result, "--embeddings-from", other)


def _something(result: Transfer, flag: str, other: OtherModel) -> Transfer:
    if not result.taken:
        raise InputError(
            f"{flag} {other.path} has nothing to give: {'; '.join(result.left) or 'no weights'}"
        )
    return result


def _take_rows(
    part: TableRows,
    model: keras.Model,
    names: IdNames,
    other: OtherModel,
    result: Transfer,
    *,
    freeze: bool = False,
) -> None:
    """Takes the rows of an input in a table, of those entries that the other model knows."""
    table = part.table(model)
    if table is None:
        return
    what = f"{part.layer} of {part.column.name}"
    found = _same_part(part, other)
    values = None if found is None else found.table(other.model)
    if found is None or values is None:
        result.left.append(f"{what}: not in {other.path}")
        return
    if values.shape[1] != table.shape[1]:
        result.left.append(f"{what}: {values.shape[1]} wide there, {table.shape[1]} here")
        return
    if not _same_buckets(part.column, names, found.column, other.names):
        result.left.append(f"{what}: its hash buckets hold other combinations there")
        return
    own = names.of(part.column)
    pairs = _matched(own, other.names.of(found.column))
    here = [part.rows.start + i for i, _ in pairs]
    there = [found.rows.start + i for _, i in pairs]
    _copy_rows(table, here, keras.ops.convert_to_numpy(values)[there])
    if here:
        result.taken.append(f"{what}: {len(here):,} of {len(own):,} entries")
    if len(here) < len(own):
        result.left.append(f"{what}: {len(own) - len(here):,} entries that it does not know")
    if freeze and here:
        result.frozen.append(FrozenRows(table, tuple(here)))


def _same_part(part: TableRows, other: OtherModel) -> TableRows | None:
    theirs = other.names.inputs
    for found in (*wide_rows(theirs), *embedding_rows(theirs)):
        if (found.layer, found.column.name) == (part.layer, part.column.name):
            return found
    return None


def _same_buckets(
    mine: CategoricalInput, names: IdNames, other: CategoricalInput, other_names: IdNames
) -> bool:
    """Tells whether the ids of a cross mean the same combinations, or have names that say so.

    The buckets of a hashed cross have no names: they are the same where all ids of all parts are.
    """
    if not (names.is_hashed(mine) or other_names.is_hashed(other)):
        return True
    parts = [(part.name, names.of(part)) for part in names.parts(mine)]
    other_parts = [(part.name, other_names.of(part)) for part in other_names.parts(other)]
    return bool(parts) and mine.size == other.size and parts == other_parts


def _take_named(
    model: keras.Model, names: IdNames, other: OtherModel, result: Transfer, *, own: bool
) -> None:
    """Takes weights by their paths, the first matrices row by row."""
    tables = {part.layer for part in (*wide_rows(names.inputs), *embedding_rows(names.inputs))}
    rows, other_rows = _row_meanings(names), _row_meanings(other.names)
    for variable in model.variables:
        layer, path = variable.path.partition("/")[0], variable.path
        if layer in tables or not variable.dtype.startswith("float"):
            continue
        values = other.weights.get(path)
        if values is None:
            result.left.append(f"{path}: not in {other.path}")
        elif path in rows and not own:
            pairs = _matched(rows[path], other_rows[path])
            if values.shape[1:] != tuple(variable.shape[1:]):
                result.left.append(f"{path}: {values.shape} there, {tuple(variable.shape)} here")
                continue
            _copy_rows(variable, [i for i, _ in pairs], values[[i for _, i in pairs]])
            result.taken.append(f"{path}: {len(pairs):,} of {counted(len(rows[path]), 'row')}")
        elif values.shape != tuple(variable.shape):
            result.left.append(f"{path}: {values.shape} there, {tuple(variable.shape)} here")
        else:
            variable.assign(values)
            result.taken.append(path)


def _row_meanings(names: IdNames) -> Mapping[str, list[Row]]:
    """Returns what each row of the matrices that read the inputs is multiplied with."""
    return kernel_rows(names.inputs, names.of)


def _matched(mine: Sequence[Row], theirs: Sequence[Row]) -> list[tuple[int, int]]:
    """Returns the places of what both have, in the order of the first."""
    place = {row: i for i, row in enumerate(theirs)}
    return [(i, place[row]) for i, row in enumerate(mine) if row in place]


def _copy_rows(variable: keras.Variable, rows: Sequence[int], values: np.ndarray) -> None:
    if len(rows):
        table = np.array(keras.ops.convert_to_numpy(variable))
        table[list(rows)] = values
        variable.assign(table)
