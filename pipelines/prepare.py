"""A definition's own step between reading and lookups, and what it does with rows."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from forebay.console.words import counted
from forebay.pipelines.shuffle.group_batches import Group, GroupBatches
from forebay.pipelines.shuffle.pieces import Partitioned
from forebay.pipelines.sources.row_identity import parts_of, whole_row
from forebay.pipelines.sources.rows import row_faults
from forebay.pipelines.tallies.by_split import SplitOfInput, tallies_of_rows
from forebay.pipelines.tallies.tallies import Tally
from forebay.pipelines.windows.conform import conform
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.functions import resolve
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.prepare import Prepare
from forebay.transforms.errors import InputError, first_line
from forebay.transforms.hashing import scramble
from forebay.transforms.parsing.typed_cells import held_against

Ints = npt.NDArray[np.int64]

_GIVEN, _MADE = "given", "made"
# Identities are compared in so many parts: of a million rows each holds 16 thousand.
_PARTS = np.uint64(64)


class PrepareRows(beam.PTransform):
    """Applies a definition's own step to its rows, and counts what it drops and adds.

    Input: batches of the dataset's rows, `columns_at_reading` and `ROW`. Output: ``rows``, with the
    columns that the step adds, and ``tallies``.

    Args:
        dataset: the definition, with a step of its own.
        temp_location: a folder that all workers can write to and read from.
        splits: the split of each input that says one, by its number.
    """

    def __init__(self, dataset: Dataset, temp_location: str, splits: SplitOfInput) -> None:
        super().__init__()
        self.dataset = dataset
        self.temp_location = temp_location
        self.splits = splits

    def expand(self, given: beam.PCollection) -> Any:  # noqa: D102
        made = _applied(given, step_name(self.dataset))
        checked = made | "Check" >> beam.Map(_checked, self.dataset).with_output_types(
            pa.RecordBatch
        )
        tallies = (
            (
                given | "Given" >> beam.Map(_identities, _GIVEN).with_output_types(Partitioned),
                checked | "Made" >> beam.Map(_identities, _MADE).with_output_types(Partitioned),
            )
            | "Meet" >> GroupBatches(self.temp_location)
            | "Compare" >> beam.FlatMap(_compared, step_name(self.dataset), self.splits)
        )
        return {"rows": checked, "tallies": tallies}


def with_step(dataset: Dataset, path: str | None) -> Dataset:
    """Returns a definition with a step of one's own, by its import path; None: as it is.

    Raises:
        InputError: it has one, or the path is none.
        DefinitionError: the definition has mistakes.
    """
    if path is None:
        return dataset
    if dataset.prepare is not None:
        raise InputError(
            f"--prepare {path!r}: the definition {dataset.name!r} names {step_name(dataset)!r} "
            "already; leave one of them out"
        )
    return replace(dataset, prepare=Prepare(path))


def step_name(dataset: Dataset) -> str:
    """Returns the import path of a definition's own step."""
    return str(dataset.prepare and dataset.prepare.transform)


def dropped_by(dataset: Dataset) -> str:
    """Returns the cause of rows that the step drops."""
    return f"by {step_name(dataset)}"


def repeated(batch: pa.RecordBatch, rows: Any) -> pa.RecordBatch:
    """Makes several rows of one, each with an identity of its own.

    Args:
        batch: rows, as a step of one's own is given them.
        rows: the places in the batch of the rows wanted, whole numbers (n,), in order; a row may be
            wanted several times, or not at all.

    Returns:
        The rows, (n,). Of those made of one the first keeps its identity.

    Raises:
        InputError: more than 512 are made of one.
    """
    taken = batch.take(pa.array(rows, pa.int64()))
    identity = pa.array(parts_of(taken[ROW].to_numpy()))
    return taken.set_column(taken.schema.get_field_index(ROW), ROW, identity)


def _applied(given: beam.PCollection, path: str) -> beam.PCollection:
    """Applies what an import path names.

    Raises:
        InputError: it is no PTransform, or fails where the pipeline is built.
    """
    try:
        step = resolve(path)()
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"the step {path!r} cannot be made ({first_line(error)})") from error
    if not isinstance(step, beam.PTransform):
        raise InputError(
            f"the step {path!r} is a {type(step).__name__}, not a PTransform; give a class of one, "
            "or a function that returns one"
        )
    try:
        made = given | "Step" >> step
    except Exception as error:
        raise InputError(f"the step {path!r} cannot be applied ({first_line(error)})") from error
    if not isinstance(made, beam.PCollection):
        raise InputError(
            f"the step {path!r} gives a {type(made).__name__}; it must give one PCollection"
        )
    return made


def _checked(batch: Any, dataset: Dataset) -> pa.RecordBatch:
    """Returns a batch that a step made in the types of the definition's columns.

    Raises:
        InputError: it is no batch, lacks a column or the rows' identities, or has a value that its
            column does not allow.
    """
    path, columns = step_name(dataset), dataset.columns_before_lookups
    if not isinstance(batch, pa.RecordBatch):
        raise InputError(
            f"the step {path!r} gives a {type(batch).__name__}; it must give pyarrow.RecordBatch "
            "elements, such as it is given"
        )
    batch = conform(batch, columns, list(columns), f"the step {path!r}")
    held = {name: held_against(batch[name], kind) for name, kind in columns.items()}
    faults = row_faults(held, {name: batch[name] for name in columns}, batch[ROW].to_numpy())
    if faults:
        raise InputError(
            f"the step {path!r} gives {counted(len(faults), 'row')} with values that their columns "
            f"do not allow, such as {faults[0].reason}; mend the values, or drop the rows"
        )
    return pa.RecordBatch.from_pydict({name: batch[name] for name in (*columns, ROW)})


def _identities(batch: pa.RecordBatch, stream: str) -> Partitioned:
    part = scramble(whole_row(batch[ROW].to_numpy())) % _PARTS
    return Partitioned("prepare", stream, part.astype(np.int64), batch.select([ROW]))


def _compared(group: Group, path: str, splits: SplitOfInput) -> Iterator[Tally]:
    """Counts rows dropped and added.

    Raises:
        InputError: rows share an identity, or have one that none was read with.
    """
    tables = group.tables()
    none = np.empty(0, np.int64)
    given: Ints = tables[_GIVEN][ROW].to_numpy() if _GIVEN in tables else none
    made: Ints = tables[_MADE][ROW].to_numpy() if _MADE in tables else none
    if not np.isin(whole_row(made), given).all():
        raise InputError(
            f"the step {path!r} gives rows an identity ({ROW}) that none was read "
            "with; leave the column as it is, and make several rows of one with "
            "forebay.repeated"
        )
    if len(np.unique(made)) < len(made):
        raise InputError(
            f"the step {path!r} gives rows the identity ({ROW}) of another, so that each would "
            "see its own event; make several rows of one with forebay.repeated"
        )
    kept = np.isin(given, whole_row(made))
    extra = np.delete(made, np.unique(whole_row(made), return_index=True)[1])
    yield from tallies_of_rows("dropped", f"by {path}", given[~kept], splits)
    yield from tallies_of_rows("added", path, extra, splits)
