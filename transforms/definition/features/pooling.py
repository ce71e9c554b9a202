"""How the embeddings of a list of ids become one."""

from typing import Literal

# Of the weighted embeddings of a list, padding left out: their sum; that divided by the sum of the
# weights, or by the root of the sum of their squares; or all of them side by side.
Pooling = Literal["sum", "mean", "sqrtn", "concat"]
