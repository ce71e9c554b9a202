"""Commands whose rows, rejects and predictions go to BigQuery, against a stand-in."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pa_parquet
import pytest

from forebay.cli import main

pytestmark = pytest.mark.gcp

ROWS, BAD = 2000, 3
DEFINITION = """
from forebay import (
    Dataset, HashSplit, Integer, Number, Numeric, Regression, String, Timestamp, Windowed, mean
)

sales = Dataset(
    name="sales",
    columns={"at": Timestamp(), "shop": String(), "amount": Number(), "sale": Integer()},
    row_time="at",
    windows=[Windowed("amount", key="shop", over="1d", ops=mean())],
    features=[Numeric("amount_mean_1d_by_shop")],
    label=Regression("amount"),
    split=HashSplit("sale"),
    passthrough=["sale"],
)
"""


def lines(first: int, end: int) -> list[str]:
    return [
        f"2024-01-{1 + i // 100 % 28:02d}T{i // 4 % 24:02d}:00:00Z,s{i % 7},{i % 13 + 1},{i}\n"
        for i in range(first, end)
    ]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a definition and a table, some of whose records are none."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "sales.py").write_text(DEFINITION)
    bad = [f"2024-01-01T00:00:00Z,s1,x{i},{i}\n" for i in range(BAD)]
    header = "at,shop,amount,sale\n"
    (folder / "sales.csv").write_text("".join([header, *bad, *lines(0, ROWS)]))
    # A label that is none costs a new row no answer; a time that is none does.
    new = [f"2024-13-01T00:00:00Z,s1,1,{i}\n" for i in range(BAD)]
    (folder / "new.csv").write_text("".join([header, *new, *bad, *lines(ROWS, ROWS + 50)]))
    (folder / "worse.csv").write_text("".join([header, *bad * 50, *lines(0, ROWS)]))
    return folder


def table(warehouse: Any, name: str) -> str:
    """The address of a table that is not there."""
    warehouse.client.create_dataset("test.sinks", exists_ok=True)
    warehouse.client.delete_table(f"test.sinks.{name}", not_found_ok=True)
    return f"bigquery://test.sinks.{name}"


def rows(warehouse: Any, name: str) -> list[dict[str, Any]]:
    return [dict(row) for row in warehouse.client.query(f"SELECT * FROM sinks.{name}").result()]


def told(rejects: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in rejects.read_text().splitlines()]


def preprocess(work: Path, run: Path, *more: str, rows: str = "sales.csv") -> list[str]:
    return [
        "preprocess",
        f"{work}/sales.py",
        "--input",
        f"{work / rows}",
        "--output",
        str(run),
        *more,
    ]


@pytest.fixture(scope="module")
def in_emulators_once(emulators: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in emulators.environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def run(
    work: Path, warehouse: Any, in_emulators_once: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run whose rows and rejects went to tables, too."""
    run = tmp_path_factory.mktemp("runs") / "sales"
    also = ["--also", "parquet", table(warehouse, "rows"), "--shards", "3"]
    assert main(preprocess(work, run, *also, "--rejects", table(warehouse, "rejects"))) == 0
    return run


def test_rows_go_to_a_table_as_they_go_to_parquet(run: Path, warehouse: Any) -> None:
    parquet = [
        row | {"split": folder.name}
        for folder in (run / "parquet" / "rows").iterdir()
        for path in folder.iterdir() for row in pa_parquet.read_table(path).to_pylist()
    ]  # fmt: skip
    assert len(parquet) == ROWS

    def by_sale(row: dict[str, Any]) -> Any:
        return row["sale"]

    assert sorted(rows(warehouse, "rows"), key=by_sale) == sorted(parquet, key=by_sale)


def test_rejects_go_to_a_table_as_they_go_to_json_lines(run: Path, warehouse: Any) -> None:
    found = rows(warehouse, "rejects")
    (kept,) = (run / "rejects").iterdir()
    assert [{k: v for k, v in row.items() if v is not None} for row in found] == told(kept)
    assert len(found) == BAD
    assert set(found[0]) == {
        "source", "line", "row", "record", "stream", "offset", "reason", "raw",
    }  # fmt: skip


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_rejects_are_kept_where_they_end_the_run(
    work: Path,
    in_emulators_once: Any,
    tmp_path: Path,
    ending: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = tmp_path / f"rejects.{ending}"
    run = tmp_path / "run"
    assert main(preprocess(work, run, "--rejects", str(kept), rows="worse.csv")) == 2
    assert "--max-reject-fraction" in capsys.readouterr().err
    assert not run.exists()
    found = told(kept) if ending == "jsonl" else pa_parquet.read_table(kept).to_pylist()
    assert [row["line"] for row in found] == list(range(2, 2 + 50 * BAD))
    assert found[1]["reason"] == "amount: 'x1' is not a number"
    assert found[1]["raw"] == "2024-01-01T00:00:00Z,s1,x1,1"


def test_a_table_that_does_not_fit_ends_the_command_before_it_reads(
    run: Path,
    work: Path,
    in_emulators_once: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    also = ["--also", "bigquery://test.sinks.rejects"]
    assert main(preprocess(work, tmp_path / "run", *also)) == 2
    assert "the table has no column 'split' (ADD COLUMN split STRING)" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_killed_run_shows_no_row_and_made_again_each_once(
    work: Path, warehouse: Any, emulators: Any, in_emulators: dict[str, str], tmp_path: Path
) -> None:
    name = table(warehouse, "never_shown")
    arguments = preprocess(work, tmp_path / "run", "--also", name, "--overwrite")
    log = Path(emulators.requests)
    command = [sys.executable, "-m", "forebay", *arguments]
    with subprocess.Popen(command, env=in_emulators, start_new_session=True) as process:
        while "COMMIT never_shown" not in log.read_text():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert rows(warehouse, "never_shown") == []
    assert main(arguments) == 0
    assert sorted(row["sale"] for row in rows(warehouse, "never_shown")) == list(range(ROWS))


def test_predictions_and_their_rejects_go_to_tables(
    run: Path, work: Path, warehouse: Any, in_emulators_once: Any, tmp_path: Path
) -> None:
    assert main(["train", str(run), "--model", "linear", "--epochs", "1"]) == 0
    asked = [
        "predict", "--model", f"{run}/model", "--definition", f"{work}/sales.py",
        "--input", f"{work}/new.csv", "--history", f"{work}/sales.csv",
    ]  # fmt: skip
    output, rejects = table(warehouse, "predictions"), table(warehouse, "unanswered")
    assert main([*asked, "--output", output, "--rejects", rejects]) == 0
    assert main([*asked, "--output", f"{tmp_path}/new.parquet"]) == 0
    parquet = pa_parquet.read_table(tmp_path / "new.parquet").to_pylist()
    found = sorted(rows(warehouse, "predictions"), key=lambda row: row["sale"])
    assert found == parquet
    assert len(found) == 50 + BAD
    kept = told(tmp_path / "new.parquet.rejects.jsonl")
    assert [row["raw"] for row in rows(warehouse, "unanswered")] == [row["raw"] for row in kept]
    assert len(kept) == 2 * BAD  # those of the history, too
