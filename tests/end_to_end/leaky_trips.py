"""The trips with two columns that leak: a copy of the tip, and minutes seen at the pickup."""

from dataclasses import replace

from trips import FEATURES, WINDOWS, trips

from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.windows.operators import mean
from forebay.transforms.definition.windows.windowed import Windowed

leaky = replace(
    trips,
    name="leaky",
    windows=(*WINDOWS, Windowed("minutes", key="zone", at="pickup", over="4h", ops=mean())),
    features=(*FEATURES, Numeric("twice_tip")),
)
