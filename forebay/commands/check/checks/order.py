"""Whether values depend on how rows are ordered and cut into batches. They must not."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from forebay.commands.check.findings import Finding, Severity, passed
from forebay.commands.check.subject import Ints, Subject, cell, joined, moved
from forebay.console.words import counted, share
from forebay.transforms.definition.identity import ROW
from forebay.transforms.errors import InputError

BATCHES, ORDER = "batches", "order"
_SMALL_BATCH = 97
_MOST_IN_SMALL_BATCHES = 20_000
_MOST_ALONE = 200
_CURE = (
    "compute each row from its own cells; what needs other rows is a window "
    "(a Windowed aggregate, unbounded if need be) or a statistic of train (a feature's scale)"
)


def check_batches(subject: Subject, seed: int) -> list[Finding]:
    """Derives the same rows in other batches and orders.

    Args:
        subject: the definition and its rows.
        seed: the seed of the permutation.
    """
    names = derived_names(subject)
    if not names:
        return [passed(BATCHES, "no column is derived", "")]
    rows = subject.rows
    identity = rows[ROW].to_numpy()
    unstable = moved(rows, subject.derived(subject.parsed), names, identity)
    findings = [
        Finding(
            BATCHES, Severity.WARNING, name, "changes from one call of its function to the next",
            f"{share(len(found), len(rows))} rows differ between two calls on the same batch",
            cure="take chance and clocks out of the function",
        )
        for name, found in unstable.items()
    ]  # fmt: skip
    changes: dict[str, dict[str, Ints]] = {}
    others: dict[str, pa.RecordBatch] = {}
    for way, other in [("in the batches that were read", subject.read), *_ways(subject, seed)]:
        if isinstance(other, str):
            findings.append(_fails(way, other))
            continue
        for name, found in moved(rows, other, names, other[ROW].to_numpy()).items():
            if name not in unstable:
                changes.setdefault(name, {})[way] = found
                others.setdefault(name, other)
    findings += [_leak(subject, name, ways, others[name]) for name, ways in changes.items()]
    if not findings:
        what = "derived columns do not depend on other rows of their batch"
        findings.append(
            passed(
                BATCHES,
                what,
                f"{counted(len(names), 'column')}, {counted(len(rows), 'row')} in 4 other ways",
            )
        )
    return findings


def derived_names(subject: Subject) -> list[str]:
    """Returns the derived columns."""
    return [name for step in subject.dataset.derive for name in step.outputs]


def _ways(subject: Subject, seed: int) -> Iterator[tuple[str, pa.RecordBatch | str]]:
    parsed, chance = subject.parsed, np.random.default_rng(seed)
    order = chance.permutation(len(parsed))
    yield "in another order", _joined(subject, [parsed.take(pa.array(order))])
    few = parsed.slice(0, _MOST_IN_SMALL_BATCHES)
    small = [few.slice(i, _SMALL_BATCH) for i in range(0, len(few), _SMALL_BATCH)]
    yield f"in batches of {_SMALL_BATCH}", _joined(subject, small)
    alone = [parsed.slice(i, 1) for i in np.sort(order[:_MOST_ALONE])]
    yield "each row alone", _joined(subject, alone)


def _joined(subject: Subject, batches: list[pa.RecordBatch]) -> pa.RecordBatch | str:
    """Derives batches and joins them; text where a function failed."""
    try:
        derived = [subject.derived(batch) for batch in batches]
    except InputError as error:
        return str(error)
    return joined(derived)


def _fails(way: str, error: str) -> Finding:
    return Finding(
        BATCHES, Severity.WARNING, "", f"a function fails on the rows given {way}", error,
        cure="accept batches of any size and order: a run makes them of both",
    )  # fmt: skip


def _leak(subject: Subject, name: str, ways: dict[str, Ints], other: pa.RecordBatch) -> Finding:
    row = int(next(iter(ways.values()))[0])
    return Finding(
        BATCHES, Severity.LEAK, name, "depends on the other rows of its batch",
        "; ".join(f"{counted(len(found), 'row')} moved {way}" for way, found in ways.items()),
        row, f"{cell(subject.rows, row, name)} → {cell(other, row, name)}", _CURE,
    )  # fmt: skip


def check_order(subject: Subject, seed: int) -> list[Finding]:
    """Computes the windows of the same rows in another order."""
    names = list(subject.dataset.windowed_columns)
    if not names:
        return [passed(ORDER, "no windowed column", "")]
    order = np.random.default_rng(seed).permutation(len(subject.rows))
    other = subject.complete(subject.rows.take(pa.array(order)))
    identity = subject.rows[ROW].to_numpy()
    findings = []
    for name, found in moved(subject.full, other, names, identity).items():
        row = int(found[0])
        findings.append(
            Finding(
                ORDER, Severity.LEAK, name, "depends on the order of the input",
                f"{share(len(found), len(identity))} rows move", row,
                f"{cell(subject.full, row, name)} → {cell(other, row, name)}",
                "report this with the definition: windows must not depend on it",
            )
        )  # fmt: skip
    what = "windowed columns do not depend on the order of the input"
    return findings or [
        passed(ORDER, what, f"{counted(len(names), 'column')}, {counted(len(identity), 'row')}")
    ]
