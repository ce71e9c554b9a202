"""How a run's training rows are spread over the ids of its features."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from forebay.storage.json_records import read_record
from forebay.storage.run.layout import MAKE_ANEW
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.json_text import json_text

# How many ids of an output are listed one by one.
MOST_SHOWN = 64


@dataclass(frozen=True)
class Collisions:
    """What shares the buckets of a cross.

    Attributes:
        combinations: how many combinations the training rows have.
        colliding: how many of these share their bucket with another.
        colliding_share: the share of the training rows that these have, in [0, 1].
        sampled: whether these are estimates, from a sample of the combinations.
    """

    combinations: int
    colliding: int
    colliding_share: float
    sampled: bool


@dataclass(frozen=True)
class Occupancy:
    """How training rows are spread over the ids of one output.

    Attributes:
        output: the transformed column.
        kind: the feature's kind, such as ``Categorical``; ``Custom`` for what functions return.
        ids: how many ids there are.
        occupied: how many of them training rows have.
        rows: how many ids training rows have altogether: one each, or those of a list.
        largest: how many of these are the most frequent id.
        missing: how many are the id of a missing value; None: there is none.
        oov: how many are ids that unknown values share; None: there are none.
        most: (id, rows) of the most frequent ids, up to `MOST_SHOWN`, the most frequent first.
        collisions: what shares the buckets of a cross; None: it is not a cross.
    """

    output: str
    kind: str
    ids: int
    occupied: int
    rows: int
    largest: int
    missing: int | None
    oov: int | None
    most: tuple[tuple[int, int], ...]
    collisions: Collisions | None


def occupancies(
    dataset: Dataset, domains: Mapping[str, tuple[int, int]], tallies: Mapping[str, Any]
) -> tuple[Occupancy, ...]:
    """Sums up what was counted of each output of ids, in the order of the features.

    Args:
        dataset: the definition.
        domains: the least and the greatest id of each output of ids.
        tallies: what was counted: ``features`` and ``crosses`` of
            `forebay.pipelines.tallies.features`; without training rows, nothing was.
    """
    features = {name: feature for feature in dataset.features for name in feature.outputs}
    counted = tallies.get("features", {})
    others = sorted(set(counted) - set(features))
    found = []
    for name in (*features, *others):
        if name in counted and name in domains:
            feature, summary = features.get(name), counted[name]
            least, greatest = domains[name]
            missing_ids = feature.missing_ids if feature else 0
            oov_ids = feature.oov_ids if feature else 0
            first_missing = greatest + 1 - missing_ids
            last = [(i, rows) for i, rows in summary["last"] if i >= first_missing - oov_ids]
            missing = sum(rows for i, rows in last if i >= first_missing)
            oov = sum(rows for i, rows in last if i < first_missing)
            collisions = tallies.get("crosses", {}).get(name)
            found.append(Occupancy(
                name, type(feature).__name__ if feature else "Custom",
                ids=greatest - least + 1,
                occupied=summary["distinct"], rows=summary["rows"], largest=summary["largest"],
                missing=missing if missing_ids else None, oov=oov if oov_ids else None,
                most=tuple((i, rows) for i, rows in summary["most"]),
                collisions=collisions and Collisions(**collisions),
            ))  # fmt: skip
    return tuple(found)


def to_json(occupancies: tuple[Occupancy, ...]) -> str:
    """Returns indented JSON, for `from_json`."""
    return json_text([asdict(item) for item in occupancies], indent=2) + "\n"


def from_json(text: str | bytes, where: str) -> tuple[Occupancy, ...]:
    """Reads what `to_json` wrote.

    Args:
        text: the JSON.
        where: the path it came from, for the error.

    Raises:
        RunFolderError: the text is something else.
    """
    return read_record(tuple[Occupancy, ...], text, where, MAKE_ANEW)
