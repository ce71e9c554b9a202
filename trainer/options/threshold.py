"""What a threshold is chosen for; stdlib only, so that ``--help`` is quick."""

import math
from dataclasses import dataclass
from typing import Literal

from forebay.transforms.errors import InputError

AIMS = "f1, youden, precision=P, recall=R or cost=FP:FN"


@dataclass(frozen=True)
class ThresholdAim:
    """What a threshold is chosen for.

    Attributes:
        kind: ``f1``: the highest F1; ``youden``: the widest gap between true and false positive
            rates; ``precision``: the highest recall with at least that precision; ``recall``: the
            highest precision with at least that recall; ``cost``: the least cost of mistakes.
        value: the precision or recall asked for.
        false_positive: what calling a negative positive costs.
        false_negative: what missing a positive costs.
    """

    kind: Literal["f1", "youden", "precision", "recall", "cost"]
    value: float = 0.0
    false_positive: float = 0.0
    false_negative: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "ThresholdAim":
        """Reads an aim as the command line has it.

        Raises:
            InputError: it is something else.
        """
        kind, _, rest = text.partition("=")
        try:
            match kind:
                case "f1" | "youden" if not rest:
                    return cls(kind)
                case "precision" | "recall":
                    return cls(kind, value=_share(rest))
                case "cost":
                    false_positive, false_negative = map(_cost, rest.split(":"))
                    return cls(kind, false_positive=false_positive, false_negative=false_negative)
        except ValueError as error:
            raise InputError(f"--threshold-for {text!r}: {error}; give {AIMS}") from None
        raise InputError(f"--threshold-for {text!r} is not an aim; give {AIMS}")

    def __str__(self) -> str:
        if self.kind == "cost":
            return f"cost={self.false_positive:g}:{self.false_negative:g}"
        return self.kind if self.kind in ("f1", "youden") else f"{self.kind}={self.value:g}"


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share <= 1:
        raise ValueError(f"{text} is not a share above 0, up to 1")
    return share


def _cost(text: str) -> float:
    cost = float(text)
    if not 0 < cost < math.inf:
        raise ValueError(f"{text} is not a cost above 0")
    return cost
