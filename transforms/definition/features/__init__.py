"""Features as data: which columns of the graph's input become which model inputs, and how.

Every feature names its outputs. A numeric output is a float32 scalar, or as many as its width
says; a categorical output is an int64 id in [0, size), where a missing value has an id of its own
unless the feature says otherwise, or a list of them, where that id is padding. Features whose
output is one id are ``crossable``.
"""

from forebay.transforms.definition.features.bucketized import Bucketized
from forebay.transforms.definition.features.calendar import Calendar, Cyclic
from forebay.transforms.definition.features.categorical import Categorical
from forebay.transforms.definition.features.category_ids import (
    CategoryIds,
    Frequent,
    Hashed,
    Identity,
    Informative,
    Listed,
)
from forebay.transforms.definition.features.crossed import Crossed, cross_buckets
from forebay.transforms.definition.features.custom import Custom
from forebay.transforms.definition.features.frequency import Frequency
from forebay.transforms.definition.features.grid import Grid
from forebay.transforms.definition.features.image import Image
from forebay.transforms.definition.features.multi_hot import MultiHot
from forebay.transforms.definition.features.number_list import NumberList
from forebay.transforms.definition.features.numeric import Numeric
from forebay.transforms.definition.features.text import Text

Feature = (
    Numeric | Cyclic | Categorical | Frequency | Bucketized | Grid | Calendar | Crossed | Text
    | MultiHot | Image | NumberList | Custom
)  # fmt: skip

__all__ = [
    "Bucketized", "Calendar", "Categorical", "CategoryIds", "Crossed", "Custom", "Cyclic",
    "Feature", "Frequency", "Frequent", "Grid", "Hashed", "Identity", "Image", "Informative",
    "Listed", "MultiHot", "NumberList", "Numeric", "Text", "cross_buckets",
]  # fmt: skip
