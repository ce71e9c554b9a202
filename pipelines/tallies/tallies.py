"""What a pipeline learns about its data on the way: small named tallies, added up and written.

Tallies travel as ordinary elements, so that they are exact on every runner, retries included.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from forebay.transforms.definition.sources import ROWS

# (kind, name, value): numbers of equal kind and name are added, but for `Latest`; other values are
# named once.
Tally = tuple[str, str, Any]
# Kind → name → total.
Tallies = Mapping[str, Mapping[str, Any]]


def tally_of(tally: Tally, table: str) -> Tally:
    """Returns a tally as one of a table, apart from those of others."""
    kind, name, value = tally
    return f"{table}.{kind}", name, value


def input_kind(split: str) -> str:
    """Returns what sets the tallies of the inputs of one split apart: no table has this name."""
    return f"input {split}"


def set_apart(table: str, tallies: beam.PCollection) -> beam.PCollection:
    """Sets what is learned of a table apart from what is learned of the dataset's own rows."""
    return tallies if table == ROWS else tallies | f"TalliesOf {table}" >> beam.Map(tally_of, table)


def tallies_of(tallies: Tallies, table: str) -> Tallies:
    """Returns the tallies of a table."""
    prefix = f"{table}."
    return {k.removeprefix(prefix): v for k, v in tallies.items() if k.startswith(prefix)}


class WriteTallies(beam.PTransform):
    """Adds up `Tally` elements and writes them as one JSON object, kind → name → total.

    Input: a tuple of PCollections of tallies.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def expand(self, tallies: Any) -> beam.PCollection:  # noqa: D102
        return tallies | AddTallies() | "Write" >> beam.Map(write_tallies, self.path)


class AddTallies(beam.PTransform):
    """Adds up `Tally` elements.

    Input: a tuple of PCollections of tallies. Output: one element, `Tallies`.
    """

    def expand(self, tallies: Any) -> beam.PCollection:  # noqa: D102
        return (
            tallies
            | beam.Flatten()
            | "KeyByName" >> beam.Map(lambda tally: ((tally[0], tally[1]), tally[2]))
            | "Add" >> beam.CombinePerKey(_total)
            | "Gather" >> beam.combiners.ToList()
            | "ByKind" >> beam.Map(_by_kind)
        )


class Latest(int):
    """A tally of which the greatest counts: nothing is added up."""


def _total(values: Iterable[Any]) -> Any:
    values = list(values)
    if values and isinstance(values[0], Latest):
        return max(values)
    return sum(values) if not values or isinstance(values[0], int) else values[0]


def _by_kind(totals: Iterable[tuple[tuple[str, str], Any]]) -> Tallies:
    tallies: dict[str, dict[str, Any]] = {}
    for (kind, name), value in sorted(totals):
        tallies.setdefault(kind, {})[name] = value
    return tallies


def write_tallies(tallies: Tallies, path: str) -> None:
    """Writes tallies as one JSON object."""
    with FileSystems.create(path) as sink:
        sink.write(json.dumps(tallies).encode())


def read_tallies(path: str) -> dict[str, dict[str, Any]]:
    """Reads what `write_tallies` wrote."""
    with FileSystems.open(path) as source:
        return json.loads(source.read())  # type: ignore[no-any-return]
