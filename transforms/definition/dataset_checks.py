"""What can be wrong with a definition as a whole: all of it, before any data is read."""

import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from unicodedata import category

from forebay.transforms.definition.columns import Column, CsvFormat, Integer, Number, Timestamp
from forebay.transforms.definition.features import Categorical, Crossed, Feature, Informative
from forebay.transforms.definition.field_types import Faults, field_problems
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.sources import ROWS, Source, source_problems
from forebay.transforms.definition.splits import HashSplit, TimeSplit
from forebay.transforms.definition.window_checks import window_problems
from forebay.transforms.errors import NO_SUCH_COLUMN, Problem, unknown_column

if TYPE_CHECKING:
    from forebay.transforms.definition.dataset import Dataset

# File systems take names of 255 bytes, of which prefixes and endings need some.
_LONGEST_NAME = 200
# What stands for a part that is not of its type, while the others are checked.
_STAND_INS: Mapping[str, Any] = {
    "name": "unnamed", "columns": {}, "derive": (), "csv": CsvFormat(), "features": (),
    "label": Regression(""), "split": HashSplit(""), "row_time": None, "sources": {},
    "windows": (), "passthrough": (), "weight": None,
}  # fmt: skip


def definition_problems(dataset: "Dataset") -> Iterator[Problem]:
    """Yields all mistakes of a definition, those of type first.

    What is not of its type is checked no further, and what it may be the reason of is left out.
    """
    faults = Faults(field_problems(dataset))
    yield from faults.problems
    sound = _sound_part(dataset, faults)
    knows_columns = isinstance(dataset.columns, Mapping) and len(sound.columns) == len(
        dataset.columns
    )
    knows_columns &= all(faults.sound(part) for part in ("derive", "sources", "windows"))
    for problem in _contradictions(dataset, sound, faults):
        if knows_columns or problem.cause != NO_SUCH_COLUMN:
            yield problem


def _sound_part(dataset: "Dataset", faults: Faults) -> "Dataset":
    """Returns a copy of a definition without what is not of its type."""
    part = copy.copy(dataset)
    for name, stand_in in _STAND_INS.items():
        value = getattr(dataset, name)
        if name == "columns" and isinstance(value, Mapping):
            value = {key: kind for key, kind in value.items() if isinstance(kind, Column)}
        elif isinstance(stand_in, tuple):
            value = tuple(faults.sound_items(value, name).values())
        elif isinstance(stand_in, dict) and isinstance(value, Mapping):
            value = {k: item for k, item in value.items() if faults.sound(f"{name}[{k!r}]")}
        elif not faults.sound(name):
            value = stand_in
        object.__setattr__(part, name, value)
    return part


def _contradictions(dataset: "Dataset", sound: "Dataset", faults: Faults) -> Iterator[Problem]:
    """Yields the mistakes that are not of type.

    Args:
        dataset: the definition.
        sound: what of it is of its type.
        faults: its mistakes of type.
    """
    if not sound.name or not sound.name.replace("_", "").replace("-", "").isalnum():
        yield Problem("name", sound.name, "not a plain name", "use letters, digits, '_' and '-'")
    yield from source_problems(sound, faults.sound_items(dataset.derive, "derive"), faults)
    yield from _source_problems(sound.sources, faults)
    if all(faults.sound(part) for part in ("row_time", "windows", "split")):
        yield from _row_time_problems(sound)
    events = {name: source.row_columns for name, source in sound.sources.items()}
    for where, windowed in faults.sound_items(dataset.windows, "windows").items():
        yield from window_problems(windowed, where, sound.row_columns, events)
    yield from _windowed_name_problems(sound)
    yield from _feature_problems(sound, faults.sound_items(dataset.features, "features"), faults)
    if faults.sound("label"):
        yield from sound.label.problems("label", sound.row_columns)
    if faults.sound("split"):
        yield from sound.split.problems("split", sound.row_columns)
    for name in sound.passthrough:
        if name not in sound.all_columns:
            yield unknown_column("passthrough", name, sound.all_columns)
    yield from _weight_problems(sound)


def _source_problems(sources: Mapping[str, Source], faults: Faults) -> Iterator[Problem]:
    for name, source in sources.items():
        if name == ROWS or not name.isidentifier():
            yield Problem(
                "sources", name, "not the name of a source",
                f"use letters, digits and '_', and not {ROWS!r}, which is the dataset's own table",
            )  # fmt: skip
        where = f"sources[{name!r}]."
        steps = faults.sound_items(source.derive, f"{where}derive")
        yield from source_problems(source, steps, faults, where)


def _row_time_problems(dataset: "Dataset") -> Iterator[Problem]:
    needs = bool(dataset.windows) or (isinstance(dataset.split, TimeSplit) and not dataset.split.on)
    if dataset.row_time is not None:
        column = dataset.row_columns.get(dataset.row_time)
        if column is None:
            yield unknown_column("row_time", dataset.row_time, dataset.row_columns)
        elif not isinstance(column, Timestamp):
            yield Problem(
                "row_time", dataset.row_time, "not a Timestamp column", "name a Timestamp column"
            )
    elif needs:
        yield Problem(
            "row_time",
            None,
            "windows and time splits need the instant at which a row is asked for",
            "name a Timestamp column",
        )


def _weight_problems(dataset: "Dataset") -> Iterator[Problem]:
    if dataset.weight is None:
        return
    column = dataset.row_columns.get(dataset.weight)
    if column is None:
        yield unknown_column("weight", dataset.weight, dataset.row_columns)
    elif not isinstance(column, Number | Integer):
        yield Problem(
            "weight", dataset.weight, f"a {type(column).__name__} column",
            "name a Number or Integer column",
        )  # fmt: skip


def _windowed_name_problems(dataset: "Dataset") -> Iterator[Problem]:
    names = Counter(name for windowed in dataset.windows for name in windowed.names)
    for name, times in names.items():
        if times > 1:
            yield Problem(
                "windows", name, f"{times} windowed columns have this name",
                "drop one, or derive a column with another name to aggregate",
            )  # fmt: skip
        if name in dataset.row_columns:
            yield Problem("windows", name, "a column has this name already", "rename the column")


def _feature_problems(
    dataset: "Dataset", features: Mapping[str, Feature], faults: Faults
) -> Iterator[Problem]:
    if not dataset.features and faults.sound("features"):
        yield Problem("features", dataset.features, "nothing to learn from", "declare a feature")
    crossable = {name for f in dataset.features if f.crossable for name in f.outputs}
    outputs: Counter[str] = Counter(dataset.carried_columns)
    for where, feature in features.items():
        yield from feature.problems(where, dataset.all_columns)
        outputs.update(feature.outputs)
        if dataset.label.column in feature.inputs:
            yield Problem(
                where, dataset.label.column, "the label is not known when a model is asked",
                "leave it out; windows over it, without the row's own event, are fine",
            )  # fmt: skip
        if isinstance(feature, Categorical) and isinstance(feature.ids, Informative):
            yield from feature.ids.label_problems(f"{where}.ids", dataset.label)
        if isinstance(feature, Crossed):
            for name in feature.of:
                if name not in crossable:
                    yield unknown_column(f"{where}.of", name, dict.fromkeys(sorted(crossable)))
    for name, times in outputs.items():
        if times > 1:
            yield Problem("features", name, f"{times} outputs have this name", "set name= on one")
    for name in (*outputs, *dataset.windowed_columns):
        if not _is_file_name(name):
            yield Problem(
                "features" if name in outputs else "windows", name, "no file can have this name",
                f"use no '/', no control characters and at most {_LONGEST_NAME} bytes; set name=, "
                "or derive a column with another name",
            )  # fmt: skip


def _is_file_name(name: str) -> bool:
    """Tells whether a file can be named so, as vocabularies and pictures are, in any folder."""
    is_plain = all(category(letter) not in ("Cc", "Cs") for letter in name)
    return (
        is_plain
        and "/" not in name
        and name not in (".", "..")
        and (len(name.encode()) <= _LONGEST_NAME)
    )
