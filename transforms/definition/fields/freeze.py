"""One habit of all definition dataclasses: lists become tuples, and mappings dicts."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def freeze_sequences(instance: Any) -> None:
    """Replaces every list in the fields of a frozen dataclass by a tuple, in place."""
    for field in fields(instance):
        object.__setattr__(instance, field.name, _frozen(getattr(instance, field.name)))


def _frozen(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    return dict(value) if isinstance(value, Mapping) else value
