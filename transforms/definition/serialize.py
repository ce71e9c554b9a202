"""Definitions as JSON: every dataclass becomes an object that names its kind."""

import hashlib
import json
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar, get_args

from forebay.transforms.definition import (
    columns,
    derived_numbers,
    features,
    labels,
    lookups,
    prepare,
    sources,
    splits,
    table_formats,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.fields.types import LATER
from forebay.transforms.definition.windows import operators, windowed
from forebay.transforms.errors import InputError, RunFolderError, UserError, reason
from forebay.transforms.json_text import parse_json

T = TypeVar("T")
_LONGEST = 60  # characters of a value that are shown

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Dataset, sources.Source, sources.Derive, table_formats.CsvFormat,
        columns.Number, columns.Numbers, columns.Integer, columns.String, columns.Bytes,
        columns.Boolean, columns.Timestamp, columns.Date,
        windowed.Windowed, operators.Op, windowed.Where, lookups.Lookup,
        prepare.Prepare,
        *get_args(features.Feature), *get_args(features.CategoryIds),
        *get_args(derived_numbers.DerivedNumber),
        *get_args(labels.Label),
        splits.HashSplit, splits.TimeSplit, splits.ColumnSplit, splits.RandomSplit,
        splits.InputSplit,
    )
}  # fmt: skip


def to_json(dataset: Dataset) -> str:
    """Returns the definition as indented JSON, functions by import path."""
    return json.dumps(_encode(dataset), indent=2, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> Dataset:
    """Reads what `to_json` wrote; no code of the definition's functions is needed.

    Raises:
        InputError: the text is not a definition.
        DefinitionError: the definition has mistakes.
    """
    try:
        value = _decode(parse_json(text))
        if not isinstance(value, Dataset):
            raise _not(value, "a Dataset", "")
    except ValueError as error:
        raise InputError(
            f"not a definition as Forebay writes it ({reason(error)}); "
            "write definitions in Python and let `forebay preprocess` write the JSON"
        ) from error
    return value


def from_record(text: str | bytes, where: str, cure: str) -> Dataset:
    """Reads what `to_json` wrote to a record of Forebay's own.

    Args:
        text: the JSON.
        where: the file that it is in, for the error.
        cure: what to do where it is damaged.

    Raises:
        RunFolderError: the text is not a definition, or one with mistakes.
    """
    try:
        return from_json(text)
    except UserError as error:
        said = reason(error.__cause__ or error)
        raise RunFolderError(f"{where} is damaged ({said}); {cure}") from error


def digest(dataset: Dataset) -> str:
    """Returns the SHA-256 of the definition's canonical JSON, in hexadecimal."""
    canonical = json.dumps(_encode(dataset), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _encode(value: Any) -> Any:
    if is_dataclass(value):
        written = {field.name: getattr(value, field.name) for field in fields(value)}
        for field in fields(value):
            if field.metadata == LATER and written[field.name] == _default(field):
                del written[field.name]
        pairs = {name: _encode(item) for name, item in written.items()}
        return {"kind": type(value).__name__, **pairs}
    if isinstance(value, dict):
        return {"items": {key: _encode(item) for key, item in value.items()}}
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return value


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _decode(value: Any, place: str = "") -> Any:
    """Returns what a value of JSON stands for; ``place`` is where it is, for errors.

    Raises:
        ValueError: nothing of a definition; which values fields may have, `Dataset` checks.
    """
    if isinstance(value, list):
        return tuple(_decode(item, f"{place}[{i}]") for i, item in enumerate(value))
    if not isinstance(value, dict):
        return value
    if "items" in value:
        items = _one_of(dict, value["items"], "an object", _at(place, "items"))
        return {key: _decode(item, f"{place}[{key!r}]") for key, item in items.items()}
    name = _one_of(str, value.get("kind"), "the name of a kind", _at(place, "kind"))
    if name not in _KINDS:
        raise _not(name, "a kind that there is", _at(place, "kind"))
    known = {field.name: field for field in fields(_KINDS[name])}
    given = {key: item for key, item in value.items() if key != "kind"}
    for key in given.keys() - known:
        raise ValueError(f"{_at(place, key)} is not a field of {name}")
    for key in known.keys() - given:
        if known[key].default is MISSING and known[key].default_factory is MISSING:
            raise ValueError(f"{_at(place, key)} is absent")
    return _KINDS[name](**{key: _decode(item, _at(place, key)) for key, item in given.items()})


def _at(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _one_of(kind: type[T], value: Any, wanted: str, place: str) -> T:
    if not isinstance(value, kind):
        raise _not(value, wanted, place)
    return value


def _not(value: Any, wanted: str, place: str) -> ValueError:
    text = repr(value)
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return ValueError(f"{place or 'the whole'} is {shown}, not {wanted}")
