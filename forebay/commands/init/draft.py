"""A definition guessed from a sample, with the reason of every guess."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from forebay.commands.init.guesses.column_facts import ColumnFacts, facts_of
from forebay.commands.init.guesses.features import Suggestion, suggest, with_distinct_names
from forebay.commands.init.guesses.guessed_column import GuessedColumn
from forebay.commands.init.guesses.kinds import read_column
from forebay.commands.init.guesses.label import (
    as_label,
    guessed_label,
    label_candidates,
    label_of,
    named_label,
)
from forebay.commands.init.guesses.names import servable_names
from forebay.commands.init.guesses.split import SplitGuess, hash_split, time_split
from forebay.commands.init.guesses.times import RowTime, find_row_time, with_row_time
from forebay.commands.init.guesses.windows import WindowGuess, guess_window
from forebay.commands.init.sample import TextSample
from forebay.pipelines.splits.refusals import Refusal, label_refusals
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import InputError
from forebay.transforms.parsing.casts import to_mask


@dataclass(frozen=True)
class Draft:
    """What is to be written.

    Attributes:
        name: what the dataset is called.
        sample: what it is guessed from.
        readings, facts: the columns, and what the sample shows of them, by a name that a model can
            be given.
        label: the column that is predicted.
        label_reason: why this one.
        row_time: the time of the rows.
        split: the split, with its reason.
        suggestions: a feature for each column, or why there is none.
        window: a window to think about.
    """

    name: str
    sample: TextSample
    readings: dict[str, GuessedColumn]
    facts: dict[str, ColumnFacts]
    label: str
    label_reason: str
    row_time: RowTime | None
    split: SplitGuess
    suggestions: list[Suggestion]
    window: WindowGuess | None

    @property
    def names(self) -> dict[str, str]:
        """The table's columns, in its order, and what each is called here."""
        return servable_names(self.sample.columns)

    def _field(self, source: str, name: str) -> str | tuple[str, ...] | None:
        """Returns what the table calls a column, where that is not its name here."""
        return self.sample.joined.get(source) or (None if name == source else source)

    @cached_property
    def dataset(self) -> Dataset:
        """The definition itself."""
        columns = {
            name: replace(self.readings[name].column, field=self._field(source, name))
            for source, name in self.names.items()
        }
        return Dataset(
            name=self.name,
            columns=columns,
            features=tuple(feature for s in self.suggestions for feature in s.features),
            label=label_of(self.readings[self.label]),
            split=self.split.split,
            row_time=self.row_time.reading.name if self.row_time else None,
            passthrough=tuple(name for s in self.suggestions if s.carried for name in s.columns),
            csv=self.sample.format,
        )  # fmt: skip

    @cached_property
    def reject_share(self) -> float:
        """The share of the sampled records that would be rejected."""
        bad = np.zeros(self.sample.rows, np.bool_)
        for reading in self.readings.values():
            if reading.failing.any():
                bad |= reading.failing[reading.texts.codes]
        for refusal in _label_refusals(self.readings[self.label]):
            bad |= refusal.rows
        broken = len(self.sample.rejects)
        return (int(bad.sum()) + broken) / (self.sample.rows + broken)


def make_draft(sample: TextSample, name: str, label: str | None) -> Draft:
    """Guesses a definition.

    Args:
        sample: rows of the input.
        name: what to call the dataset.
        label: the column to predict; None: guessed.

    Raises:
        InputError: there is nothing to predict, or nothing to predict it from.
    """
    names = servable_names(sample.columns)
    readings = {names[name]: read_column(names[name], texts)
                for name, texts in sample.columns.items()}  # fmt: skip
    if label is not None:
        label = names.get(label, label)
        readings[label] = named_label(label, readings)
    facts = _facts(readings)
    row_time = find_row_time(readings, facts)
    readings = with_row_time(readings, row_time)
    facts = _facts(readings)
    target, reason = label, "as --label says"
    if target is None:
        target = guessed_label(readings, facts).name
        reason = _guess_reason(target, readings, facts)
        readings[target] = as_label(readings[target])
        facts[target] = facts_of(readings[target])
    _refuse_useless(readings[target])
    split = time_split(row_time) if row_time else hash_split(readings, facts, target)
    apart = split.split.on if isinstance(split.split, HashSplit) else None
    suggestions = suggest(readings, facts, target, row_time, apart)
    carried = {target, *(name for s in suggestions if s.carried for name in s.columns)}
    suggestions = with_distinct_names(suggestions, carried)
    if not any(suggestion.features for suggestion in suggestions):
        reasons = "; ".join(f"{s.columns[0]}: {s.reason}" for s in suggestions) or "no other column"
        raise InputError(
            f"{sample.path}: no column to predict the label {target!r} from ({reasons}); give a "
            "table with more columns or rows, or name another column with --label"
        )
    window = None
    if row_time:
        window = guess_window(readings, facts, target, row_time, suggestions, sample.share)
    return Draft(
        name, sample, readings, facts, target, reason, row_time, split, suggestions, window
    )


def _label_refusals(label: GuessedColumn) -> Iterator[Refusal]:
    return label_refusals(label.of_rows(), label_of(label))


def _refuse_useless(label: GuessedColumn) -> None:
    """Refuses a label of which most values would be rejected.

    Raises:
        InputError: no model could learn them.
    """
    known = to_mask(label.of_rows().is_valid())
    for refusal in _label_refusals(label):
        if 2 * refusal.rows.sum() > known.sum():
            raise InputError(
                f"the label {label.name!r} is {refusal.text}, in most rows; name another column "
                "with --label, or write it in larger units"
            )


def _facts(readings: dict[str, GuessedColumn]) -> dict[str, ColumnFacts]:
    return {column: facts_of(reading) for column, reading in readings.items()}


def _guess_reason(
    label: str, readings: dict[str, GuessedColumn], facts: dict[str, ColumnFacts]
) -> str:
    others = [name for name in label_candidates(readings, facts) if name != label][:4]
    besides = f"; it could also be {', '.join(others)}" if others else ""
    return f"a guess, as no --label was given{besides}"
