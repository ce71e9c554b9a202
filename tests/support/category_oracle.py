"""What categories come to, in plain Python and scipy; nothing here reads the code under test."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import farmhash
import numpy as np
from scipy.stats import hypergeom


def hash_bucket(text: bytes, buckets: int) -> int:
    """FarmHash's Fingerprint64, unsigned, modulo the buckets."""
    return int(farmhash.fingerprint64(text)) % buckets


def by_frequency(texts: Sequence[bytes]) -> list[bytes]:
    """Distinct texts, the most frequent first, equals from the greatest on."""
    return sorted(set(texts), key=lambda text: (Counter(texts)[text], text), reverse=True)


def information(
    texts: Sequence[bytes], classes: Sequence[int], adjusted: bool = False
) -> dict[bytes, float]:
    """What each text tells of the classes: its terms of their mutual information, in bits, times n.

    Adjusted: less the terms that are expected where a text of this frequency meets the classes by
    chance, the counts being hypergeometric.
    """
    n, of_texts, of_classes = len(texts), Counter(texts), Counter(classes)
    both = Counter(zip(texts, classes, strict=True))
    found = {}
    for text, x in of_texts.items():
        told = 0.0
        for label, y in of_classes.items():
            told += _term(both[text, label], x, y, n)
            if adjusted:
                counts = np.arange(min(x, y) + 1)
                chances = hypergeom(n, x, y).pmf(counts)
                told -= sum(
                    chance * _term(int(count), x, y, n)
                    for count, chance in zip(counts, chances, strict=True)
                )
        found[text] = told
    return found


def _term(both: int, x: int, y: int, n: int) -> float:
    return both * math.log2(n * both / (x * y)) if both else 0.0
