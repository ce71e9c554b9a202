"""All checks, one after another, on one definition and its rows."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

import pyarrow as pa

from forebay.commands.check.checks.availability import (
    AVAILABILITY,
    DECLARED,
    check_availability,
    check_declared,
)
from forebay.commands.check.checks.closeness import CLOSE, LATE, check_closeness, check_lateness
from forebay.commands.check.checks.combinations import TOGETHER, check_combinations
from forebay.commands.check.checks.degenerate_features import DEGENERATE, check_degenerate
from forebay.commands.check.checks.future import FUTURE, check_future
from forebay.commands.check.checks.label import OWN_LABEL, TWINS, check_own_label, check_twins
from forebay.commands.check.checks.label_values import LABEL_VALUES, check_label_values
from forebay.commands.check.checks.order import BATCHES, ORDER, check_batches, check_order
from forebay.commands.check.findings import Finding, Severity
from forebay.commands.check.lineage import find_lineage
from forebay.commands.check.subject import Subject
from forebay.pipelines.lookups.tables import Lookups
from forebay.transforms.definition.dataset import Dataset

# The checks, in the order in which they are made.
CHECKS = (
    BATCHES, ORDER, FUTURE, AVAILABILITY, DECLARED, OWN_LABEL, TWINS, LATE, CLOSE, TOGETHER,
    LABEL_VALUES, DEGENERATE,
)  # fmt: skip
# The checks of single features: they matter only for columns that a feature reads.
_OF_FEATURES = (OWN_LABEL, LATE, CLOSE, TOGETHER)


def audit(
    dataset: Dataset,
    rows: pa.RecordBatch,
    seed: int = 0,
    tell: Callable[[str], None] = lambda check: None,
    sources: Mapping[str, pa.RecordBatch] | None = None,
    lookups: Lookups | None = None,
) -> list[Finding]:
    """Runs every check.

    Args:
        dataset: the definition.
        rows: the row columns and `ROW`, in order of identity, derived in the batches in which
            they were read.
        seed: the seed of what is left to chance.
        tell: a function called with the name of each check before it.
        sources: the events of each of the definition's sources, likewise.
        lookups: what the definition's lookups find; None: nothing.

    Raises:
        InputError: a function of the definition failed on its own rows.
    """
    subject = Subject(dataset, rows, sources or {}, lookups)
    tell(BATCHES)
    findings = check_batches(subject, seed)
    leaky = {finding.column for finding in findings if finding.severity is not Severity.OK}
    for check, found in _others(subject, leaky, seed):
        tell(check)
        findings += found()
    return [_doubted(dataset, finding) for finding in findings]


def _others(
    subject: Subject, leaky: Collection[str], seed: int
) -> Iterator[tuple[str, Callable[[], list[Finding]]]]:
    yield ORDER, lambda: check_order(subject, seed)
    lineage = find_lineage(subject)
    yield FUTURE, lambda: check_future(subject, lineage, leaky)
    yield AVAILABILITY, lambda: check_availability(subject, lineage)
    yield DECLARED, lambda: check_declared(subject)
    yield OWN_LABEL, lambda: check_own_label(subject, lineage)
    yield TWINS, lambda: check_twins(subject, lineage)
    yield LATE, lambda: check_lateness(subject, lineage)
    yield CLOSE, lambda: check_closeness(subject)
    yield TOGETHER, lambda: check_combinations(subject)
    yield LABEL_VALUES, lambda: check_label_values(subject)
    yield DEGENERATE, lambda: check_degenerate(subject)


def _doubted(dataset: Dataset, finding: Finding) -> Finding:
    """Makes a warning of a leaking feature that nothing may read but a whole preprocessing_fn."""
    named = {name for feature in dataset.features for name in feature.inputs}
    is_leaking = finding.severity is Severity.LEAK and finding.check in _OF_FEATURES
    if not is_leaking or finding.column in named or finding.column not in dataset.model_columns:
        return finding
    what = f"{finding.what}, if the custom function reads it"
    return replace(finding, severity=Severity.WARNING, what=what)


def allow(findings: list[Finding], columns: Collection[str]) -> list[Finding]:
    """Turns the leaks of columns that the user vouches for into warnings."""
    return [
        replace(f, severity=Severity.WARNING, what=f"{f.what} (allowed)")
        if f.severity is Severity.LEAK and f.column in columns
        else f
        for f in findings
    ]
