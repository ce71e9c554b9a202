"""What the model could learn to predict."""

from collections.abc import Mapping
from dataclasses import replace

from forebay.init.guesses.column_facts import Facts, facts_of
from forebay.init.guesses.kinds import Reading, read_as
from forebay.init.guesses.names import has_word, rank_as_label
from forebay.init.guesses.roles import is_identity
from forebay.transforms.definition.columns import Boolean, Integer, Number, String
from forebay.transforms.definition.labels import (
    BinaryClassification,
    Classification,
    Label,
    Regression,
)
from forebay.transforms.errors import InputError, unknown_column

# A text column of more values is hardly a label of classes.
MOST_CLASSES = 20


def named_label(name: str, readings: Mapping[str, Reading]) -> Reading:
    """Returns the column that the user names, read as something that can be predicted.

    Raises:
        InputError: there is no such column, or it is neither numbers nor one of few texts.
    """
    if name not in readings:
        raise InputError(str(unknown_column("--label", name, readings)))
    reading = readings[name]
    facts = facts_of(reading)
    if facts.distinct < 2:
        raise InputError(
            f"--label {name!r} has {'one value' if facts.distinct else 'no value'} in the sample: "
            "nothing to learn; name another column, or give more rows with --rows"
        )
    if isinstance(reading.column, Number | Integer | Boolean):
        return reading
    if isinstance(reading.column, String) and facts.distinct == 2:
        return _as_truth(reading)
    if isinstance(reading.column, String) and facts.distinct <= MOST_CLASSES:
        return reading
    raise InputError(
        f"--label {name!r} is a {type(reading.column).__name__} column of {facts.distinct:,} "
        f"values; a label is a number, or one of 2 to {MOST_CLASSES} texts: name another column, "
        "or give the file a column of numbers"
    )


def guessed_label(readings: Mapping[str, Reading], facts: Mapping[str, Facts]) -> Reading:
    """Returns the most plausible label: by its name first, and then the last of the file.

    Raises:
        InputError: no column could be one.
    """
    candidates = label_candidates(readings, facts)
    if not candidates:
        raise InputError(
            "no column looks like something to predict (a number, or yes and no); name one of "
            f"{', '.join(readings)} with --label"
        )
    return readings[candidates[0]]


def label_candidates(readings: Mapping[str, Reading], facts: Mapping[str, Facts]) -> list[str]:
    """Names the columns that could be a label, the most plausible first."""
    names = [
        name
        for name, reading in readings.items()
        if isinstance(reading.column, Number | Integer | Boolean)
        and facts[name].distinct > 1
        and not is_identity(reading, facts[name])
        and not any(has_word(name, m) for m in ("identity", "calendar", "latitude", "longitude"))
    ]
    places = {name: i for i, name in enumerate(names)}

    def rank(name: str) -> tuple[float, int]:
        telling = rank_as_label(name)
        return (float("inf") if telling is None else telling, -places[name])

    return sorted(names, key=rank)


def label_of(reading: Reading) -> Label:
    """Returns the task that a column's values set."""
    if isinstance(reading.column, Boolean):
        return BinaryClassification(reading.name)
    if isinstance(reading.column, String):
        return Classification(reading.name, tuple(text for text, _ in _by_frequency(reading)))
    return Regression(reading.name)


def _by_frequency(reading: Reading) -> list[tuple[str, int]]:
    """Returns the texts and how often each occurs, the most frequent first."""
    counts = dict(zip(reading.values.to_pylist(), reading.texts.counts.tolist(), strict=True))
    counts.pop(None, None)
    return sorted(counts.items(), key=lambda item: (item[1], item[0]), reverse=True)


def _as_truth(reading: Reading) -> Reading:
    """Reads two texts as false, the commoner one, and true."""
    (common, _), (rare, _) = _by_frequency(reading)
    column = Boolean(true=(rare,), false=(common,))
    read = read_as(reading, column)
    return replace(read, reasons=("the rarer text is taken for true",))
