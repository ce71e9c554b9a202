"""What an audit says: findings, each with a severity, its evidence and a cure."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How bad a finding is, worst first."""

    LEAK = "leak"
    WARNING = "warning"
    OK = "ok"


@dataclass(frozen=True)
class Finding:
    """One answer of one check.

    Attributes:
        check: the check's name, as the documentation lists it.
        severity: ``LEAK`` makes the command fail.
        column: the column it is about; empty: all of them.
        what: what was found, in a sentence.
        evidence: the numbers it rests on.
        row: identity of an example row; None where a row shows nothing.
        shown: what the example row shows.
        cure: what to change.
    """

    check: str
    severity: Severity
    column: str
    what: str
    evidence: str
    row: int | None = None
    shown: str = ""
    cure: str = ""


def passed(check: str, what: str, evidence: str) -> Finding:
    """Returns the finding of a check that found nothing."""
    return Finding(check, Severity.OK, "", what, evidence)
