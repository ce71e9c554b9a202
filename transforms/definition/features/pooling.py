"""How the embeddings of a list of ids become one."""

from collections.abc import Iterator
from typing import Literal, get_args

from forebay.transforms.errors import Problem

# Of the weighted embeddings of a list, padding left out: their sum; that divided by the sum of the
# weights, or by the root of the sum of their squares; or all of them side by side.
Pooling = Literal["sum", "mean", "sqrtn", "concat"]


def pooling_problems(pooling: str, where: str) -> Iterator[Problem]:
    """Yields what is wrong with ``pooling``; ``where`` is the feature's path."""
    if pooling not in get_args(Pooling):
        cure = "use one of " + ", ".join(map(repr, get_args(Pooling)))
        yield Problem(f"{where}.pooling", pooling, "no such pooling", cure)
