"""Each check of `forebay check`, on a definition that leaks so and on one that does not."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import trips
from trips import COLUMNS, FEATURES, WINDOWS

from forebay.commands.check.audit import CHECKS, allow, audit
from forebay.commands.check.checks.future import check_future
from forebay.commands.check.findings import Finding, Severity
from forebay.commands.check.lineage import find_lineage
from forebay.commands.check.sample import Sample, read_sample
from forebay.commands.check.subject import Subject
from forebay.pipelines.sources.csv.table import open_csv
from forebay.pipelines.sources.files import find_files
from forebay.transforms.definition.columns import Number
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.derived_numbers import Difference, Ratio
from forebay.transforms.definition.features import Calendar, Categorical, Custom, Feature, Numeric
from forebay.transforms.definition.labels import BinaryClassification, Classification
from forebay.transforms.definition.sources import Derive
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.definition.windows.operators import count, mean
from forebay.transforms.definition.windows.windowed import Where, Windowed

LEAK, WARNING, OK = Severity.LEAK, Severity.WARNING, Severity.OK


def read(path: Path, dataset: Dataset = trips.trips, most: int = 100_000, seed: int = 0) -> Sample:
    files = [open_csv(file, dataset) for file in find_files([str(path)])]
    return read_sample(dataset, {"rows": files}, most, seed, 1 << 20, lambda doing: None)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trips.write_trips(tmp_path_factory.mktemp("trips") / "trips.csv")


@pytest.fixture(scope="module")
def rows(path: Path) -> pa.RecordBatch:
    return read(path).rows


def findings(rows: pa.RecordBatch, dataset: Dataset) -> list[Finding]:
    return audit(dataset, Subject(dataset, rows).rows)


def found(all_of_them: Sequence[Finding]) -> set[tuple[str, str, Severity]]:
    """What is not in order, as (check, column, severity)."""
    return {(f.check, f.column, f.severity) for f in all_of_them if f.severity is not OK}


def with_features(*features: Feature, derive: tuple[Derive, ...] = ()) -> Dataset:
    return replace(trips.trips, features=(*FEATURES, *features), derive=derive)


def with_windows(*windows: Windowed) -> Dataset:
    return replace(trips.trips, windows=(*WINDOWS, *windows))


def test_a_clean_definition_passes_every_check(rows: pa.RecordBatch) -> None:
    clean = findings(rows, with_features(Numeric("per_mile"), derive=(trips.PER_MILE,)))
    assert found(clean) == set()
    assert [f.check for f in clean] == list(CHECKS)
    assert all(f.evidence for f in clean)


@pytest.mark.parametrize(
    ("derive", "column"), [(trips.BATCH_MEAN, "against_mean"), (trips.NEXT_FARE, "next_fare")]
)
def test_functions_that_look_at_other_rows_leak(
    rows: pa.RecordBatch, derive: Derive, column: str
) -> None:
    leaky = findings(rows, with_features(Numeric(column), derive=(derive,)))
    assert found(leaky) == {("batches", column, LEAK)}
    assert "each row alone" in leaky[0].evidence
    assert leaky[0].row is not None


def test_functions_that_change_or_fail_are_warned_of(rows: pa.RecordBatch) -> None:
    dataset = with_features(derive=(trips.CHANCE, trips.ONLY_MANY))
    assert found(findings(rows, dataset)) >= {("batches", "chance", WARNING)}
    alone = findings(rows, with_features(derive=(trips.ONLY_MANY,)))
    assert found(alone) == {("batches", "", WARNING)}
    assert "too few rows" in alone[0].evidence


def test_what_leaks_into_an_event_leaks_into_its_windows(rows: pa.RecordBatch) -> None:
    windowed = Windowed("against_mean", key="zone", over="6h", ops=mean())
    dataset = replace(trips.trips, windows=(*WINDOWS, windowed), derive=(trips.BATCH_MEAN,))
    assert ("future", windowed.names[0], LEAK) in found(findings(rows, dataset))


def test_a_function_that_looks_ahead_moves_with_the_future(rows: pa.RecordBatch) -> None:
    dataset = with_features(Numeric("next_fare"), derive=(trips.NEXT_FARE,))
    subject = Subject(dataset, rows)
    (leak,) = check_future(subject, find_lineage(subject), leaky=())
    assert (leak.column, leak.severity) == ("next_fare", LEAK)


@pytest.mark.parametrize("value", ["tip", "minutes"])
def test_outcomes_windowed_at_the_start_leak(rows: pa.RecordBatch, value: str) -> None:
    windowed = Windowed(value, key="zone", at="pickup", over="4h", ops=(mean(), count()))
    (leak,) = [f for f in findings(rows, with_windows(windowed)) if f.severity is LEAK]
    assert leak.check == "availability"
    assert leak.column in windowed.names
    assert "dropoff" in leak.what
    assert "both are missing in the same rows" in leak.evidence


def test_filters_by_an_outcome_leak_too(rows: pa.RecordBatch) -> None:
    windowed = Windowed(key="zone", at="pickup", over="6h", where=Where("tip", ">", 2.0))
    assert ("availability", windowed.names[0], LEAK) in found(
        findings(rows, with_windows(windowed))
    )


def test_categories_by_an_outcome_leak_too(rows: pa.RecordBatch) -> None:
    windowed = Windowed(
        key="zone", at="pickup", over="6h", by="tipped", categories=(True, False), ops=count()
    )
    dataset = replace(trips.trips, derive=(trips.TIPPED,), windows=(*WINDOWS, windowed))
    (leak,) = [f for f in findings(rows, dataset) if f.severity is LEAK]
    assert (leak.check, leak.column in windowed.names) == ("availability", True)


def test_pairs_of_columns_are_features_like_any(rows: pa.RecordBatch) -> None:
    a, b = (windowed.names[0] for windowed in WINDOWS)
    pairs = with_features(Numeric(Ratio("fare", "distance")), Numeric(Difference(a, a)))
    dull = found(findings(rows, pairs))
    assert dull == {("degenerate", f"{a}_minus_{a}_value", WARNING)}
    label = with_features(Numeric(Difference("twice_tip", b)))
    assert ("close to the label", "twice_tip", LEAK) in found(findings(rows, label))


def test_a_value_that_nothing_ties_to_a_later_time_is_a_warning(rows: pa.RecordBatch) -> None:
    windowed = Windowed("number", key="zone", at="pickup", over="2h", ops=mean())
    unread = findings(rows, with_windows(windowed))
    assert found(unread) == {("availability", windowed.names[0], WARNING)}
    declared = replace(with_windows(windowed), features=(*FEATURES, Numeric("number")))
    assert found(findings(rows, declared)) == set()  # a feature, so known at the pickup


def test_a_label_windowed_when_asked_is_doubtful_without_any_later_time(
    rows: pa.RecordBatch,
) -> None:
    columns = {n: kind for n, kind in COLUMNS.items() if n not in ("dropoff", "planned")}
    windowed = Windowed("tip", key="zone", over="1d", ops=mean())
    dataset = replace(trips.trips, columns=columns, windows=(windowed,), features=FEATURES[:4])
    assert found(findings(rows, dataset)) == {("availability", windowed.names[0], WARNING)}


def test_declared_times_that_are_odd_are_warned_of(rows: pa.RecordBatch) -> None:
    before = Windowed("minutes", key="zone", at="dropoff", available_at="pickup", over="5h")
    same = Windowed("tip", key="zone", at="dropoff", available_at="dropoff", over="5h")
    odd = [f for f in findings(rows, with_windows(before, same)) if f.check == "declared times"]
    assert {(f.column, f.severity) for f in odd} == {("pickup", WARNING), ("dropoff", WARNING)}


def test_features_made_of_the_label_leak(rows: pa.RecordBatch) -> None:
    late = BinaryClassification("tipped")
    raw = replace(
        trips.trips, derive=(trips.TIPPED,), features=(*FEATURES, Numeric("tip")), label=late
    )
    assert ("own label", "tip", LEAK) in found(findings(rows, raw))
    derived = with_features(Numeric("tip_rate"), derive=(trips.TIPPED,))
    assert ("own label", "tip_rate", LEAK) in found(findings(rows, derived))
    harmless = replace(with_features(derive=(trips.TIPPED,)), label=late)
    assert found(findings(rows, harmless)) == set()


def test_a_column_that_tells_one_class_of_several_leaks(rows: pa.RecordBatch) -> None:
    zones = rows["zone"].to_pylist()
    told = [1.0 if zone == "z2" else 0.5 for zone in zones]
    with_told = rows.append_column("told", pa.array(told, pa.float64()))
    harmless = replace(
        trips.trips, columns={**COLUMNS, "told": Number()}, windows=(),
        features=(Numeric("distance"),), label=Classification("zone", ("z0", "z1", "z2", "z3")),
    )  # fmt: skip
    assert found(findings(with_told, harmless)) == set()
    leaking = replace(harmless, features=(Numeric("told"),))
    assert ("close to the label", "told", LEAK) in found(findings(with_told, leaking))


def test_what_only_a_custom_function_may_read_is_a_warning(rows: pa.RecordBatch) -> None:
    whole = replace(trips.trips, derive=(trips.TIPPED,), features=(Custom("trips:chance"),))
    doubts = found(findings(rows, whole))
    assert ("own label", "tip_rate", WARNING) in doubts
    assert LEAK not in {severity for _, _, severity in doubts}


def test_twins_that_see_each_other_leak(tmp_path: Path) -> None:
    twins = trips.write_trips(tmp_path / "twins.csv", twins=60)
    windowed = Windowed("tip", key="driver", at="pickup", over="1d", ops=mean())
    dataset = replace(trips.trips, row_time="dropoff", windows=(windowed,), features=FEATURES[:4])
    rows = read(twins, dataset).rows
    (leak,) = [f for f in findings(rows, dataset) if f.check == "twins"]
    assert (leak.column, leak.severity) == (windowed.names[0], LEAK)
    assert leak.evidence.startswith("116 of")  # 60 pairs, of which two were aborted

    unseen = [f for f in findings(rows, trips.trips) if f.check == "twins"]
    assert [(f.column, f.severity) for f in unseen] == [("", WARNING)]

    apart = replace(trips.trips, split=HashSplit("id"))
    assert ("twins", "id", LEAK) in found(findings(rows, apart))


def test_features_known_after_the_row_is_asked_leak(rows: pa.RecordBatch) -> None:
    late = found(findings(rows, with_features(Numeric("minutes"), Calendar("dropoff"))))
    assert {("known too late", "minutes", LEAK), ("known too late", "dropoff", LEAK)} <= late


def test_features_of_a_plan_are_warned_of(rows: pa.RecordBatch) -> None:
    plan = with_features(Numeric("planned_minutes"), derive=(trips.PLANNED,))
    assert found(findings(rows, plan)) == {("known too late", "planned_minutes", WARNING)}


def test_features_that_give_the_label_away_leak(rows: pa.RecordBatch) -> None:
    close = found(findings(rows, with_features(Numeric("twice_tip"), Numeric("nearly_tip"))))
    assert ("close to the label", "twice_tip", LEAK) in close
    assert ("close to the label", "nearly_tip", WARNING) in close
    identity = found(findings(rows, with_features(Categorical("account"))))
    assert identity == {("close to the label", "account", LEAK)}


def test_features_missing_where_the_label_is_are_warned_of(rows: pa.RecordBatch) -> None:
    rating = findings(rows, with_features(Numeric("rating")))
    assert ("close to the label", "rating", WARNING) in found(rating)


def test_features_that_teach_nothing_are_warned_of(rows: pa.RecordBatch) -> None:
    dull = with_features(
        Numeric("constant"), Numeric("blank"), Categorical("rare"), Categorical("id"),
        Numeric("same"), derive=(trips.SAME,),
    )  # fmt: skip
    assert found(findings(rows, dull)) == {
        ("degenerate", name, WARNING)
        for name in ("constant_value", "blank_value", "rare_id", "id_id", "same")
    }


def test_allowed_columns_are_warned_of_only(rows: pa.RecordBatch) -> None:
    leaky = findings(rows, with_features(Numeric("twice_tip")))
    assert LEAK not in {f.severity for f in allow(leaky, ["twice_tip"])}
    assert allow(leaky, ["fare"]) == leaky


def test_a_stretch_of_time_is_kept_whole(path: Path) -> None:
    few = read(path, most=500, seed=3)
    assert not few.is_whole
    assert 450 <= len(few.rows) <= 500
    assert few.records == trips.ROWS
    everything = read(path)
    assert everything.is_whole
    times = np.sort(everything.rows["pickup"].cast(pa.int64()).to_numpy())
    low, high = few.span_us or (0, 0)
    assert ((times >= low) & (times <= high)).sum() == len(few.rows)
    assert read(path, most=500, seed=4).span_us != few.span_us


@pytest.mark.parametrize("seed", range(6))
def test_of_few_instants_that_many_rows_share_rows_are_chosen_by_hash(
    path: Path, tmp_path: Path, seed: int
) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (tmp_path / "snapshots.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for number, row in enumerate(rows):  # three snapshots of 800 rows
            writer.writerow({**row, "pickup": f"2024-0{number // 800 + 1}-01"})

    few = read(tmp_path / "snapshots.csv", most=200, seed=seed)

    assert not few.is_whole
    assert 120 <= len(few.rows) <= 200
    places = sorted(int(name[1:]) % 800 for name in few.rows["id"].to_pylist())
    assert places[0] < 80  # not the first rows of a snapshot only
    assert places[-1] > 600


def test_rows_without_times_are_chosen_by_hash(path: Path) -> None:
    timeless = replace(trips.trips, row_time=None, windows=(), features=FEATURES[:3],
                       split=HashSplit("zone"))  # fmt: skip
    few = read(path, timeless, most=500)
    assert 300 <= len(few.rows) <= 500
    assert few.span_us is None
    assert found(findings(few.rows, timeless)) == set()
