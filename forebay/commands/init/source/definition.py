"""The source of a guessed definition."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from forebay.commands.init.draft import Draft
from forebay.commands.init.guesses.column_facts import described, share
from forebay.commands.init.guesses.windows import WindowGuess
from forebay.commands.init.source.layout import (
    INDENT,
    PACKAGE,
    WIDTH,
    Bracket,
    Item,
    Name,
    laid_out,
    node_of,
    printable,
    quoted,
    width,
)
from forebay.console.words import counted
from forebay.transforms.definition.columns import Column
from forebay.transforms.definition.table_formats import CsvFormat

_COLUMNS, _NULLS = "columns", "NULLS"
# Names of a written file: a variable must be another.
OWN_NAMES = frozenset({_COLUMNS, _NULLS, PACKAGE})


def write_definition(draft: Draft, variable: str) -> str:
    """Returns the source of a definition file, whose Dataset gets the given name."""
    nulls = _common_nulls(draft)
    parts = [_docstring(draft), f"import forebay as {PACKAGE}"]
    if nulls:
        parts.append(f"{_NULLS} = ({', '.join(map(quoted, nulls))}{',' * (len(nulls) == 1)})")
    parts.append("\n".join(laid_out(Item(_columns(draft, nulls), f"{_COLUMNS} = "))))
    parts.append("\n".join(laid_out(Item(_dataset(draft), f"{variable} = "))))
    return "\n\n".join(parts) + "\n"


def _docstring(draft: Draft) -> str:
    sample, time = draft.sample, draft.row_time
    extent = "all" if sample.share == 1 else "a sample of"
    rows = counted(sample.rows, "row")
    blank = [f"{counted(sample.blank, 'row')} without any text left out;"] * bool(sample.blank)
    points = [
        *blank,
        f"the label is {draft.dataset.label.column}: {draft.label_reason};",
        f"{time.reading.name} is taken for the instant at which a row's features are asked for;"
        if time
        else "no column of times was found, so there is no row time, and there are no windows;",
        "whatever a feature reads must be known when a row is asked for: run `forebay check`.",
    ]
    if draft.reject_share:
        points.append(f"about {share(draft.reject_share)} of the records will be rejected.")
    lines = [f'"""A starting definition, guessed by `forebay init` from {extent} {rows}.']
    lines += ["", "Every guess has its reason beside it. Change what you know better:", ""]
    for point in points:
        plain = printable(point).replace("\\", "/").replace('"', "'")
        lines += textwrap.wrap(plain, WIDTH // 2 if width(plain) > len(plain) else WIDTH,
                               initial_indent="- ", subsequent_indent="  ")  # fmt: skip
    return "\n".join([*lines, '"""'])


def _common_nulls(draft: Draft) -> Sequence[str]:
    """Returns the texts for missing that several columns share; empty: there are none."""
    found = Counter(
        column.nulls for column in draft.dataset.columns.values() if column.nulls != ("",)
    )
    (nulls, times), *_ = found.most_common(1) or [((), 0)]
    return nulls if times > 1 else ()


def _columns(draft: Draft, nulls: Sequence[str]) -> Bracket:
    entries = [
        Item(
            _column(column, nulls), f"{quoted(name)}: ",
            (described(draft.readings[name], draft.facts[name]),),
        )
        for name, column in draft.dataset.columns.items()
    ]  # fmt: skip
    if draft.sample.unusable:
        names = ", ".join(name or "the one without a name" for name in draft.sample.unusable)
        entries.append(
            Item(
                None, "", (f"Left out, for want of a usable name or a kind that holds it: {names}",)
            )
        )
    return Bracket("{", tuple(entries), "}")


def _column(column: Column, nulls: Sequence[str]) -> str | Bracket:
    if not nulls or column.nulls != nulls:
        return node_of(column)
    call = node_of(replace(column, nulls=("",)))
    return Bracket(call.opening, (*call.entries, Item(Name(_NULLS), "nulls=")), call.closing)  # type: ignore[union-attr]


def _dataset(draft: Draft) -> Bracket:
    dataset = draft.dataset
    entries = [Item(dataset.name, "name="), Item(Name(_COLUMNS), "columns=")]
    if dataset.csv != CsvFormat():
        csv = node_of(replace(dataset.csv, names=()))
        if dataset.csv.names:
            is_same = dataset.csv.names == tuple(dataset.columns)
            names = Item(Name(f"tuple({_COLUMNS})") if is_same else dataset.csv.names, "names=")
            csv = Bracket(csv.opening, (*csv.entries, names), csv.closing)  # type: ignore[union-attr]
        entries.append(Item(csv, "csv="))
    if dataset.row_time:
        entries.append(Item(dataset.row_time, "row_time=", (_row_time_reason(draft),)))
    if draft.window:
        entries.append(Item(None, "", tuple(_window(draft.window))))
    entries.append(Item(Bracket("[", tuple(_features(draft)), "]"), "features="))
    entries.append(
        Item(dataset.label, "label=", (f"What the model predicts: {draft.label_reason}.",))
    )
    entries.append(Item(dataset.split, "split=", (f"Split {draft.split.reason}.",)))
    if dataset.passthrough:
        entries.append(Item(dataset.passthrough, "passthrough="))
    return Bracket(f"{PACKAGE}.Dataset(", tuple(entries), ")")


def _row_time_reason(draft: Draft) -> str:
    time = draft.row_time
    return f"When a row is asked for: {time.reason}." if time else ""


def _window(guess: WindowGuess) -> Iterator[str]:
    """Yields the comments that show a window: it is not used before its user has thought of it."""
    windowed = guess.windowed
    ops = Bracket("[", tuple(Item(Name(f"{PACKAGE}.{op.name}()")) for op in windowed.ops), "]")  # type: ignore[union-attr]
    entries = [Item(windowed.value)] if windowed.value else []
    entries += [
        Item(windowed.key[0], "key="),
        Item(windowed.over[0], "over="),
        Item(ops, "ops="),
    ]
    if windowed.available_at:
        entries.append(Item(windowed.available_at, "available_at="))
    yield guess.reason
    call = Bracket("[", (Item(Bracket(f"{PACKAGE}.Windowed(", tuple(entries), ")")),), "]")
    # Laid out as deep as the comment makes it, so that it still fits once it is one.
    for line in laid_out(Item(call, "windows="), 2, ","):
        yield line.removeprefix(2 * INDENT)


def _features(draft: Draft) -> Iterator[Item]:
    """Yields the features, each under its reason, and what is left out, with why, at the end."""
    left_out = []
    for suggestion in draft.suggestions:
        about = f"{', '.join(suggestion.columns)}: {suggestion.reason}"
        if not suggestion.features:
            left_out.append(about)
        for i, feature in enumerate(suggestion.features):
            yield Item(feature, "", (about,) if i == 0 else ())
    if left_out:
        yield Item(None, "", ("Not used:", *(f"- {about}" for about in left_out)))
