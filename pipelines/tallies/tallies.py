"""What a pipeline learns about its data on the way: small named facts, added up and written.

Facts travel as ordinary elements, so that they are exact on every runner, retries included.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

# (kind, name, value): numbers of equal kind and name are added; other values are named once.
Fact = tuple[str, str, Any]
# Kind → name → total.
Facts = Mapping[str, Mapping[str, Any]]


def fact_of(fact: Fact, table: str) -> Fact:
    """Returns a fact as one of a table, apart from those of others."""
    kind, name, value = fact
    return f"{table}.{kind}", name, value


def facts_of(facts: Facts, table: str) -> Facts:
    """Returns the facts of a table."""
    prefix = f"{table}."
    return {k.removeprefix(prefix): v for k, v in facts.items() if k.startswith(prefix)}


class WriteFacts(beam.PTransform):
    """Adds up `Fact` elements and writes them as one JSON object, kind → name → total.

    Input: a tuple of PCollections of facts.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def expand(self, facts: Any) -> beam.PCollection:  # noqa: D102
        return (
            facts
            | beam.Flatten()
            | "KeyByName" >> beam.Map(lambda fact: ((fact[0], fact[1]), fact[2]))
            | "Add" >> beam.CombinePerKey(_total)
            | "Gather" >> beam.combiners.ToList()
            | "Write" >> beam.Map(_write, self.path)
        )


def _total(values: Iterable[Any]) -> Any:
    values = list(values)
    return sum(values) if not values or isinstance(values[0], int) else values[0]


def _write(totals: Iterable[tuple[tuple[str, str], Any]], path: str) -> None:
    facts: dict[str, dict[str, Any]] = {}
    for (kind, name), value in sorted(totals):
        facts.setdefault(kind, {})[name] = value
    with FileSystems.create(path) as sink:
        sink.write(json.dumps(facts).encode())


def read_facts(path: str) -> dict[str, dict[str, Any]]:
    """Reads what `WriteFacts` wrote."""
    with FileSystems.open(path) as source:
        return json.loads(source.read())  # type: ignore[no-any-return]
