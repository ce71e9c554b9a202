"""Which weights a training has made exactly zero: what L1 leaves out, and what is left."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from forebay.console.terminal import warn
from forebay.console.words import counted
from forebay.storage.run import files
from forebay.storage.run.layout import ZEROS_NAME
from forebay.storage.run.run_folder import RunFolder
from forebay.trainer.examples.inputs import ModelInputs, slots
from forebay.trainer.examples.statistics import TrainStatistics
from forebay.trainer.options.choose import ChosenOptions
from forebay.trainer.weights.id_names import IdNames, names_of_run
from forebay.trainer.weights.pruned import Pruned, prune
from forebay.trainer.weights.rows import (
    FIRST_HIDDEN,
    WIDE_NUMBERS,
    TableRows,
    embedding_rows,
    one_hot_columns,
    wide_rows,
)
from forebay.transforms.errors import RunFailed

_SHOWN = 8

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class InputZeros:
    """What is zero of the weights that one input meets first.

    Attributes:
        side: ``wide`` or ``deep``.
        name: the input.
        entries: how many numbers, or ids, it has.
        zero: the names of those whose weights on this side are all zero.
    """

    side: str
    name: str
    entries: int
    zero: tuple[str, ...]

    @property
    def is_out(self) -> bool:
        """Whether the side no longer sees the input at all."""
        return len(self.zero) == self.entries


@dataclass(frozen=True)
class Zeros:
    """What is zero in a model.

    Attributes:
        inputs: the zeros of each input on each side that reads it.
        weights: how many trainable weights the model has.
        left: how many of them are not zero.
        pruned: the model without the inputs that are out on every side; None: none is, there is
            no such model, or it is one of the user's own.
    """

    inputs: tuple[InputZeros, ...]
    weights: int
    left: int
    pruned: Pruned | None = None

    @property
    def out(self) -> frozenset[str]:
        """The names of the inputs that no side sees any longer."""
        seen = {each.name for each in self.inputs if not each.is_out}
        return frozenset(each.name for each in self.inputs) - seen

    def to_json(self) -> dict[str, Any]:
        """Returns plain values."""
        return asdict(self)


def find_zeros(model: keras.Model, names: IdNames, *, hidden_first: bool = True) -> Zeros:
    """Looks for weights that are exactly zero.

    Args:
        model: a model that reads its inputs through the layers of `context.ModelContext`.
        names: the names of its inputs' ids.
        hidden_first: whether its first hidden layers are ours, which read numbers first.
    """
    inputs = names.inputs
    trainable = [_array(weight) for weight in model.trainable_variables]
    found = [*_number_zeros(model, inputs, hidden_first), *_id_zeros(model, names)]
    if hidden_first:
        found += _one_hot_zeros(model, names)
    weights, left = (sum(map(size, trainable)) for size in (np.size, np.count_nonzero))
    return Zeros(tuple(found), int(weights), int(left))


def write_zeros(
    folder: str,
    run: RunFolder,
    model: keras.Model,
    inputs: ModelInputs,
    statistics: TrainStatistics,
    options: ChosenOptions,
    rows: tuple[Array, ...],
) -> None:
    """Writes what is zero in a model to a JSON file in a folder of the run.

    It is a report: where a smaller model answers otherwise, that is warned of, and left out.

    Args:
        folder: the folder.
        run: what the model was trained on.
        model: its score.
        inputs: what it is given.
        statistics: what was computed of the train split.
        options: the options that it was built by.
        rows: the matrices of some rows, which it answers with and without the inputs that are out.
    """
    zeros = find_zeros(model, names_of_run(run, inputs), hidden_first=not options.is_own_model)
    if zeros.out and not options.is_own_model:
        label = run.definition.label
        try:
            pruned = prune(model, zeros.out, inputs, label, statistics, options, rows)
        except RunFailed as error:
            warn(str(error))
        else:
            zeros = replace(zeros, pruned=pruned)
    files.write_json(run.outputs, f"{folder}/{ZEROS_NAME}", zeros.to_json())


def _number_zeros(
    model: keras.Model, inputs: ModelInputs, hidden_first: bool
) -> Iterator[InputZeros]:
    layers = {layer.name: layer for layer in model.layers}
    kernels = {}
    if WIDE_NUMBERS in layers:
        kernels["wide"] = _array(layers[WIDE_NUMBERS].kernel)
    if hidden_first and (first := _first_kernel(model)) is not None:
        kernels["deep"] = first
    for side, kernel in kernels.items():
        # Of what the hidden layers read, numbers come first, then their pieces; one-hots last.
        begun = inputs.widths[0]
        for column, places in zip(inputs.numeric, slots(inputs.numeric), strict=True):
            ended = begun + column.pieces
            zero = _all_zero(kernel[places]) & _all_zero(kernel[begun:ended]).all()
            begun = ended
            names = [column.name] if column.width == 1 else [f"{i}" for i in range(column.width)]
            yield InputZeros(side, column.name, column.width, _chosen(names, zero))


def _id_zeros(model: keras.Model, names: IdNames) -> Iterator[InputZeros]:
    inputs = names.inputs
    sides: dict[str, Iterator[TableRows]] = {
        "wide": wide_rows(inputs), "deep": embedding_rows(inputs),
    }  # fmt: skip
    for side, parts in sides.items():
        for part in parts:
            table = part.table(model)
            if table is not None:
                zero = _all_zero(_array(table)[part.rows])
                column = part.column
                yield InputZeros(side, column.name, column.size, _chosen(names.of(column), zero))


def _one_hot_zeros(model: keras.Model, names: IdNames) -> Iterator[InputZeros]:
    kernel, hot = _first_kernel(model), one_hot_columns(names.inputs)
    if kernel is None or not hot:
        return
    sizes = [column.size for column in hot]
    zero = _all_zero(kernel[-sum(sizes) :])
    for column, part in zip(hot, np.split(zero, np.cumsum(sizes)[:-1]), strict=True):
        yield InputZeros("deep", column.name, column.size, _chosen(names.of(column), part))


def _first_kernel(model: keras.Model) -> Array | None:
    """Returns the weights of all members' first hidden layers, (inputs, units); None without."""
    layers = {layer.name: layer for layer in model.layers}
    return _array(layers[FIRST_HIDDEN].kernel) if FIRST_HIDDEN in layers else None


def _chosen(names: Sequence[str], chosen: Array) -> tuple[str, ...]:
    return tuple(name for name, is_chosen in zip(names, chosen, strict=True) if is_chosen)


def _all_zero(rows: Array) -> Array:
    """Tells which rows hold nothing but zeros, bool (rows,)."""
    return np.asarray(np.all(rows == 0, axis=1))


def _array(weight: keras.Variable) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(weight))


def table(zeros: Zeros) -> str:
    """Returns the report as lines for people."""
    share = zeros.left / max(zeros.weights, 1)
    lines = [
        f"weights: {zeros.left:,} of {zeros.weights:,} are left ({share:.1%}), the others are zero"
    ]
    for side in ("wide", "deep"):
        found = [each for each in zeros.inputs if each.side == side]
        out = [each.name for each in found if each.is_out]
        if out:
            lines.append(f"  {side}: nothing left of {', '.join(out)}")
        for each in found:
            if each.zero and not each.is_out:
                shown = ", ".join(each.zero[:_SHOWN])
                more = ", ..." if len(each.zero) > _SHOWN else ""
                entries = f"{len(each.zero):,} of {each.entries:,} entries are out"
                lines.append(f"  {side}: {each.name}: {entries}: {shown}{more}")
    if zeros.pruned is not None:
        lines += _of_pruned(zeros.pruned)
    return "\n".join(lines)


def _of_pruned(pruned: Pruned) -> Iterator[str]:
    before, after = pruned.before, pruned.after
    yield (
        f"  without {counted(len(pruned.out), 'input')} that no side sees: "
        f"{before.bytes / 1024:,.1f} KiB become {after.bytes / 1024:,.1f}, and "
        f"{counted(pruned.rows, 'row')} are answered in {after.milliseconds:.2f} ms, not "
        f"{before.milliseconds:.2f}"
    )
    yield "  " + " ".join(f"--drop-features {name}" for name in pruned.out)
