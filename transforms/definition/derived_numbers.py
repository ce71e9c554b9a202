"""Numbers made of several columns, wherever a feature takes a number: pairs of things, compared.

A number of a pair is missing where one of its columns is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from forebay.transforms.definition.columns import Boolean, Column, Date, Integer, Number, Timestamp
from forebay.transforms.durations import DAY_US

# The mean radius of the Earth, (2a + b) / 3 of the ellipsoid GRS 80 (Moritz, "Geodetic Reference
# System 1980", Journal of Geodesy 74, 2000).
EARTH_RADIUS_KM = 6371.0088
UNITS_US = {
    "seconds": 1_000_000, "minutes": 60_000_000, "hours": 3_600_000_000, "days": DAY_US,
}  # fmt: skip


@dataclass(frozen=True)
class _OfNumbers:
    """What pairs of numbers share."""

    kinds: ClassVar[tuple[type[Column], ...]] = (Number, Integer, Boolean)


@dataclass(frozen=True)
class _OfTwo(_OfNumbers):
    """What pairs of two numbers share."""

    left: str
    right: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns it is made of."""
        return (self.left, self.right)


@dataclass(frozen=True)
class Difference(_OfTwo):
    """One column minus another, such as the mean of an hour minus that of a day.

    Attributes:
        left: a Number, Integer or Boolean column, windowed columns included.
        right: the column subtracted from it.
    """

    @property
    def name(self) -> str:
        """What outputs of this number are called by default."""
        return f"{self.left}_minus_{self.right}"


@dataclass(frozen=True)
class Ratio(_OfTwo):
    """One column divided by another; missing where the divisor is 0, too.

    Attributes:
        left: a Number, Integer or Boolean column, windowed columns included.
        right: the divisor.
    """

    @property
    def name(self) -> str:
        """What outputs of this number are called by default."""
        return f"{self.left}_over_{self.right}"


@dataclass(frozen=True)
class Haversine(_OfNumbers):
    """The distance between two places along the surface of the Earth, in kilometres.

    The Earth is a sphere of `EARTH_RADIUS_KM`, which is off by up to 0.6 % (R. W. Sinnott,
    "Virtues of the Haversine", Sky and Telescope 68, 1984):
    ``2 R asin(sqrt(sin²((lat₂ - lat₁) / 2) + cos lat₁ cos lat₂ sin²((lon₂ - lon₁) / 2)))``.

    Attributes:
        latitude, longitude: columns with one place, in degrees.
        to_latitude, to_longitude: columns with the other.
    """

    latitude: str
    longitude: str
    to_latitude: str
    to_longitude: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns it is made of."""
        return (self.latitude, self.longitude, self.to_latitude, self.to_longitude)

    @property
    def name(self) -> str:
        """What outputs of this number are called by default."""
        return "km_from_{}_{}_to_{}_{}".format(*self.inputs)


@dataclass(frozen=True)
class Euclidean(_OfNumbers):
    """The distance between two points of a plane, in the columns' own units.

    Attributes:
        x, y: columns with one point.
        to_x, to_y: columns with the other.
    """

    x: str
    y: str
    to_x: str
    to_y: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns it is made of."""
        return (self.x, self.y, self.to_x, self.to_y)

    @property
    def name(self) -> str:
        """What outputs of this number are called by default."""
        return "distance_from_{}_{}_to_{}_{}".format(*self.inputs)


@dataclass(frozen=True)
class Elapsed:
    """The time from one instant to another, negative where the second is the earlier.

    A Date counts as its midnight in UTC.

    Attributes:
        since: a Timestamp or Date column, such as the day an account was opened.
        until: another, such as the row time.
        unit: ``seconds``, ``minutes``, ``hours`` or ``days`` (of 24 hours), with fractions.
    """

    since: str
    until: str
    unit: Literal["seconds", "minutes", "hours", "days"] = "seconds"

    kinds: ClassVar[tuple[type[Column], ...]] = (Timestamp, Date)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns it is made of."""
        return (self.since, self.until)

    @property
    def name(self) -> str:
        """What outputs of this number are called by default."""
        return f"{self.unit}_from_{self.since}_to_{self.until}"


DerivedNumber = Difference | Ratio | Haversine | Euclidean | Elapsed


def of_numbers(derived: DerivedNumber, numbers: Sequence[Any], functions: Any) -> Any:
    """Computes a number that is made of other numbers: of tensors in the graph, else of arrays.

    Args:
        derived: how; not `Elapsed`, which is made of instants.
        numbers: its columns, float64 (n,) each; where one is missing the result means nothing.
        functions: the module that has them for such numbers: ``tensorflow`` or ``numpy``.

    Returns:
        float64 (n,).
    """
    match derived:
        case Difference():
            return numbers[0] - numbers[1]
        case Ratio():
            return numbers[0] / numbers[1]
        case Euclidean():
            x, y, to_x, to_y = numbers
            return functions.sqrt(functions.square(to_x - x) + functions.square(to_y - y))
        case Haversine():
            radians = [number * (math.pi / 180) for number in numbers]
            return _haversine_km(*radians, functions=functions)
    raise TypeError(f"{type(derived).__name__} is not made of numbers")


def _haversine_km(
    latitude: Any, longitude: Any, to_latitude: Any, to_longitude: Any, *, functions: Any
) -> Any:
    """Computes the formula of `Haversine`, of angles in radians.

    Rounding takes the haversine of antipodes above 1, where asin is not defined.
    """
    sin, cos, square = functions.sin, functions.cos, functions.square
    haversine = square(sin((to_latitude - latitude) / 2)) + (
        cos(latitude) * cos(to_latitude) * square(sin((to_longitude - longitude) / 2))
    )
    root = functions.sqrt(functions.minimum(haversine, 1.0))
    return 2 * EARTH_RADIUS_KM * functions.asin(root)
