"""Images as features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from forebay.transforms.definition.columns import Bytes, Column
from forebay.transforms.definition.features.on_column import OnColumn
from forebay.transforms.definition.fields.types import Between
from forebay.transforms.errors import Problem
from forebay.transforms.limits import MOST_PIXELS


@dataclass(frozen=True)
class Image(OnColumn):
    """The pixels of an image, resized: numbers from 0 to 1.

    They lie row by row, the channels of a pixel together: ``tf.reshape(x, [-1, height, width,
    channels])`` makes images of them again. Resizing is bilinear, without regard to the image's
    proportions. A missing image is zeros.

    Attributes:
        column: a Bytes column of images, whose name ends in ``_bytes``.
        height: rows of pixels.
        width: pixels in a row.
        channels: 3 (red, green, blue) or 1 (grey).
        indicator: whether to add ``<name>_is_missing``, 1.0 where the image is missing.
        name: the output's name; None: ``<column>_image``.
    """

    height: Annotated[int, Between(1, MOST_PIXELS)] = 32
    width: Annotated[int, Between(1, MOST_PIXELS)] = 32
    channels: Literal[1, 3] = 3
    indicator: bool = False
    name: str | None = None

    suffix = "image"
    kinds = (Bytes,)

    @property
    def indicator_output(self) -> str:
        """The name of the indicator of missing images."""
        return f"{self.output}_is_missing"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all transformed columns."""
        return (self.output, self.indicator_output) if self.indicator else (self.output,)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        yield from self.column_problems(where, columns)
        name = str(self.column)
        column = columns.get(name)
        if isinstance(column, Bytes) and not column.image:
            yield Problem(
                f"{where}.column", name, "bytes that need not be images", "set Bytes(image=True)"
            )
        if isinstance(column, Bytes) and not name.endswith("_bytes"):
            yield Problem(
                f"{where}.column", name, "image columns are called so that clients see bytes",
                f"call it {name}_bytes",
            )  # fmt: skip
