"""All checks, one after another, on one definition and its rows."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

import pyarrow as pa

from pipelines.audit.availability import check_availability, check_declared
from pipelines.audit.closeness import check_closeness, check_lateness
from pipelines.audit.degenerate_features import check_degenerate
from pipelines.audit.findings import Finding, Severity
from pipelines.audit.future import check_future
from pipelines.audit.label import check_own_label, check_twins
from pipelines.audit.lineage import find_lineage
from pipelines.audit.order import BATCHES, check_batches, check_order
from pipelines.audit.subject import Subject
from transforms.dataset import Dataset


def audit(
    dataset: Dataset,
    parsed: pa.RecordBatch,
    read: pa.RecordBatch,
    seed: int = 0,
    tell: Callable[[str], None] = lambda check: None,
) -> list[Finding]:
    """Runs every check.

    Args:
        dataset: the definition.
        parsed: the rows, see `pipelines.audit.sample.Sample`.
        read: the rows as the batches that were read gave them.
        seed: of what is left to chance.
        tell: is called with the name of each check before it.

    Raises:
        InputError: a function of the definition failed on its own rows.
    """
    subject = Subject(dataset, parsed)
    tell(BATCHES)
    findings = check_batches(subject, read, seed)
    leaky = {finding.column for finding in findings if finding.severity is not Severity.OK}
    for check, found in _others(subject, leaky, seed):
        tell(check)
        findings += found()
    return findings


def _others(
    subject: Subject, leaky: Collection[str], seed: int
) -> Iterator[tuple[str, Callable[[], list[Finding]]]]:
    yield "order", lambda: check_order(subject, seed)
    lineage = find_lineage(subject)
    yield "future", lambda: check_future(subject, lineage, leaky)
    yield "availability", lambda: check_availability(subject, lineage)
    yield "declared times", lambda: check_declared(subject)
    yield "own label", lambda: check_own_label(subject, lineage)
    yield "twins", lambda: check_twins(subject, lineage)
    yield "known too late", lambda: check_lateness(subject, lineage)
    yield "close to the label", lambda: check_closeness(subject)
    yield "degenerate", lambda: check_degenerate(subject)


def allow(findings: list[Finding], columns: Collection[str]) -> list[Finding]:
    """Turns the leaks of columns that the user vouches for into warnings."""
    return [
        replace(f, severity=Severity.WARNING, what=f"{f.what} (allowed)")
        if f.severity is Severity.LEAK and f.column in columns
        else f
        for f in findings
    ]
