"""What ids mean, in words: a vocabulary's, a calendar's, or else their number."""

from itertools import pairwise

import numpy as np
import tensorflow_transform as tft

from trainer.run_folder import RunFolder
from transforms.features import Bucketized, Calendar, Custom, Feature

MISSING_WORD, OTHER_WORD = "(missing)", "(other)"

_CALENDAR = {
    "day_of_week": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "month": ("Jan", "Feb", "Mar", "Apr", "May", "Jun",
              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "day_of_month": tuple(str(i) for i in range(1, 32)),
}  # fmt: skip
# How the transform graph writes texts that no line of a vocabulary can hold.
_STAND_INS = {b"\xfe": b"", b"\xfd": b"\n", b"\xfc": b"\r"}


def id_outputs(run: RunFolder) -> tuple[str, ...]:
    """Returns the transformed outputs that are one id a row, in order of name."""
    carried = run.definition.carried_columns
    spec = run.transform_output.transformed_feature_spec()
    return tuple(
        sorted(
            column.name
            for column in run.schema.feature
            if column.HasField("int_domain")
            and column.name not in carried
            and list(getattr(spec[column.name], "shape", [0])) == []
        )
    )


def id_words(run: RunFolder, output: str) -> dict[int, str]:
    """Returns the word for every id of an output.

    Ids of a vocabulary have its words; those for values outside it are ``(other)``. Calendar ids
    are days and months by name, given buckets their bounds; what has no word has its number. The
    last id of a declared feature is ``(missing)``.

    Args:
        run: the run.
        output: one of `id_outputs`.
    """
    (domain,) = (column.int_domain for column in run.schema.feature if column.name == output)
    ids = range(int(domain.min), int(domain.max) + 1)
    feature = next((f for f in run.definition.features if output in f.outputs), None)
    known = _known(run.transform_output, output, feature)
    rest = "" if known is None else OTHER_WORD
    words = {i: (known or {}).get(i, rest or str(i)) for i in ids}
    if feature is not None and not isinstance(feature, Custom):
        words[ids[-1]] = MISSING_WORD
    return words


def _known(
    transform: tft.TFTransformOutput, output: str, feature: Feature | None
) -> dict[int, str] | None:
    """Returns the words of a vocabulary or of a part of dates, None where there are no words."""
    if transform.vocabulary_file_by_name(output):
        words = transform.vocabulary_by_name(output)
        return {i: as_text(_STAND_INS.get(word, word)) for i, word in enumerate(words)}
    if isinstance(feature, Calendar) and feature.part in _CALENDAR:
        return dict(enumerate(_CALENDAR[feature.part]))
    if isinstance(feature, Bucketized) and feature.boundaries:
        bounds = [-np.inf, *feature.boundaries, np.inf]
        return {i: between(low, high) for i, (low, high) in enumerate(pairwise(bounds))}
    return None


def as_text(word: bytes) -> str:
    """Returns a text for people; the empty one shows as ``''``."""
    return word.decode("utf-8", "replace") or "''"


def between(low: float, high: float) -> str:
    """Returns the words for a number from one bound, to below another."""
    if low == -np.inf:
        return f"below {high:g}"
    return f"from {low:g}" if high == np.inf else f"{low:g} to {high:g}"
