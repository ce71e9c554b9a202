"""Prediction: JSON lines in, JSON lines out, in order."""

import io
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, TextIO

import numpy as np
import numpy.typing as npt

from forebay.serving.doubts import Doubts
from forebay.serving.instances import InstanceReader
from forebay.storage.entries import files_below
from forebay.storage.named_files import written_whole
from forebay.storage.run.loaded_model import BATCH_ROWS, LoadedModel
from forebay.transforms.errors import InputError, InstanceError, reason
from forebay.transforms.json_text import json_number, json_text


@dataclass(frozen=True)
class Answer:
    """One line's answer: what is written, and whether it is an error."""

    value: Mapping[str, Any]
    failed: bool = False


@dataclass(frozen=True)
class _Read:
    """A row as it was given, and as the model takes it."""

    given: Mapping[str, Any]
    values: Mapping[str, Any]


# A row's answers by name, or why there is none.
_Result = Mapping[str, Any] | InstanceError


@dataclass(frozen=True)
class LineCounts:
    """What became of lines.

    Attributes:
        lines: how many were answered.
        errors: how many of them with an error.
        doubts: in how many of the others a value is doubtful, by what it is.
    """

    lines: int
    errors: int
    doubts: Mapping[str, int]


class Predictor:
    """An exported model, ready to be asked.

    Args:
        path: the model's folder, or a folder of models by timestamp.
        ignore_extra: whether columns that the model does not take are passed over.

    Attributes:
        doubts: in how many of the rows answered so far a value is doubtful, by what it is.

    Raises:
        RunFolderError: there is no model, or it cannot be loaded.
    """

    def __init__(self, path: str, *, ignore_extra: bool = False) -> None:
        self._model = LoadedModel(path)
        self.exported = self._model.exported
        definition = self.exported.definition
        self._reader = InstanceReader(definition, ignore_extra=ignore_extra)
        self._doubts = Doubts(definition)
        self.doubts: Counter[str] = Counter()
        named = dict.fromkeys([*definition.passthrough, definition.label.column])
        self._passed = [name for name in named if name not in self.exported.outputs]

    def answer(self, lines: Iterable[tuple[int, bytes]]) -> list[Answer]:
        """Answers numbered lines of JSON.

        Returns:
            One answer per line: the passthrough columns and the label, where it has one, as they
            were given or derived, and the prediction; or an error and the line's number.
        """
        read: list[_Read | InstanceError] = []
        numbers = []
        for number, line in lines:
            numbers.append(number)
            try:
                row = self._reader.parse(line)
                read.append(_Read(row, self._reader.read(row)))
            except InstanceError as error:
                read.append(error)
        results = iter(self._ask([row.values for row in read if isinstance(row, _Read)]))
        return [
            _failure(row, number)
            if isinstance(row, InstanceError)
            else self._answer(row, next(results), number)
            for number, row in zip(numbers, read, strict=True)
        ]

    def _answer(self, row: _Read, result: _Result, number: int) -> Answer:
        if isinstance(result, InstanceError):
            return _failure(result, number)
        unanswered = self._model.unanswered(result[self.exported.output])
        if unanswered is not None:
            return _failure(unanswered, number)
        return Answer({**self._reader.carried(row.given, self._passed), **result})

    def _ask(self, values: Sequence[Mapping[str, Any]]) -> list[_Result]:
        """Returns each row's answers by name, as JSON takes them, or why the model has none."""
        if not values:
            return []
        arrays = self._reader.arrays(values)
        try:
            found = self._model.ask(arrays)
        except InstanceError as error:
            if len(values) == 1:
                return [error]
            half = len(values) // 2  # so that the rows that it can take have their answers
            return [*self._ask(values[:half]), *self._ask(values[half:])]
        self.doubts.update(self._doubts.of(arrays))
        columns = {name: _plain(column) for name, column in found.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _failure(error: object, line: int) -> Answer:
    return Answer({"error": str(error), "line": line}, failed=True)


def _plain(column: npt.NDArray[Any]) -> list[Any]:
    """Returns an answer of each row as JSON takes it: a number, a text or a list of numbers."""
    if column.ndim == 2:
        return [[_shortest(value) for value in row] for row in column]
    if column.dtype == np.float32:
        return [_shortest(value) for value in column]
    return [v.decode() if isinstance(v, bytes) else v for v in column.tolist()]


def _shortest(value: np.float32) -> int | float:
    """Returns a float32 as the number with its shortest text: 0.1, not 0.10000000149011612."""
    return json_number(float(str(value)))


def predict_lines(predictor: Predictor, source: BinaryIO, sink: TextIO) -> LineCounts:
    """Answers every line that is not blank, in order.

    Args:
        predictor: the model.
        source: lines of JSON.
        sink: the stream that answers are written to, one line each.
    """
    lines = errors = 0
    for batch in _batches(source):
        for answer in predictor.answer(batch):
            lines += 1
            errors += answer.failed
            sink.write(json_text(answer.value) + "\n")
        sink.flush()
    return LineCounts(lines, errors, dict(predictor.doubts))


def _batches(source: BinaryIO) -> Iterator[list[tuple[int, bytes]]]:
    numbered = ((i, line) for i, line in enumerate(source, start=1) if line.strip())
    while batch := list(islice(numbered, BATCH_ROWS)):
        yield batch


_HEAD_BYTES, _LINES_LOOKED_AT = 1 << 12, 3


def predict_files(
    model: str, source: str, sink: str, *, ignore_extra: bool = False, also_read: Sequence[str] = ()
) -> LineCounts:
    """Answers the lines of a file; ``-`` is standard input and output.

    The file of answers takes its name when all lines are answered.

    Args:
        model: the model's folder, or a folder of models by timestamp.
        source: the file of lines.
        sink: the file of answers.
        ignore_extra: whether columns that the model does not take are passed over.
        also_read: other files that are read: they are not replaced either.

    Raises:
        RunFolderError: there is no model.
        InputError: a file cannot be opened, or the file of answers is one that is read.
    """
    with ExitStack() as stack:
        try:
            lines = sys.stdin.buffer if source == "-" else stack.enter_context(open(source, "rb"))
        except OSError as error:
            raise InputError(
                f"{error.filename} cannot be opened ({reason(error)}); check the path"
            ) from error
        predictor = Predictor(model, ignore_extra=ignore_extra)
        _refuse_tables(lines, source)
        answers: TextIO = sys.stdout
        if sink != "-":
            inputs = [source, *also_read, *files_below(model)]
            stream = stack.enter_context(written_whole(sink, "--output", inputs))
            answers = io.TextIOWrapper(stream, "utf-8", write_through=True)
            stack.callback(answers.detach)
        counts = predict_lines(predictor, lines, answers)
        if not counts.lines:
            name = "standard input" if source == "-" else source
            raise InputError(f"{name} has no rows to answer; write each as an object on its line")
        return counts


def _refuse_tables(lines: BinaryIO, source: str) -> None:
    """Refuses a file that begins as a table does: with lines of which none is in braces."""
    head = lines.peek(_HEAD_BYTES)  # type: ignore[attr-defined]
    first = [line.strip() for line in head.splitlines()[:_LINES_LOOKED_AT] if line.strip()]
    if len(first) == _LINES_LOOKED_AT and not any(line[:1] in (b"{", b"[") for line in first):
        shown = first[0][:60].decode("utf-8", "backslashreplace")
        raise InputError(
            f"{source} is not JSON lines: it begins with {shown!r}, as a CSV file may; give a "
            "table to --input, or write each row as an object on a line of its own, such as "
            '{"column": 1.5, "other": null}'
        )
