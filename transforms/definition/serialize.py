"""Definitions as JSON: every dataclass becomes an object that names its kind."""

import hashlib
import json
from dataclasses import fields, is_dataclass
from typing import Any, get_args

from forebay.transforms.definition import (
    columns,
    derived_numbers,
    features,
    labels,
    operators,
    sources,
    splits,
    table_formats,
    windows,
)
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.errors import InputError, first_line
from forebay.transforms.json_text import parse_json

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Dataset, sources.Source, sources.Derive, table_formats.CsvFormat,
        columns.Number, columns.Numbers, columns.Integer, columns.String, columns.Bytes,
        columns.Boolean, columns.Timestamp, columns.Date,
        windows.Windowed, operators.Op, windows.Where,
        *get_args(features.Feature), *get_args(features.CategoryIds),
        *get_args(derived_numbers.DerivedNumber),
        *get_args(labels.Label),
        splits.HashSplit, splits.TimeSplit,
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
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise InputError(
            f"not a definition as Forebay writes it ({first_line(error)}); "
            "write definitions in Python and let `forebay preprocess` write the JSON"
        ) from error
    if not isinstance(value, Dataset):
        raise InputError(f"the JSON holds a {type(value).__name__}, not a Dataset")
    return value


def digest(dataset: Dataset) -> str:
    """Returns the SHA-256 of the definition's canonical JSON, in hexadecimal."""
    canonical = json.dumps(_encode(dataset), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _encode(value: Any) -> Any:
    if is_dataclass(value):
        pairs = {field.name: _encode(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **pairs}
    if isinstance(value, dict):
        return {"items": {key: _encode(item) for key, item in value.items()}}
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item) for item in value)
    if isinstance(value, dict) and "items" in value:
        return {key: _decode(item) for key, item in value["items"].items()}
    if isinstance(value, dict):
        kind = value.get("kind")
        if kind not in _KINDS:
            raise ValueError(f"there is no kind {kind!r}")
        arguments = {key: _decode(item) for key, item in value.items() if key != "kind"}
        for name in arguments.keys() - {field.name for field in fields(_KINDS[kind])}:
            raise ValueError(f"{kind} has no {name!r}")
        return _KINDS[kind](**arguments)
    return value
