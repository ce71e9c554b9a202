"""Rows after the windows, answered by an exported model in batches."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.utils.shared import Shared

from forebay.pipelines.sources.read import reject_batch
from forebay.pipelines.splits.rows import NO_ROW_TIME
from forebay.storage.run.exported import CLASS_NAME, ExportedModel
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Classification
from forebay.transforms.definition.new_rows import asked_columns
from forebay.transforms.errors import InstanceError
from forebay.transforms.graph.fed import marked_column
from forebay.transforms.windows.groups import WindowGroup, window_groups

UNANSWERED = "the model has no answer"


def prediction_columns(model: ExportedModel, label: bool) -> list[str]:
    """Returns the columns that are passed through, the label last where the rows have it."""
    dataset = model.definition
    passed = [name for name in dataset.passthrough if name != dataset.label.column]
    label = label and dataset.label.column not in model.outputs
    return [*passed, dataset.label.column] if label else passed


class AnswerRows(beam.PTransform):
    """Answers rows by an exported model, which is loaded once in each worker process.

    Input: ``(shard, RecordBatch)`` with the served columns and `ROW`. Output: ``answers``, the
    passed columns, the model's outputs and `ROW`; ``rejects`` for `WriteRejects`; ``tallies``.

    Args:
        model: the model.
        passed: the columns that are passed through.
        batch_size: rows per call of the model.
    """

    def __init__(self, model: ExportedModel, passed: list[str], batch_size: int) -> None:
        super().__init__()
        self.model = model
        self.passed = passed
        self.batch_size = batch_size

    def expand(self, rows: beam.PCollection) -> Any:  # noqa: D102
        ask = _AnswerRows(self.model.path, self.model.definition, self.passed, self.batch_size)
        return rows | beam.ParDo(ask).with_outputs("rejects", "tallies", main="answers")


class _AnswerRows(beam.DoFn):
    def __init__(self, path: str, dataset: Dataset, passed: list[str], batch_size: int) -> None:
        self._path = path
        self._dataset = dataset
        self._passed = passed
        self._batch_size = batch_size
        self._shared = Shared()

    def setup(self) -> None:
        from forebay.storage.run.loaded_model import LoadedModel  # it imports TensorFlow

        self._model = self._shared.acquire(lambda: LoadedModel(self._path), self._path)
        self._groups = window_groups(self._dataset)
        self._derived = sorted(asked_columns(self._dataset) - {*self._dataset.columns})

    def process(self, element: tuple[int, pa.RecordBatch]) -> Iterator[Any]:
        _, batch = element
        for name in self._derived:
            yield beam.pvalue.TaggedOutput("tallies", ("missing", name, batch[name].null_count))
        yield beam.pvalue.TaggedOutput("tallies", ("asked", "rows", len(batch)))
        if self._dataset.row_time is not None:
            timed = pc.is_valid(batch[self._dataset.row_time])
            untimed = batch.filter(pc.invert(timed))
            yield from _rejected(untimed, NO_ROW_TIME, [NO_ROW_TIME] * len(untimed))
            batch = batch.filter(timed)
        yield beam.pvalue.TaggedOutput("tallies", ("timed", "rows", len(batch)))
        for group in self._groups:
            yield beam.pvalue.TaggedOutput("tallies", ("empty", _told(group), _empty(batch, group)))
        for start in range(0, len(batch), self._batch_size):
            yield from self._answered(batch.slice(start, self._batch_size))

    def _answered(self, batch: pa.RecordBatch) -> Iterator[Any]:
        try:
            found = self._model.ask(self._arrays(batch))
        except InstanceError as error:
            if len(batch) == 1:
                yield from _rejected(batch, UNANSWERED, [str(error)])
                return
            half = len(batch) // 2  # so that the rows that it can take have their answers
            yield from self._answered(batch.slice(0, half))
            yield from self._answered(batch.slice(half))
            return
        proper = found[self._model.exported.output].reshape(len(batch), -1)
        good = np.isfinite(proper).all(axis=1)
        reasons = [str(self._model.unanswered(answer)) for answer in proper[~good]]
        yield from _rejected(batch.filter(pa.array(~good)), UNANSWERED, reasons)
        columns = {name: batch[name] for name in self._passed}
        kinds = answer_types(self._model.exported)
        columns |= {name: _as_arrow(found[name]).cast(kind) for name, kind in kinds}
        answers = pa.RecordBatch.from_pydict(columns | {ROW: batch[ROW]}).filter(pa.array(good))
        if len(answers):
            yield beam.pvalue.TaggedOutput("tallies", ("answered", "rows", len(answers)))
            yield answers

    def _arrays(self, batch: pa.RecordBatch) -> dict[str, npt.NDArray[Any]]:
        dtypes = self._dataset.graph_dtypes
        return {
            name: marked_column(batch[name], dtypes[name]).to_numpy(zero_copy_only=False)
            for name in self._dataset.served_columns
        }


def answer_types(model: ExportedModel) -> list[tuple[str, pa.DataType]]:
    """Returns the names and types of a model's outputs as columns."""
    label = model.definition.label
    number: pa.DataType = pa.float32()
    if not isinstance(label, Classification):
        return [(model.output, number)]
    classes = pa.array(label.classes).type
    return [(model.output, pa.list_(number, len(label.classes))), (CLASS_NAME, classes)]


def _as_arrow(answers: npt.NDArray[Any]) -> pa.Array:
    if answers.ndim == 1:
        values = [v.decode() for v in answers] if answers.dtype == object else answers
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(answers.reshape(-1)), answers.shape[1])


def _rejected(rows: pa.RecordBatch, category: str, reasons: list[str]) -> Iterator[Any]:
    if len(rows):
        yield beam.pvalue.TaggedOutput("tallies", ("rejects", category, len(rows)))
        rejects = reject_batch(rows[ROW].to_numpy(), reasons, [None] * len(rows))
        yield beam.pvalue.TaggedOutput("rejects", rejects)


def _told(group: WindowGroup) -> str:
    """Returns what people call the windows of a group: by one of its columns."""
    first, *others = group.aggregates
    return f"{first} and {len(others)} more" if others else first


def _empty(batch: pa.RecordBatch, group: WindowGroup) -> int:
    """Returns for how many rows a group's columns are all what they are without events."""
    empty = np.ones(len(batch), np.bool_)
    for name, aggregate in group.aggregates.items():
        default = 0 if aggregate.op in ("count", "distinct") else aggregate.default
        column = batch[name]
        missing = column.is_null()
        if default is not None:
            missing = pc.or_(missing, pc.fill_null(pc.equal(column, default), False))
        empty &= missing.to_numpy(zero_copy_only=False)
    return int(empty.sum())
