"""One habit of all definition dataclasses: sequences that users write as lists become tuples."""

from dataclasses import fields
from typing import Any


def freeze_sequences(instance: Any) -> None:
    """Replaces every list among the fields of a frozen dataclass by a tuple, in place."""
    for field in fields(instance):
        value = getattr(instance, field.name)
        if isinstance(value, list):
            object.__setattr__(instance, field.name, tuple(value))
