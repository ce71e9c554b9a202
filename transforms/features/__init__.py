"""Features as data: which columns of the graph's input become which model inputs, and how.

Every feature names its outputs. A numeric output is a float32 scalar, or as many as its width
says; a categorical output is an int64 id in [0, size), where a missing value has an id of its own,
or a list of them, where that id is padding.
"""

from transforms.features.bucketized import Bucketized
from transforms.features.calendar import Calendar
from transforms.features.categorical import Categorical
from transforms.features.crossed import Crossed
from transforms.features.custom import Custom
from transforms.features.image import Image
from transforms.features.multi_hot import MultiHot
from transforms.features.number_list import NumberList
from transforms.features.numeric import Numeric
from transforms.features.text import Text

Feature = (
    Numeric | Categorical | Bucketized | Calendar | Crossed | Text | MultiHot | Image | NumberList
    | Custom
)  # fmt: skip
# What a cross can be of: every feature whose output is one id.
Crossable = Categorical | Bucketized | Calendar

__all__ = [
    "Bucketized", "Calendar", "Categorical", "Crossable", "Crossed", "Custom", "Feature", "Image",
    "MultiHot", "NumberList", "Numeric", "Text",
]  # fmt: skip
