"""The flights on Prism: `make test-prism`, which builds the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from same_runs import ROOT, content, preprocessed

PRISM = ROOT / ".engines/bin/prism"


@pytest.mark.prism
def test_the_run_is_that_of_the_local_engine(flights: Path, local: Path) -> None:
    flags = ("--on", "prism", "--prism-binary", str(PRISM))
    run = preprocessed(flights, local.with_name("prism"), flags)

    assert content(run) == content(local)
