"""Beginning with another model's weights: by their names, and row by row where rows have meanings.

A vocabulary of another run may have the same entries in another order. So rows of tables, and of
the matrices that read the inputs, are matched by what they stand for: the input's name, and the
entry's.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import keras
import numpy as np

from trainer.donors import Donor, open_donor
from trainer.id_names import IdNames
from trainer.inputs import CategoricalInput, ModelInputs
from trainer.options import TrainOptions
from trainer.tables import (
    FIRST_HIDDEN,
    WIDE_NUMBERS,
    TableRows,
    embedding_columns,
    embedding_rows,
    in_table,
    wide_rows,
)
from trainer.updater import FrozenRows
from transforms.errors import InputError

Row = Hashable


@dataclass
class Transfer:
    """What a model was given of others.

    Attributes:
        taken: what was taken, in words.
        left: what was not, by the reason.
        frozen: rows that the training must leave as they are.
    """

    taken: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    frozen: list[FrozenRows] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Returns what was and what was not taken, a line each."""
        return [*(f"took {what}" for what in self.taken), *(f"left {what}" for what in self.left)]


def transfer(model: keras.Model, names: IdNames, options: TrainOptions) -> Transfer:
    """Gives a fresh model the weights that its options name.

    Args:
        model: the model; its weights change.
        names: of its inputs' ids.
        options: ``warm_start``, ``embeddings_from`` and ``freeze_embeddings``.

    Raises:
        InputError: a model that was named has nothing to give.
        RunFolderError: there is no such model.
    """
    result = Transfer()
    if options.warm_start is not None:
        donor = open_donor(options.warm_start)
        _take_tables([*wide_rows(names.inputs), *embedding_rows(names.inputs)], model, names, donor,
                     result)  # fmt: skip
        _take_named(model, names.inputs, donor, result, own=options.is_own_model)
        _refuse_nothing("--warm-start", donor, result)
    if options.embeddings_from is not None:
        donor = open_donor(options.embeddings_from)
        before = len(result.taken)
        rows = list(embedding_rows(names.inputs))
        _take_tables(rows, model, names, donor, result, freeze=options.freeze_embeddings)
        if len(result.taken) == before:
            _refuse_nothing("--embeddings-from", donor, Transfer(left=result.left))
    return result


def _refuse_nothing(flag: str, donor: Donor, result: Transfer) -> None:
    if not result.taken:
        raise InputError(
            f"{flag} {donor.path} has nothing to give: {'; '.join(result.left) or 'no weights'}"
        )


def _take_tables(
    parts: Sequence[TableRows],
    model: keras.Model,
    names: IdNames,
    donor: Donor,
    result: Transfer,
    *,
    freeze: bool = False,
) -> None:
    """Takes rows of tables, those whose input and entry the donor knows."""
    theirs = donor.names.inputs
    given = {
        (part.layer, part.column.name): part
        for part in (*wide_rows(theirs), *embedding_rows(theirs))
    }
    for part in parts:
        table = part.table(model)
        if table is None:
            continue
        what = f"{part.layer} of {part.column.name}"
        found = given.get((part.layer, part.column.name))
        values = None if found is None else found.table(donor.model)
        if found is None or values is None:
            result.left.append(f"{what}: not in {donor.path}")
            continue
        if values.shape[1] != table.shape[1]:
            result.left.append(f"{what}: {values.shape[1]} wide there, {table.shape[1]} here")
            continue
        reason = _other_buckets(part.column, names, found.column, donor.names)
        if reason:
            result.left.append(f"{what}: {reason}")
            continue
        own = names.of(part.column)
        pairs = _matched(own, donor.names.of(found.column))
        here = [part.rows.start + i for i, _ in pairs]
        there = [found.rows.start + i for _, i in pairs]
        _copy_rows(table, here, keras.ops.convert_to_numpy(values)[there])
        if here:
            result.taken.append(f"{what}: {len(here):,} of {len(own):,} entries")
        if len(here) < len(own):
            result.left.append(f"{what}: {len(own) - len(here):,} entries that it does not know")
        if freeze and here:
            result.frozen.append(FrozenRows(table, tuple(here)))


def _other_buckets(
    mine: CategoricalInput, names: IdNames, other: CategoricalInput, other_names: IdNames
) -> str | None:
    """Returns why the ids of a cross mean other combinations, if they do or may.

    The buckets of a hashed cross have no names: they are the same where all ids of all parts are.
    """
    if not (names.is_hashed(mine) or other_names.is_hashed(other)):
        return None
    parts, other_parts = names.parts(mine), other_names.parts(other)
    same = mine.size == other.size and [part.name for part in parts] == [
        part.name for part in other_parts
    ]
    same = same and bool(parts)
    for part, other_part in zip(parts, other_parts, strict=False):
        same = same and names.of(part) == other_names.of(other_part)
    return None if same else "its hash buckets hold other combinations there"


def _take_named(
    model: keras.Model, inputs: ModelInputs, donor: Donor, result: Transfer, *, own: bool
) -> None:
    """Takes weights by their paths, the first matrices row by row."""
    tables = {part.layer for part in (*wide_rows(inputs), *embedding_rows(inputs))}
    rows, other_rows = _row_meanings(inputs), _row_meanings(donor.names.inputs)
    for variable in model.variables:
        layer, path = variable.path.partition("/")[0], variable.path
        if layer in tables or not variable.dtype.startswith("float"):
            continue
        values = donor.weights.get(path)
        if values is None:
            result.left.append(f"{path}: not in {donor.path}")
        elif path in rows and not own:
            pairs = _matched(rows[path], other_rows[path])
            if values.shape[1:] != tuple(variable.shape[1:]):
                result.left.append(f"{path}: {values.shape} there, {tuple(variable.shape)} here")
                continue
            _copy_rows(variable, [i for i, _ in pairs], values[[i for _, i in pairs]])
            result.taken.append(f"{path}: {len(pairs):,} of {len(rows[path]):,} rows")
        elif values.shape != tuple(variable.shape):
            result.left.append(f"{path}: {values.shape} there, {tuple(variable.shape)} here")
        else:
            variable.assign(values)
            result.taken.append(path)


def _row_meanings(inputs: ModelInputs) -> Mapping[str, list[Row]]:
    """Returns what each row of the matrices that read the inputs is multiplied with."""
    numbers: list[Row] = [(c.name, i) for c in inputs.numeric for i in range(c.width)]
    return {
        f"{WIDE_NUMBERS}/kernel": numbers,
        f"{FIRST_HIDDEN}/kernel": [*numbers, *_embedded(inputs)],
    }


def _embedded(inputs: ModelInputs) -> Iterator[Row]:
    for size, columns in embedding_columns(inputs).items():
        for column in in_table(columns):
            copies = column.width if column.pooling == "concat" else 1
            yield from ((column.name, size, i) for i in range(copies * size))


def _matched(mine: Sequence[Row], theirs: Sequence[Row]) -> list[tuple[int, int]]:
    """Returns the places of what both have, in the order of the first."""
    place = {row: i for i, row in enumerate(theirs)}
    return [(i, place[row]) for i, row in enumerate(mine) if row in place]


def _copy_rows(variable: keras.Variable, rows: Sequence[int], values: np.ndarray) -> None:
    if len(rows):
        table = np.array(keras.ops.convert_to_numpy(variable))
        table[list(rows)] = values
        variable.assign(table)
