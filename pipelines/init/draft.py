"""A definition guessed from a sample, with the reason of every guess."""

from dataclasses import dataclass

from pipelines.init.facts import Facts, facts_of
from pipelines.init.kinds import Reading, read_column
from pipelines.init.label import guessed_label, label_candidates, label_of, named_label
from pipelines.init.sample import Sample
from pipelines.init.split import SplitGuess, hash_split, time_split
from pipelines.init.suggest import Suggestion, suggest, with_distinct_names
from pipelines.init.times import RowTime, find_row_time, with_row_time
from pipelines.init.windows import WindowGuess, guess_window
from transforms.columns import CsvFormat, String
from transforms.dataset import Dataset, Derive
from transforms.errors import InputError
from transforms.split import HashSplit

ROW_KEY = "row_key"


@dataclass(frozen=True)
class Draft:
    """What is to be written.

    Attributes:
        dataset: the definition; it stands.
        sample: what it was guessed from.
        readings, facts: the columns, and what the sample shows of them.
        suggestions: a feature for each, or why there is none.
        row_time: the time of the rows.
        label_reason: why this label.
        split: the split, with its reason.
        window: a window to think about.
        whole_row_key: the derived column that stands for a key; None where there is one.
    """

    dataset: Dataset
    sample: Sample
    readings: dict[str, Reading]
    facts: dict[str, Facts]
    suggestions: list[Suggestion]
    row_time: RowTime | None
    label_reason: str
    split: SplitGuess
    window: WindowGuess | None
    whole_row_key: str | None


def make_draft(sample: Sample, name: str, module: str, label: str | None) -> Draft:
    """Guesses a definition.

    Args:
        sample: rows of the input.
        name: what to call the dataset.
        module: the module that the definition will be in.
        label: the column to predict; None: guessed.

    Raises:
        InputError: there is nothing to predict, or nothing to predict it from.
    """
    readings = {column: read_column(column, texts) for column, texts in sample.columns.items()}
    if label is not None:
        readings[label] = named_label(label, readings)
    facts = {column: facts_of(reading) for column, reading in readings.items()}
    chosen = readings[label] if label else guessed_label(readings, facts)
    row_time = find_row_time(readings, facts)
    readings = with_row_time(readings, row_time)
    facts = {column: facts_of(reading) for column, reading in readings.items()}
    split = (
        time_split(row_time, sample.is_whole)
        if row_time
        else hash_split(readings, facts, chosen.name)
    )
    apart = split.split.on if isinstance(split.split, HashSplit) else None
    suggestions = suggest(readings, facts, chosen.name, row_time, apart)
    carried = {chosen.name, *(n for s in suggestions if s.carried for n in s.columns)}
    suggestions = with_distinct_names(suggestions, carried)
    if not any(suggestion.features for suggestion in suggestions):
        reasons = "; ".join(f"{s.columns[0]}: {s.reason}" for s in suggestions)
        raise InputError(f"no column but the label {chosen.name!r} could be a feature ({reasons})")
    key = None if split.split else _free_name(ROW_KEY, readings)
    dataset = _dataset(name, module, sample, readings, suggestions, row_time, chosen, split, key)
    reason = "as --label says" if label else _label_reason(chosen, readings, facts)
    window = row_time and guess_window(readings, facts, chosen.name, row_time, suggestions)
    return Draft(
        dataset, sample, readings, facts, suggestions, row_time, reason, split, window, key
    )


def _dataset(
    name: str,
    module: str,
    sample: Sample,
    readings: dict[str, Reading],
    suggestions: list[Suggestion],
    row_time: RowTime | None,
    label: Reading,
    split: SplitGuess,
    key: str | None,
) -> Dataset:
    columns = {column: reading.column for column, reading in readings.items()}
    format = sample.format
    derive = ()
    if key is not None:
        derive = (Derive(f"{module}:{key}", tuple(columns), {key: String()}),)
    return Dataset(
        name=name,
        columns=columns,
        features=tuple(feature for s in suggestions for feature in s.features),
        label=label_of(label),
        split=split.split or HashSplit(str(key)),
        row_time=row_time.reading.name if row_time else None,
        derive=derive,
        passthrough=tuple(column for s in suggestions if s.carried for column in s.columns),
        csv=CsvFormat(
            delimiter=format.delimiter, quote=format.quote,
            names=tuple(columns) if format.names else (),
        ),
    )  # fmt: skip


def _free_name(name: str, taken: dict[str, Reading]) -> str:
    while name in taken:
        name += "_"
    return name


def _label_reason(label: Reading, readings: dict[str, Reading], facts: dict[str, Facts]) -> str:
    others = [name for name in label_candidates(readings, facts) if name != label.name][:4]
    besides = f"; it could also be {', '.join(others)}" if others else ""
    return f"a guess, as no --label was given{besides}"
