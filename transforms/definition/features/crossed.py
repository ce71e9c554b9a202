"""Crosses of categorical features."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.features.on_column import Embed
from forebay.transforms.definition.features.outputs import Outputs
from forebay.transforms.definition.fields.freeze import freeze_sequences
from forebay.transforms.definition.fields.several import Several
from forebay.transforms.definition.fields.types import Between
from forebay.transforms.errors import Problem
from forebay.transforms.limits import MOST_IDS

# A cross of so many combinations numbers them: a wide side of float32 weights takes 256 KiB.
MOST_NUMBERED = 1 << 16
# No cross takes more buckets than this unless told to: 16 MiB.
MOST_BUCKETS = 1 << 22


@dataclass(frozen=True)
class Crossed(Outputs):
    """The cross of categorical features: one id per combination, hashed where there are too many.

    Combinations are numbered exactly while all of them fit in ``buckets``; otherwise their
    numbers are hashed into the buckets, and some share one.

    Attributes:
        name: the output's name.
        of: the names of two or more features whose output is one id: Categorical, Bucketized,
            Calendar and their like.
        buckets: how many ids; None: `cross_buckets` of the combinations, once the sizes of what is
            crossed are known.
        embed: dimensions of the embedding on the deep side, or ``"one_hot"``; None: wide side only.
    """

    name: str
    of: Several[str]
    buckets: Annotated[int, Between(2, MOST_IDS, "tells nothing apart")] | None = None
    embed: Embed = None

    inputs: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        freeze_sequences(self)

    @property
    def output(self) -> str:
        """The name of the transformed column."""
        return self.name

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all transformed columns."""
        return (self.name,)

    def problems(self, where: str, columns: Mapping[str, Column]) -> Iterator[Problem]:
        """Yields the mistakes of this feature; ``where`` is its path in the definition."""
        if len(self.of) < 2:
            yield Problem(f"{where}.of", self.of, "nothing to cross", "name two features or more")


def cross_buckets(combinations: int) -> int:
    """Returns how many buckets a cross should have.

    Up to 65,536 combinations have a bucket each. More are hashed into the greater of 65,536 and n^¾
    buckets, at most 4,194,304. n^¾ is the middle, on a logarithmic scale, of the range from ½√n to
    2n that is usually advised for n combinations; up to 7e13 of them the result lies in that range.

    Args:
        combinations: how many there are: the product of the sizes of what is crossed, ids for
            missing and unknown values included.

    Raises:
        ValueError: there are none.
    """
    if combinations < 1:
        raise ValueError(f"a cross of {combinations} combinations has none; give 1 or more")
    if combinations <= MOST_NUMBERED:
        return combinations
    root = math.sqrt(combinations)
    return min(MOST_BUCKETS, max(MOST_NUMBERED, math.floor(root * math.sqrt(root))))
