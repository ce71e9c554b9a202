"""Times that a table writes in two columns: a day in one, and what the clock shows in another."""

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from forebay.commands.init.texts import Texts, as_texts

_DAY = re.compile(
    r"\d{4}([-/.]?)\d{1,2}\1\d{1,2}|\d{1,2}([-/. ])(\d{1,2}|[A-Za-z]{3})\2(\d{4}|\d{2})", re.ASCII
)
_CLOCK = re.compile(r"([01]?\d|2[0-3])([:.])[0-5]\d(\2[0-5]\d)?( ?[AaPp][Mm])?", re.ASCII)


def join_times(columns: Mapping[str, Texts]) -> tuple[dict[str, Texts], dict[str, tuple[str, str]]]:
    """Joins the one column of days and the one of clock readings that a table has.

    Returns:
        the columns, the joined one in the place of the day; and what it is joined of, by its name.
        Where there are several of either, nothing can be said, and nothing is joined.
    """
    clocks = [name for name, texts in columns.items() if _are_all(_CLOCK, texts)]
    # 18.00.00 could be a day, too.
    days = [name for name, texts in columns.items()
            if name not in clocks and _are_all(_DAY, texts)]  # fmt: skip
    if len(days) != 1 or len(clocks) != 1:
        return dict(columns), {}
    (day,), (clock,) = days, clocks
    name = f"{day} {clock}"
    found = {}
    for column, texts in columns.items():
        if column == day:
            found[name] = _joined(texts, columns[clock])
        elif column != clock:
            found[column] = texts
    return found, {name: (day, clock)}


def _are_all(pattern: re.Pattern[str], texts: Texts) -> bool:
    words = [word.strip() for word in texts.distinct.to_pylist() if word.strip()]
    return bool(words) and all(map(pattern.fullmatch, words))


def _joined(days: Texts, clocks: Texts) -> Texts:
    """Returns days and clocks with a blank between; nothing where one of them is."""
    pairs, codes = np.unique(
        np.stack([days.codes, clocks.codes], axis=1), axis=0, return_inverse=True
    )
    parts = [
        (days.distinct[int(day)].as_py(), clocks.distinct[int(clock)].as_py())
        for day, clock in pairs
    ]
    texts = [" ".join(part) if all(map(str.strip, part)) else "" for part in parts]
    return as_texts(pa.array(texts, pa.string()).take(pa.array(codes.reshape(-1))))
