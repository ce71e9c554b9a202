"""What every feature tells of its outputs."""

from typing import ClassVar


class Outputs:
    """What features tell of the ids that they make; those that make none need say nothing.

    Attributes:
        crossable: whether the first output is one id, which crosses can be of.
    """

    crossable: ClassVar[bool] = False

    @property
    def oov_ids(self) -> int:
        """How many ids the values outside the known ones share: the last but for `missing_ids`."""
        return 0

    @property
    def missing_ids(self) -> int:
        """How many ids missing values have to themselves, the last ones: 1 or 0."""
        return int(self.crossable)
