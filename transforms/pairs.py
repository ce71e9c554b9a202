"""Numbers made of two columns, wherever a numeric feature takes one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """One column minus another, such as the mean of an hour minus that of a day.

    Missing where either is missing.

    Attributes:
        left: a Number, Integer or Boolean column, windowed columns included.
        right: the column subtracted from it.
    """

    left: str
    right: str

    @property
    def name(self) -> str:
        """What outputs of this number are called by default."""
        return f"{self.left}_minus_{self.right}"


@dataclass(frozen=True)
class Ratio:
    """One column divided by another; missing where either is missing or the divisor is 0.

    Attributes:
        left: a Number, Integer or Boolean column, windowed columns included.
        right: the divisor.
    """

    left: str
    right: str

    @property
    def name(self) -> str:
        """What outputs of this number are called by default."""
        return f"{self.left}_over_{self.right}"


Pair = Difference | Ratio
