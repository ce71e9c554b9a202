"""Lookups as a step of a pipeline, by every way, beside pandas' merge."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from forebay.pipelines.lookups.look_up import LookUp
from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.run import Runner, run_pipeline
from forebay.pipelines.tallies.tallies import Tallies, WriteTallies, read_tallies
from forebay.transforms.definition.columns import Integer, Number, String
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.definition.features import Numeric
from forebay.transforms.definition.identity import ROW
from forebay.transforms.definition.labels import Regression
from forebay.transforms.definition.lookups import Lookup
from forebay.transforms.definition.sources import Derive, Source
from forebay.transforms.definition.splits import HashSplit
from forebay.transforms.errors import InputError

SEATS = "planes_seats_by_tail"


def per_seat(rows: pa.RecordBatch) -> dict[str, pa.Array]:
    return {"per_seat": pc.divide(rows["x"], rows[SEATS].cast(pa.float64()))}


FLIGHTS = Dataset(
    name="flights", columns={"tail": String(), "x": Number(), "y": Number()},
    sources={"planes": Source(columns={"tail": String(), "seats": Integer()})},
    lookups=[Lookup("seats", source="planes", key="tail", duplicates="last")],
    derive=[Derive(per_seat, inputs=["x", SEATS], outputs={"per_seat": Number(required=True)})],
    features=[Numeric("per_seat")], label=Regression("y"), split=HashSplit("tail"),
)  # fmt: skip
N, M = 5_000, 700


def made(seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(seed)
    tails = np.array([f"N{i}" for i in range(900)], object)
    flights = pd.DataFrame({
        "tail": random.choice(tails, N), "x": random.integers(1, 1_000, N).astype(float),
        "y": random.random(N),
    })  # fmt: skip
    flights.loc[random.random(N) < 0.05, "tail"] = None
    planes = pd.DataFrame({"tail": random.choice(tails, M), "seats": random.integers(1, 400, M)})
    return flights, planes


def to_batches(frame: pd.DataFrame, size: int, first: int) -> list[pa.RecordBatch]:
    columns = {
        name: pa.array(frame[name], pa.string() if name == "tail" else None, from_pandas=True)
        for name in frame
    }
    columns[ROW] = pa.array(np.arange(len(frame)) + first)
    return pa.Table.from_pydict(columns).to_batches(max_chunksize=size)


def run(
    folder: Path, flights: list[pa.RecordBatch], planes: list[pa.RecordBatch],
    dataset: Dataset = FLIGHTS, history: dict[str, list[pa.RecordBatch]] | None = None,
    **options: Any,
) -> tuple[pa.Table, list[Any], Tallies]:  # fmt: skip
    """Runs the step; returns the rows, the identities of the rejects, and the tallies."""
    (folder / "rows").mkdir()
    (folder / "rejects").mkdir()

    def write(batch: pa.RecordBatch, kind: str) -> None:
        with pa.ipc.new_file(str(folder / kind / uuid.uuid4().hex), batch.schema) as writer:
            writer.write_batch(batch)

    def build(pipeline: beam.Pipeline) -> None:
        tables = {
            name: pipeline | name >> beam.Create(batches, reshuffle=False)
            for name, batches in {"rows": flights, "planes": planes, **(history or {})}.items()
        }
        found = tables | LookUp(dataset, str(folder), **options)
        for name in ("rows", *(history or {})):
            _ = found["tables"][name] | f"Rows {name}" >> beam.Map(write, "rows")
        rejects = found["rejects"] | beam.Flatten()
        _ = rejects | "Rejects" >> beam.Map(lambda part: write(part.batch, "rejects"))
        _ = (found["tallies"]["rows"],) | WriteTallies(str(folder / "tallies.json"))

    run_pipeline(build, Runner(Local(), PipelineOptions(["--runner=FnApiRunner"])))
    read = {
        kind: [pa.ipc.open_file(str(path)).read_all() for path in (folder / kind).iterdir()]
        for kind in ("rows", "rejects")
    }
    rejected = [row for table in read["rejects"] for row in table[ROW].to_pylist()]
    return pa.concat_tables(read["rows"]), rejected, read_tallies(str(folder / "tallies.json"))


@pytest.mark.parametrize(
    "options", [{}, {"table_bytes": {"planes": 1_000}, "memory_bytes": 1_000}], ids=["held", "cut"]
)
def test_rows_find_what_a_merge_finds(tmp_path: Path, options: dict[str, Any]) -> None:
    flights, planes = made()
    batches = to_batches(flights, 1_300, 0), to_batches(planes, 99, 1 << 40)

    rows, rejected, tallies = run(tmp_path, *batches, splits={0: "eval"}, **options)

    last = planes.drop_duplicates("tail", keep="last")
    merged = flights.merge(last, on="tail", how="left")
    kept = merged["seats"].notna().to_numpy() & flights["tail"].notna().to_numpy()
    rows = rows.sort_by(ROW)
    assert rows[ROW].to_numpy().tolist() == np.flatnonzero(kept).tolist()
    assert rows.column_names == ["tail", "x", "y", SEATS, "per_seat", ROW]
    assert rows[SEATS].to_numpy().tolist() == merged["seats"][kept].astype(int).tolist()
    assert rows["per_seat"].to_numpy().tolist() == (merged["x"] / merged["seats"])[kept].tolist()
    assert sorted(rejected) == np.flatnonzero(~kept).tolist()
    missing = int(flights["tail"].isna().sum())
    rejects = {"per_seat: missing required value": N - int(kept.sum())}
    assert tallies == {
        "lookup planes_by_tail": {
            "duplicates": M - len(last), "findable": len(last), "found": int(kept.sum()),
            "no key": missing, "not found": N - int(kept.sum()) - missing,
        },
        "rejects": rejects, "input eval.rejects": rejects,
    }  # fmt: skip


def test_rows_of_one_key_fail_the_run_by_name(tmp_path: Path) -> None:
    strict = replace(FLIGHTS, lookups=[replace(FLIGHTS.lookups[0], duplicates="refuse")])
    flights, _ = made()
    planes = pd.DataFrame({"tail": ["N1", "N2", "N1"], "seats": [1, 2, 3]})
    with pytest.raises(
        InputError, match="planes: 1 rows have the tail of another, such as tail='N1'"
    ):
        run(tmp_path, to_batches(flights[:9], 9, 0), to_batches(planes, 9, 1 << 40), strict)


@pytest.mark.parametrize(
    "options", [{}, {"table_bytes": {"planes": 1_000}, "memory_bytes": 1_000}], ids=["held", "cut"]
)
def test_rows_and_their_history_look_up_in_one_table(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    flights, planes = made()
    new, earlier = flights[:900], flights[900:]
    history = {"--history": to_batches(earlier, 700, 900)}

    rows, _, tallies = run(
        tmp_path, to_batches(new, 500, 0), to_batches(planes, 99, 1 << 40), history=history,
        asking=("rows", "--history"), **options,
    )  # fmt: skip

    last = planes.drop_duplicates("tail", keep="last")
    merged = flights.merge(last, on="tail", how="left")
    kept = merged["seats"].notna().to_numpy() & flights["tail"].notna().to_numpy()
    rows = rows.sort_by(ROW)
    assert rows[ROW].to_numpy().tolist() == np.flatnonzero(kept).tolist()
    assert rows[SEATS].to_numpy().tolist() == merged["seats"][kept].astype(int).tolist()
    # Those of the rows alone: the others' are set apart.
    assert tallies["lookup planes_by_tail"]["found"] == int(kept[:900].sum())
    assert tallies["lookup planes_by_tail"]["findable"] == len(last)
