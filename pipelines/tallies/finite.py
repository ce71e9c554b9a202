"""Transformed numbers that are none: which feature, of which rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa

from forebay.console.words import counted
from forebay.pipelines.sources.inputs import TableInput, places_of
from forebay.pipelines.tallies.tallies import Tallies, Tally
from forebay.pipelines.transform.read import Transformed, read_shard
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.errors import InputError

_KIND = "nonfinite"
_VALUES_SHOWN = 8


class FindNonFinite(beam.PTransform):
    """Finds the rows whose outputs are not finite, of every split.

    It costs one look at each number where all are finite. Input: `Transformed`. Output: `Tally`
    elements by output and shard: [output, split, shard number, rows, place of the first row in the
    shard, its value].
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__()
        self.carried = frozenset(dataset.carried_columns)

    def expand(self, batches: beam.PCollection) -> beam.PCollection:  # noqa: D102
        return batches | "Find" >> beam.FlatMap(find_nonfinite, self.carried)


def find_nonfinite(element: Transformed, carried: frozenset[str]) -> Iterator[Tally]:
    """Yields what is not finite in a shard; carried columns are not looked at."""
    (split, number), batch = element
    for name in sorted(set(batch.schema.names) - carried):
        values = batch[name].flatten()
        if not len(values) or not pa.types.is_floating(values.type):
            continue
        array = values.to_numpy(zero_copy_only=False)
        if np.isfinite(array.min()) and np.isfinite(array.max()):
            continue
        table = array.reshape(len(batch), -1)
        rows = np.flatnonzero(~np.isfinite(table).all(axis=1))
        value = table[rows[0]][~np.isfinite(table[rows[0]])][0]
        found = [name, split, number, len(rows), int(rows[0]), str(value)]
        yield (_KIND, f"{name} {split} {number}", found)


class _Found(NamedTuple):
    """What `find_nonfinite` found in a shard."""

    output: str
    split: str
    shard: int
    rows: int
    place: int
    value: str


def check_finite(
    transformed: Tallies, shards: Mapping[str, Any], dataset: Dataset, inputs: Sequence[TableInput]
) -> None:
    """Checks that every transformed number is one.

    Args:
        transformed: the tallies of `FindNonFinite`.
        shards: the split and number of each file of rows, by path.
        dataset: the definition.
        inputs: what all rows were read from.

    Raises:
        InputError: one is not; it names the feature, how many rows, and the first of them.
    """
    found = sorted(_Found(*one) for one in transformed.get(_KIND, {}).values())
    if not found:
        return
    first = found[0]
    mine = [one for one in found if one.output == first.output]
    path = next(p for p, of in shards.items() if list(of) == [first.split, first.shard])
    row = _read_row(path, first.place)
    (place,) = places_of(inputs, [row[ROW][0].as_py()]).values()
    names, maker, cure = _made_by(dataset, first.output)
    count = sum(one.rows for one in mine)
    others = sorted({one.output for one in found} - {first.output})
    also = f" (and so are some of {', '.join(others)})" if others else ""
    raise InputError(
        f"{maker} {first.output!r} is {first.value} in {counted(count, 'row')}{also}, the first "
        f"at {place} ({_shown(row, names)}): a model can learn from finite numbers only; {cure}"
    )


def _shown(row: pa.RecordBatch, names: Sequence[str]) -> str:
    """Returns a row's values, missing ones first."""
    values = {name: row[name][0].as_py() for name in names}
    order = sorted(names, key=lambda name: values[name] is not None)[:_VALUES_SHOWN]
    return ", ".join(f"{name}={values[name]!r}" for name in order)


def _read_row(path: str, place: int) -> pa.RecordBatch:
    return read_shard(path).slice(place, 1)


def _made_by(dataset: Dataset, output: str) -> tuple[Sequence[str], str, str]:
    """Returns what an output is made of, by what, and what to do about it."""
    for feature in dataset.features:
        if output in feature.outputs:
            return feature.inputs, "the feature", "clip= what it is made of"
    functions = " or ".join(repr(str(feature.function)) for feature in dataset.custom_features)
    read = {n for feature in dataset.custom_features for n in feature.columns}
    named = all(feature.columns for feature in dataset.custom_features)
    cure = (
        "have it return a finite number of every row, of missing values (NaN) too, such as by "
        "tf.where(tf.math.is_finite(x), x, 0.0), or declare its columns required=True"
    )
    inputs = sorted(read) if named else dataset.model_columns
    return inputs, f"of the function {functions} the output", cure
