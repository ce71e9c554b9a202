"""`forebay check` on definitions with windows over other tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from parcels_oracle import Tables, make_tables

from forebay.commands.check.audit import audit
from forebay.commands.check.checks.future import check_future
from forebay.commands.check.findings import Finding, Severity
from forebay.commands.check.lineage import find_lineage
from forebay.commands.check.sample import Sample, read_sample
from forebay.commands.check.subject import Subject
from forebay.pipelines.sources.tables import open_tables
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.windows.operators import mean
from forebay.transforms.definition.windows.windowed import Windowed

DEFINITION = str(Path(__file__).parents[3] / "end_to_end" / "parcels.py")
TEMP = "weather_temp_mean_2h_by_station_for_depot"


@pytest.fixture(scope="module")
def parcels() -> Dataset:
    return load_definition(DEFINITION)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return make_tables(tmp_path_factory.mktemp("tables"))


def read(dataset: Dataset, tables: Tables, most: int = 1_000) -> Sample:
    folder = tables.folder
    sources = {"weather": [str(folder / "weather-*.csv")], "prices": [str(folder / "prices.csv")]}
    opened = open_tables(dataset, [str(folder / "parcels.csv")], sources)
    return read_sample(dataset, opened, most, 0, 1 << 20, lambda doing: None)


def over_weather(parcels: Dataset, available_at: str | None) -> Dataset:
    windowed = Windowed(
        "temp", source="weather", key="station", row_key="depot", at="at",
        available_at=available_at, over="2h", ops=mean(),
    )  # fmt: skip
    return replace(parcels, windows=[windowed], features=[Numeric(TEMP)], passthrough=["row"])


def about(findings: list[Finding], check: str) -> list[tuple[Severity, str]]:
    return [(f.severity, f.column) for f in findings if f.check == check]


def test_nothing_leaks_that_is_declared(parcels: Dataset, tables: Tables) -> None:
    sample = read(parcels, tables)

    findings = audit(parcels, sample.rows, 0, sources=sample.sources)

    assert Severity.LEAK not in {finding.severity for finding in findings}
    assert about(findings, "future") == [(Severity.OK, "")]


def test_a_later_time_of_the_source_is_a_doubt(parcels: Dataset, tables: Tables) -> None:
    found = {}
    for available_at in (None, "known"):
        dataset = over_weather(parcels, available_at)
        sample = read(dataset, tables)
        findings = audit(dataset, sample.rows, 0, sources=sample.sources)
        found[available_at] = about(findings, "availability")

    assert found == {None: [(Severity.WARNING, TEMP)], "known": [(Severity.OK, "")]}


def test_a_window_that_sees_later_events_of_a_source_is_found(
    parcels: Dataset, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an engine would be that looks at the last weather there is."""
    dataset = over_weather(parcels, None)
    sample = read(dataset, tables)
    subject = Subject(dataset, sample.rows, sample.sources)
    right = Subject.complete

    def latest(self: Subject, rows: pa.RecordBatch, events: object = None) -> pa.RecordBatch:
        full = right(self, rows, events)
        (group,) = self.groups
        seen = self.sources["weather"]
        seen = events(group, seen) if callable(events) else seen
        known = pa.table(seen.filter(pc.is_valid(seen["temp"]))).sort_by("at")
        value = known["temp"][-1].as_py() + len(known)
        place = full.schema.get_field_index(TEMP)
        return full.set_column(place, TEMP, pa.array([value] * len(full), pa.float64()))

    monkeypatch.setattr(Subject, "complete", latest)
    findings = check_future(subject, find_lineage(subject), set())

    assert [(f.severity, f.column) for f in findings] == [(Severity.LEAK, TEMP)]
    for way in ("removed", "doubled", "changed"):
        assert f"rows move when what is later is {way}" in findings[0].evidence


def test_a_sample_holds_the_events_that_its_windows_reach(parcels: Dataset, tables: Tables) -> None:
    dataset = over_weather(parcels, "known")
    sample = read(dataset, tables, most=40)

    assert not sample.is_whole
    assert sample.span_us is not None
    first, last = sample.span_us
    wanted = [
        row
        for row in tables.weather
        if row["at"] is not None and row["known"] is not None
        and first - 7_200_000_000 <= row["at"] <= last and row["known"] <= last
    ]  # fmt: skip
    assert 0 < len(wanted) < len(tables.weather)
    assert {name: len(events) for name, events in sample.sources.items()} == {
        "weather": len(wanted)  # no window looks at the prices
    }
