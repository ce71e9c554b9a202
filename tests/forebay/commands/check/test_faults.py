"""What guards the windows themselves, on windows that are made to fail."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import trips

from forebay.commands.check.checks.availability import check_declared
from forebay.commands.check.checks.future import check_future
from forebay.commands.check.checks.label import check_own_label
from forebay.commands.check.checks.order import check_order
from forebay.commands.check.findings import Finding, Severity
from forebay.commands.check.lineage import find_lineage
from forebay.commands.check.sample import read_sample
from forebay.commands.check.subject import Subject, joined
from forebay.pipelines.sources.csv.table import open_csv
from forebay.pipelines.sources.files import find_files
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.windows.operators import mean
from forebay.transforms.definition.windows.windowed import Windowed
from forebay.transforms.errors import InputError
from forebay.transforms.windows.groups import AVAILABLE, TIME, WindowGroup

TIP = trips.WINDOWS[1].names[0]


class EarlyEvents(WindowGroup):
    """Events that are seen a day before they happen, whatever their availability."""

    def events(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        found = super().events(batch)
        day = pa.scalar(86_400_000_000)
        at = found.schema.get_field_index(TIME)
        found = found.set_column(at, TIME, pc.subtract(found[TIME], day))
        if AVAILABLE in found.schema.names:
            at = found.schema.get_field_index(AVAILABLE)
            found = found.set_column(at, AVAILABLE, pa.array(np.zeros(len(found), np.int64)))
        return found


class NamelessEvents(EarlyEvents):
    """Events that a row cannot tell from its own."""

    def events(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        found = super().events(batch)
        nobody = pa.array(np.full(len(found), -1))
        return found.set_column(found.schema.get_field_index(ROW), ROW, nobody)


class OrderedEvents(WindowGroup):
    """Only the events in the first half of the input."""

    def events(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return super().events(batch.slice(0, len(batch) // 2))


class Faulty(Subject):
    """A subject whose windows read other events than they should."""

    group: type[WindowGroup]

    @cached_property
    def groups(self) -> list[WindowGroup]:
        return [self.group(**vars(group)) for group in super().groups]


def faulty(group: type[WindowGroup], rows: pa.RecordBatch, dataset: Dataset) -> Subject:
    return type("Faulty", (Faulty,), {"group": group})(dataset, rows)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pa.RecordBatch:
    path = trips.write_trips(tmp_path_factory.mktemp("trips") / "trips.csv", rows=800)
    files = [open_csv(file, trips.trips) for file in find_files([str(path)])]
    return read_sample(trips.trips, {"rows": files}, 10_000, 0, 1 << 20, lambda doing: None).rows


def leaking(findings: list[Finding]) -> set[str]:
    return {finding.column for finding in findings if finding.severity is Severity.LEAK}


def test_windows_that_depend_on_the_order_leak(rows: pa.RecordBatch) -> None:
    assert TIP in leaking(check_order(faulty(OrderedEvents, rows, trips.trips), seed=1))
    assert leaking(check_order(Subject(trips.trips, rows), seed=1)) == set()


def test_windows_that_see_the_future_leak(rows: pa.RecordBatch) -> None:
    subject = faulty(EarlyEvents, rows, trips.trips)
    (tip,) = [f for f in check_future(subject, find_lineage(subject), ()) if f.column == TIP]
    assert tip.severity is Severity.LEAK
    assert all(way in tip.evidence for way in ("removed", "changed"))


def test_windows_that_see_what_is_not_available_leak(rows: pa.RecordBatch) -> None:
    assert leaking(check_declared(faulty(EarlyEvents, rows, trips.trips))) == {TIP}


def test_windows_that_see_their_own_event_leak(rows: pa.RecordBatch) -> None:
    windowed = Windowed("tip", key="driver", at="dropoff", over="2d", ops=mean())
    dataset = replace(trips.trips, windows=(windowed,), features=trips.FEATURES[:4])
    for group, leaks in ((NamelessEvents, {windowed.names[0]}), (EarlyEvents, set())):
        subject = faulty(group, rows, dataset)
        assert leaking(check_own_label(subject, find_lineage(subject))) == leaks


def test_rows_of_more_text_than_one_batch_holds_are_refused() -> None:
    zeros = pa.py_buffer(np.zeros(2**30, np.uint8))  # of pages that nothing writes to
    text = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 2**30], np.int32)), zeros]
    )
    batch = pa.RecordBatch.from_pydict({"text": text})
    with pytest.raises(InputError, match=r"^2 rows .* more than 2 GiB of text .*; .* --rows"):
        joined([batch, batch])
