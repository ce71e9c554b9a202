"""What the model could learn to predict."""

from collections.abc import Mapping
from dataclasses import replace

from forebay.commands.init.guesses.column_facts import ColumnFacts, facts_of
from forebay.commands.init.guesses.guessed_column import GuessedColumn, read_as
from forebay.commands.init.guesses.names import has_word, is_name_of_something, rank_as_label
from forebay.commands.init.guesses.roles import is_identity, is_own_split
from forebay.transforms.definition.columns import Boolean, Integer, Number, String
from forebay.transforms.definition.labels import (
    BinaryClassification,
    Classification,
    Label,
    Regression,
)
from forebay.transforms.errors import InputError, unknown_column
from forebay.transforms.parsing.typed_cells import type_problem

# A text column of more values is hardly a label of classes.
MOST_CLASSES = 20


def named_label(name: str, readings: Mapping[str, GuessedColumn]) -> GuessedColumn:
    """Returns the column that the user names, read as something that can be predicted.

    Raises:
        InputError: there is no such column, or it is neither numbers nor one of few texts.
    """
    if name not in readings:
        raise InputError(str(unknown_column("--label", name, readings)))
    reading = readings[name]
    facts = facts_of(reading)
    told = f" ({'; '.join(reading.reasons)})" if reading.reasons else ""
    if facts.distinct < 2:
        raise InputError(
            f"--label {name!r} has {'one value' if facts.distinct else 'no value'} in the sample: "
            "nothing to learn; name another column, or give more rows with --rows"
        )
    if isinstance(reading.column, Number | Integer | Boolean) or facts.distinct == 2:
        return as_label(reading)
    if isinstance(reading.column, String) and facts.distinct <= MOST_CLASSES:
        return reading
    raise InputError(
        f"--label {name!r} is a {type(reading.column).__name__} column of {facts.distinct:,} "
        f"values{told}; a label is a number, or one of 2 to {MOST_CLASSES} texts: name another "
        "column, or give the file a column of numbers"
    )


def guessed_label(
    readings: Mapping[str, GuessedColumn], facts: Mapping[str, ColumnFacts]
) -> GuessedColumn:
    """Returns the most plausible label: by its name first, and then the last of the file.

    Raises:
        InputError: no column could be one.
    """
    candidates = label_candidates(readings, facts)
    if not candidates:
        odd = [
            f"; {n} has {reading.reasons[0]}" for n, reading in readings.items() if reading.reasons
        ]
        raise InputError(
            "no column looks like something to predict (a number, or yes and no); name one of "
            f"{', '.join(readings)} with --label{''.join(odd[:1])}"
        )
    return readings[candidates[0]]


def label_candidates(
    readings: Mapping[str, GuessedColumn], facts: Mapping[str, ColumnFacts]
) -> list[str]:
    """Names the columns that could be a label, the most plausible first."""
    names = [
        name
        for name, reading in readings.items()
        if isinstance(reading.column, Number | Integer | Boolean)
        and facts[name].distinct > 1
        and not is_identity(reading, facts[name])
        and not (isinstance(reading.column, Integer) and is_name_of_something(name))
        and not any(has_word(name, m) for m in ("calendar", "latitude", "longitude"))
        and not is_own_split(reading, facts[name])
    ]
    places = {name: i for i, name in enumerate(names)}

    def rank(name: str) -> tuple[float, int]:
        telling = rank_as_label(name)
        return (float("inf") if telling is None else telling, -places[name])

    return sorted(names, key=rank)


def label_of(reading: GuessedColumn) -> Label:
    """Returns the task that a column's values set."""
    if isinstance(reading.column, Boolean) or {*reading.values.to_pylist()} - {None} == {0, 1}:
        return BinaryClassification(reading.name)
    if isinstance(reading.column, String):
        return Classification(reading.name, tuple(text for text, _ in _by_frequency(reading)))
    return Regression(reading.name)


def _by_frequency(reading: GuessedColumn) -> list[tuple[str, int]]:
    """Returns the texts and how often each occurs, the most frequent first."""
    counts = dict(zip(reading.values.to_pylist(), reading.texts.counts.tolist(), strict=True))
    counts.pop(None, None)
    return sorted(counts.items(), key=lambda item: (item[1], item[0]), reverse=True)


def as_label(reading: GuessedColumn) -> GuessedColumn:
    """Reads two values as false and true: of numbers the greater is true, of texts the rarer.

    Numbers of a type that a Boolean column does not take stay numbers.
    """
    two = facts_of(reading).distinct == 2
    if not (two and isinstance(reading.column, Number | Integer | String)):
        return reading
    if isinstance(reading.column, String):
        (common, _), (rare, _) = _by_frequency(reading)
        reason = "the rarer text is taken for true"
    else:
        common, rare = sorted({value for value in reading.values.to_pylist() if value is not None})
        reason = "the greater number is taken for true"
    texts = reading.texts.distinct.to_pylist()
    written = {
        value: tuple(
            t for t, v in zip(texts, reading.values.to_pylist(), strict=True) if v == value
        )
        for value in (common, rare)
    }
    column = Boolean(true=written[rare], false=written[common])
    if reading.texts.type is not None and type_problem(reading.texts.type, column) is not None:
        return reading
    return replace(read_as(reading, column), reasons=(reason,))
