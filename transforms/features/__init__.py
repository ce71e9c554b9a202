"""Features as data: which columns of the graph's input become which model inputs, and how.

Every feature names its outputs. A numeric output is a float32 scalar; a categorical output is
an int64 id in [0, size), where a missing value has an id of its own.
"""

from transforms.features.bucketized import Bucketized
from transforms.features.calendar import Calendar, Cyclic
from transforms.features.categorical import Categorical
from transforms.features.crossed import Crossed
from transforms.features.custom import Custom
from transforms.features.grid import Grid
from transforms.features.numeric import Numeric

Feature = Numeric | Cyclic | Categorical | Bucketized | Grid | Calendar | Crossed | Custom
# What a cross can be of: every feature whose output is one id.
Crossable = Categorical | Bucketized | Grid | Calendar

__all__ = [
    "Bucketized", "Calendar", "Categorical", "Crossable", "Crossed", "Custom", "Cyclic", "Feature",
    "Grid", "Numeric",
]  # fmt: skip
