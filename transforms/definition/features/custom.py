"""Features made by functions of a user's own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.features.outputs import Outputs
from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.functions import FUNCTION_CURE, import_path, is_importable_path
from forebay.transforms.errors import Problem, unknown_column


@dataclass(frozen=True)
class Custom(Outputs):
    """Outputs of a TensorFlow function of the user's own, or a whole ``preprocessing_fn``.

    The function takes a dict of tensors, each of shape (batch,), and returns either one tensor
    (then ``name`` names it) or a dict of tensors, of shape (batch,) or (batch, width). It may call
    ``tensorflow_transform`` analyzers. A missing value reaches it as NaN in float32, as -2^63 in
    int64 and as the byte 0xFF in string tensors. Float outputs are numeric features; int64
    outputs are ids whose range TFT's own mappers declare. In lists of ids, of shape (batch,
    width), the last id is padding; their embeddings are averaged, by the float output
    ``<name>_weight`` of the same shape where there is one.

    Attributes:
        function: the function, or its import path ``module:name``.
        columns: the columns it takes; empty: every column but the label.
        name: the output's name, for functions that return one tensor.
    """

    function: str | Callable[..., Any]
    columns: Several[str] = ()
    name: str | None = None

    def __post_init__(self) -> None:
        freeze_sequences(self)
        object.__setattr__(self, "function", import_path(self.function))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the graph's input that this feature reads."""
        return tuple(self.columns)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The output's name where the definition knows it."""
        return (self.name,) if self.name else ()

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        for name in self.columns:
            if name not in columns:
                yield unknown_column(f"{where}.columns", name, columns)
        if not is_importable_path(str(self.function)):
            yield Problem(f"{where}.function", self.function, "not importable", FUNCTION_CURE)
