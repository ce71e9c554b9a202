"""Tallies of rows, and apart of those of each split, where the inputs say their split."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.sources.row_identity import row_place
from forebay.pipelines.tallies.tallies import Tally, input_kind, tally_of

# The split of each input that says one, by its number.
SplitOfInput = Mapping[int, str]


def split_of_input(inputs: Sequence[TableInput]) -> SplitOfInput:
    """Returns the split of each input that says one."""
    return {one.number: one.split for one in inputs if one.split is not None}


def rows_by_split(
    identity: npt.NDArray[np.int64], splits: SplitOfInput
) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Yields which rows are of each split's inputs, bool (n,); no split without rows."""
    numbers = row_place(identity)[0]
    for split in dict.fromkeys(splits.values()):
        mine = np.isin(numbers, [number for number, of in splits.items() if of == split])
        if mine.any():
            yield split, mine


def tallies_of_rows(
    kind: str, name: str, identity: npt.NDArray[np.int64], splits: SplitOfInput
) -> Iterator[Tally]:
    """Yields how many rows there are, in all and of each split's inputs; nothing of no rows.

    Args:
        kind: what is counted, as in `Tally`.
        name: what of that.
        identity: int64 (n,), the rows.
        splits: the split of each input.
    """
    if len(identity):
        yield kind, name, len(identity)
    for split, mine in rows_by_split(identity, splits):
        yield tally_of((kind, name, int(mine.sum())), input_kind(split))
