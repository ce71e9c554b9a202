from __future__ import annotations

import pytest

from forebay.console.terminal import results
from forebay.pipelines.summary import print_summary
from forebay.storage.run.manifest import FeatureWarning, Manifest, SourceEntry


def test_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Rich takes [words in brackets] for styles."""
    manifest = Manifest(
        dataset="rooms",
        definition_digest="",
        created="",
        versions={},
        inputs=(),
        rows_read=1_234,
        sources={"sun[shine]": SourceEntry((), 4_321, {"lux: not a number": 7}, 60_000_000)},
        rows={"train": 1_000, "eval": 200, "test": 0},
        rejects={"temp[C]: not a number": 30},
        dropped={"no [/label]": 4},
        history=0,
        reach_us=3 * 3_600_000_000,
        period=None,
        transform_of=None,
        warnings=tuple(FeatureWarning(f"x[{i}]", "the same [bold]") for i in range(11)),
        seconds={"ingest": 1.25, "transform": 2.5},
        files={},
    )

    print_summary(manifest, "runs/[new]", results())

    printed = " ".join(capsys.readouterr().out.split())
    for part in (
        "runs/[new]: 1,200 examples of 1,234 records in 3.8 s",
        "train 1,000",
        "eval 200",
        "test 0",
        "rejected: temp[C]: not a number 30",
        "dropped: no [/label] 4",
        "sun[shine]: records 4,321",
        "sun[shine] rejected: lux: not a number 7",
        "windows reach back 3 h before each row",
        "sun[shine]: windows reach back 1 min before each row",
        "warning: feature x[0]: the same [bold]",
        "and 1 more: see warnings in runs/[new]/manifest.json",
    ):
        assert part in printed
    assert "x[10]" not in printed
