"""Steps of one's own: what they may do with rows, what is counted, what is refused."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from hypothesis import given
from hypothesis import strategies as st

from forebay.pipelines.prepare import PrepareRows, dropped_by, repeated, with_step
from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.run import Runner, run_pipeline
from forebay.pipelines.sources.row_identity import (
    is_part,
    parts_of,
    row_identity,
    row_place,
    whole_row,
)
from forebay.pipelines.tallies.checks import check_splits
from forebay.pipelines.tallies.tallies import Tallies, WriteTallies, read_tallies
from forebay.transforms.definition.columns import Boolean, Column, Integer, Number, String
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.new_rows import for_answers
from forebay.transforms.definition.prepare import Prepare
from forebay.transforms.definition.serialize import digest, from_json, to_json
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import DefinitionError, InputError

COLUMNS: dict[str, Column] = {
    "shop": String(required=True), "amount": Number(), "items": Integer(), "y": Number(),
}  # fmt: skip
ROWS = {
    "shop": ["a", "b", "a", "c", "a", "b"], "amount": [100.0, -5.0, 900.0, None, 0.0, 50.0],
    "items": [1, 0, 3, 2, None, 1], "y": [1.0] * 6,
}  # fmt: skip
IDENTITIES = row_identity(3, np.arange(6) * 17).tolist()


def dataset(step: str, outputs: dict[str, Column] | None = None) -> Dataset:
    return Dataset(
        name="sales", columns=COLUMNS, prepare=Prepare(f"own_steps:{step}", outputs or {}),
        features=[Numeric("amount")], label=Regression("y"), split=HashSplit("shop"),
    )  # fmt: skip


def run(folder: Path, definition: Dataset) -> tuple[list[dict[str, Any]], Tallies]:
    """Applies a definition's step to three batches; returns the rows by identity, and tallies."""
    schema = pa.schema([(name, kind.arrow_type) for name, kind in COLUMNS.items()])
    table = pa.Table.from_pydict(ROWS, schema=schema).append_column(ROW, pa.array(IDENTITIES))
    (folder / "made").mkdir()

    def write(batch: pa.RecordBatch) -> None:
        with pa.ipc.new_file(str(folder / "made" / uuid.uuid4().hex), batch.schema) as writer:
            writer.write_batch(batch)

    def build(pipeline: beam.Pipeline) -> None:
        batches = pipeline | beam.Create(table.to_batches(max_chunksize=2), reshuffle=False)
        prepared = batches | PrepareRows(definition, str(folder), {})
        _ = prepared["rows"] | "Write" >> beam.Map(write)
        _ = (prepared["tallies"],) | WriteTallies(str(folder / "tallies.json"))

    run_pipeline(build, Runner(Local(), PipelineOptions(["--runner=FnApiRunner"])))
    read = [pa.ipc.open_file(str(path)).read_all() for path in (folder / "made").iterdir()]
    rows = pa.concat_tables(read).sort_by(ROW).to_pylist()
    return rows, read_tallies(str(folder / "tallies.json"))


def test_rows_are_filtered(tmp_path: Path) -> None:
    rows, tallies = run(tmp_path, dataset("OnlyPaid"))
    assert [row["amount"] for row in rows] == [100.0, 900.0, 50.0]
    assert [row[ROW] for row in rows] == [IDENTITIES[i] for i in (0, 2, 5)]
    assert tallies == {"dropped": {"by own_steps:OnlyPaid": 3}}


def test_cells_are_changed(tmp_path: Path) -> None:
    rows, tallies = run(tmp_path, dataset("capped"))
    assert [row["amount"] for row in rows] == [100.0, -5.0, 500.0, 500.0, 0.0, 50.0]
    assert [row[ROW] for row in rows] == IDENTITIES
    assert tallies == {}


def test_several_rows_are_made_of_one(tmp_path: Path) -> None:
    rows, tallies = run(tmp_path, dataset("OnePerItem"))
    made = [(row["shop"], row["items"]) for row in rows]
    assert sorted(made) == [("a", 1), *[("a", 3)] * 3, ("b", 1), *[("c", 2)] * 2]
    assert len({row[ROW] for row in rows}) == 7
    of = whole_row(np.array([row[ROW] for row in rows]))
    assert sorted(of.tolist()) == sorted(IDENTITIES[i] for i in (0, 2, 2, 2, 3, 3, 5))
    assert tallies == {
        "added": {"own_steps:OnePerItem": 3}, "dropped": {"by own_steps:OnePerItem": 2},
    }  # fmt: skip


def test_the_first_of_the_rows_made_of_one_may_be_dropped(tmp_path: Path) -> None:
    rows, tallies = run(tmp_path, dataset("LaterItems"))
    assert sorted((row["shop"], row["items"]) for row in rows) == [("a", 3), ("a", 3), ("c", 2)]
    assert tallies == {
        "added": {"own_steps:LaterItems": 1}, "dropped": {"by own_steps:LaterItems": 4},
    }  # fmt: skip


def test_what_is_combined_comes_as_a_side_input(tmp_path: Path) -> None:
    rows, _ = run(tmp_path, dataset("AboveMean", {"above_mean": Boolean()}))
    assert [row["above_mean"] for row in rows] == [False, False, True, None, False, False]
    other = tmp_path / "per-key"
    other.mkdir()
    rows, _ = run(other, dataset("ShopVisits", {"visits": Integer()}))
    assert [row["visits"] for row in rows] == [3, 2, 3, 1, 3, 2]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("Twice", r"gives rows the identity \(__row\) of another, so that each would see"),
        ("WithoutIdentity", "a batch has no column '__row'"),
        ("Numbered", r"gives rows an identity \(__row\) that none was read with"),
        ("AsDicts", "gives a dict; it must give pyarrow.RecordBatch elements"),
        ("AboveMean", "above_mean"),
        ("no_transform", "is a int, not a PTransform; give a class of one, or a function"),
        ("missing", "cannot be imported"),
    ],
)  # fmt: skip
def test_what_would_lose_rows_silently_is_refused(step: str, said: str, tmp_path: Path) -> None:
    if step == "AboveMean":  # a column that is not declared is left out; one that is must be there
        definition, said = dataset("capped", {"above_mean": Boolean()}), "no column 'above_mean'"
    else:
        definition = dataset(step)
    with pytest.raises(InputError, match=said) as error:
        run(tmp_path, definition)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"amount": Number(range=(0, None))},
            "1 row with .* such as amount: -0.05 is not 0 or more",
        ),
        ({"amount": Number(required=True)}, "1 row with .* such as amount: missing required value"),
    ],
)
def test_values_that_their_columns_do_not_allow_are_named(
    changed: dict[str, Column], said: str, tmp_path: Path
) -> None:
    definition = dataset("InEuros")
    with pytest.raises(InputError, match=said) as error:
        run(tmp_path, replace(definition, columns={**COLUMNS, **changed}))
    assert len(str(error.value).splitlines()) == 1


def test_what_no_answer_depends_on_may_be_missing_of_new_rows(tmp_path: Path) -> None:
    columns = {**COLUMNS, "items": Integer(required=True)}
    definition = replace(dataset("InEuros"), columns=columns)
    with pytest.raises(InputError, match="items: missing required value"):
        run(tmp_path, definition)
    (folder := tmp_path / "new").mkdir()
    rows, _ = run(folder, for_answers(definition))
    assert [row["items"] for row in rows] == ROWS["items"]


def test_a_step_that_drops_everything_is_named() -> None:
    definition = dataset("Nothing")
    facts = {"records": {"read": 6}, "dropped": {dropped_by(definition): 6}}
    with pytest.raises(InputError) as error:
        check_splits(facts, definition, None, learns=True)
    assert "rows lost: by own_steps:Nothing (6)); mend own_steps:Nothing" in str(error.value)


def test_a_step_is_kept_with_the_definition() -> None:
    definition = dataset("AboveMean", {"above_mean": Boolean()})
    plain = with_step(from_json(to_json(definition)), None)
    assert plain == definition
    assert list(definition.row_columns) == [*COLUMNS, "above_mean"]
    without = Dataset(
        name="sales", columns=COLUMNS, features=[Numeric("amount")], label=Regression("y"),
        split=HashSplit("shop"),
    )  # fmt: skip
    named = with_step(without, "own_steps:OnlyPaid")
    assert named == dataset("OnlyPaid")
    assert digest(named) != digest(without)
    with pytest.raises(InputError, match="names 'own_steps:OnlyPaid' already"):
        with_step(named, "own_steps:InEuros")
    with pytest.raises(DefinitionError, match=r"prepare\.transform = 'no such': not importable"):
        with_step(without, "no such")
    with pytest.raises(DefinitionError, match=r"prepare\.outputs = 'shop': this column exists"):
        dataset("AboveMean", {"shop": Boolean()})
    with pytest.raises(DefinitionError, match=r"\['more'\]\.nulls = .*: says how cells are read"):
        dataset("AboveMean", {"more": Integer(nulls=("-1",))})


@given(
    number=st.integers(0, (1 << 13) - 1),
    rows=st.lists(st.tuples(st.integers(0, 5), st.integers(0, (1 << 40) - 1)), max_size=30),
)
def test_each_of_several_rows_of_one_has_an_identity_of_its_own(
    number: int, rows: list[tuple[int, int]]
) -> None:
    offsets = np.array([offset for times, offset in rows for _ in range(times)], np.int64)
    identity = row_identity(number, offsets)
    found = parts_of(identity)
    assert len(set(found.tolist())) == len(found)
    assert (found >= 0).all()
    assert whole_row(found).tolist() == identity.tolist()
    numbers, places = row_place(found)
    assert (numbers.tolist(), places.tolist()) == ([number] * len(found), offsets.tolist())
    assert (~is_part(found)).sum() == len(set(offsets.tolist()))


def test_too_many_rows_of_one_are_refused() -> None:
    batch = pa.RecordBatch.from_pydict({ROW: pa.array([7])})
    assert len(repeated(batch, [0] * 512)) == 512
    with pytest.raises(InputError, match="513 rows were made of one; make 512 at most"):
        repeated(batch, [0] * 513)
    far = pa.RecordBatch.from_pydict({ROW: pa.array([8192 << 40])})
    assert len(repeated(far, [0])) == 1
    with pytest.raises(InputError, match="of the first 8,192 inputs only"):
        repeated(far, [0, 0])
