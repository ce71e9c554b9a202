"""`forebay init`: what it writes is tidy Python, is a definition, and runs on the same data."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forebay.cli import main
from forebay.storage.run.definition_files import load_definition
from forebay.storage.run.manifest import Manifest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "init_visits.py.txt"


def visits(rows: int = 800) -> list[list[object]]:
    """Visits of a shop, with a column of nearly every kind."""
    chance = random.Random(11)
    table: list[list[object]] = [[
        "Visit No", "visited_at", "left_at", "customer_id", "branch", "member", "lat", "lon",
        "basket", "waited", "remark", "currency", "spent",
    ]]  # fmt: skip
    for i in range(rows):
        hour, waited = 8 + i % 12, chance.randrange(60)
        table.append([
            f"v{i:05d}", f"2024-05-{1 + i // 30:02d}T{hour:02d}:00:{i % 60:02d}Z",
            f"2024-05-{1 + i // 30:02d}T{hour:02d}:{waited:02d}:59Z", f"c{chance.randrange(40)}",
            chance.choice(["north", "south", "old town"]), chance.choice("YN"),
            round(52 + chance.random(), 4), round(13 + chance.random(), 4),
            round(chance.lognormvariate(2, 1.4), 2), waited if chance.random() > 0.1 else -99,
            " ".join(chance.choices(["kind", "staff", "good", "bread", "too", "busy"], k=7)),
            "EUR", round(chance.gammavariate(2, 9), 2) if chance.random() > 0.05 else "NA",
        ])  # fmt: skip
    return table


def as_csv(table: list[list[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    return text.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ruff(*arguments: str, source: str) -> str:
    """Returns what ruff has to say of a source."""
    settings = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    command = [sys.executable, "-m", "ruff", *arguments, *settings,
               "--stdin-filename", "/data/written.py", "-"]  # fmt: skip
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else f"{done.stdout}{done.stderr}\nfailed"


def assert_tidy(source: str) -> None:
    assert ruff("format", source=source) == source
    assert "failed" not in ruff("check", source=source)


def test_what_is_written_is_agreed_upon(folder: Path) -> None:
    """UPDATE_GOLDEN=1 writes it anew; read the difference."""
    Path("visits.csv").write_text(as_csv(visits()), "utf-8")

    assert main(["init", "visits.csv"]) == 0

    source = Path("visits.py").read_text("utf-8")
    assert_tidy(source)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(source, "utf-8")
    assert source == GOLDEN.read_text("utf-8")


def test_the_window_shown_works_once_its_comment_is_one_no_more(folder: Path) -> None:
    Path("shown.csv").write_text(as_csv(visits()), "utf-8")
    assert main(["init", "shown.csv"]) == 0
    path = Path("shown.py")
    source, shown = (
        path.read_text("utf-8"),
        re.compile(r"^    # (windows=\[\n(?:    # .*\n)*?    # \],\n)", re.M),
    )

    path.write_text(shown.sub(lambda m: "    " + m[1].replace("    # ", "    "), source), "utf-8")

    assert "# windows" not in path.read_text("utf-8")
    assert_tidy(path.read_text("utf-8"))
    assert list(load_definition("shown.py").windowed_columns) == [
        "spent_mean_7d_by_customer_id", "spent_count_7d_by_customer_id",
    ]  # fmt: skip


def test_it_runs_on_the_same_data(folder: Path) -> None:
    table = visits()
    Path("visits.csv").write_text(as_csv(table), "utf-8")

    assert main(["init", "visits.csv"]) == 0
    assert main(["preprocess", "visits.py:visits", "--input", "visits.csv", "--output", "run"]) == 0

    manifest = Manifest.from_json(Path("run/manifest.json").read_text("utf-8"), "")
    labelled = sum(row[-1] != "NA" for row in table[1:])
    assert sum(manifest.rows.values()) == labelled
    assert manifest.rejects == {}
    assert min(manifest.rows.values()) > 0.05 * labelled
    assert manifest.warnings == ()


def test_a_table_without_times_or_keys_runs(folder: Path) -> None:
    chance = random.Random(3)
    lines = [
        f"{chance.random():.3f};{chance.random():.3f};{chance.choice('ab')}" for _ in range(300)
    ]
    with gzip.open("1 flower.csv.gz", "wt") as file:
        file.write("\n".join(lines) + "\n")

    assert main(["init", "1 flower.csv.gz", "--names", "long,wide,kind", "--label", "kind"]) == 0
    source = Path("data_1_flower.py").read_text("utf-8")
    assert_tidy(source)
    arguments = ["--input", "1 flower.csv.gz", "--output", "run"]
    assert main(["preprocess", "data_1_flower.py", *arguments]) == 0

    manifest = Manifest.from_json(Path("run/manifest.json").read_text("utf-8"), "")
    assert sum(manifest.rows.values()) == 300
    assert min(manifest.rows.values()) > 0


# A header of numbers is taken for a row, and definitions keep names with "__" to themselves.
letters = st.characters(max_codepoint=0x2FFF, exclude_categories=("Cs", "Cc", "Cn"))
names = st.text(
    letters | st.sampled_from("\"'\\,#{}\n"), min_size=1, max_size=90,
).filter(lambda name: any(map(str.isalpha, name)) and not name.startswith("__"))  # fmt: skip


@settings(
    max_examples=8,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(names=st.lists(names, min_size=2, max_size=6, unique=True))
def test_any_header_makes_a_tidy_definition(folder: Path, names: list[str]) -> None:
    chance = random.Random(5)
    rows = [[round(chance.random(), 3), *chance.choices(["NA", "b", "c"], k=len(names) - 1)]
            for _ in range(60)]  # fmt: skip
    Path("odd.csv").write_text(as_csv([names, *rows]), "utf-8")

    assert main(["init", "odd.csv", "--overwrite", "--label", names[0]]) == 0

    assert_tidy(Path("odd.py").read_text("utf-8"))
    dataset = load_definition("odd.py")
    assert [*dataset.fields()] == names
    assert all(name.isascii() and name.isidentifier() for name in dataset.graph_columns)


def test_it_prints_to_a_pipe_or_tells_a_machine(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("visits.csv").write_text(as_csv(visits()), "utf-8")

    assert main(["init", "visits.csv", "--output", "-"]) == 0
    printed = capsys.readouterr().out
    assert main(["init", "visits.csv", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert printed == Path("visits.py").read_text("utf-8")
    assert (told["definition"], told["rows"], told["label"]) == ("visits.py:visits", 800, "spent")
    assert told["columns"]["branch"]["features"] == ["branch_id"]
    assert told["columns"]["currency"]["reason"] == "the same in every row"


def test_rejects_are_told_and_the_next_command_allows_for_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = as_csv(visits()).splitlines()
    lines[100:120] = ["too,few"] * 20
    Path("my data").mkdir()
    Path("my data/visits.csv").write_text("\n".join(lines) + "\n", "utf-8")

    assert main(["init", "my data/visits.csv", "--output", "my data/visits.py"]) == 0

    printed = capsys.readouterr().out
    assert "2.5 % of the records" in printed
    assert [shlex.split(line) for line in printed.splitlines()[-2:]] == [
        ["forebay", "check", "my data/visits.py", "--input", "my data/visits.csv"],
        ["forebay", "preprocess", "my data/visits.py", "--input", "my data/visits.csv",
         "--output", "runs/visits", "--max-reject-fraction", "0.05"],
    ]  # fmt: skip
    assert "2.5 % of the records" in Path("my data/visits.py").read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (b"", [], "data.csv is empty"),
        (None, [], "'data.csv' matches no file"),
        (b"a,b\n", [], "has no rows to guess from; give a file with rows below its header line"),
        (b"a,b\n1\n2\n", [], "records read: 2, all rejected: 1 fields instead of 2"),
        (b"\x00\x01\x02,\xff\n" * 9, [], "not UTF-8 text"),
        (b"PK\x03\x04" + bytes(99), [], "zip archive or an Excel workbook"),
        (b"1,2\n3,4\n", [], "looks like a row, not like a header (1, 2); name the columns"),
        (b"1,2\n3,4\n", ["--names", "a,b,c"], "'1,2' does not have the 3 fields"),
        (b"a,b\nx,y\nz,u\n", [], "no column looks like something to predict"),
        (b"a,b\nx,1\nx,2\n", [], "data.csv: no column to predict the label 'b' from (a: "),
        (b"a,b\nx,1\nx,2\n", [], "give a table with more columns or rows, or name another"),
        (b"a,b,a\n1,2,3\n", [], "names 'a' more than once; rename the columns, or drop the line"),
        (b"a,b,a\n1,2,3\n", [], "or --names of forebay init"),
        (b"a,b\n1,2\n3,4\n", ["--label", "c"], "'c': no such column"),
        (b"a,b\n,\n , \n", [], "has 2 rows, and no text in any"),
        (b"a b\n1 2\n3 4\n", [], "has one column, it seems, 'a b'; give its --delimiter"),
        (
            b"a,b\n" + b"".join(b"%d,$%d\n" % (i, i) for i in range(30)),
            ["--label", "b"],
            "of 30 values (numbers with signs or commas, such as '$0': read as text)",
        ),
        (b"a,b\n1,2\n3,4\n", ["--output", "a-b.py"], "not the name of a Python module"),
        (b"a,b\n1,2\n3,4\n", ["--output", "there.txt"], "not the name of a Python module"),
        (b"a,b\n1,2\n3,4\n", ["--output", "json.py"], "the name of a module of Python"),
        (b"a,b\n1,2\n3,4\n", ["--output", "no/folder.py"], "cannot be written"),
        (b"a,b\n1,2\n3,4\n", ["--output", "there.py"], "'there.py' is there already"),
        (b"a,b\n1,2\n3,4\n", ["--output", "-", "--json"], "leave one of them out"),
    ],
)
def test_mistakes_are_one_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    arguments: list[str],
    message: str,
) -> None:
    Path("there.py").write_text("# mine\n", "utf-8")
    if content is not None:
        Path("data.csv").write_bytes(content)

    assert main(["init", "data.csv", *arguments]) == 2

    told = capsys.readouterr().err
    assert message in told
    *doing, error = told.splitlines()
    assert error.startswith("error: ")
    assert all(line.endswith(" …") for line in doing)
    assert {path.name for path in folder.iterdir()} <= {"data.csv", "there.py"}
    assert Path("there.py").read_text("utf-8") == "# mine\n"


def test_files_of_several_kinds_are_told_apart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mixed-1.csv").write_text("a,b\n1,2\n3,4\n", "utf-8")
    Path("mixed-2.jsonl").write_text('{"a": 1, "b": 2}\n', "utf-8")
    assert main(["init", "mixed-*", "--output", "mixed.py"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "mixed-1.csv is CSV and mixed-2.jsonl is JSON lines; give a pattern of files" in error


@pytest.mark.parametrize("option", ["--names=a,,c", "--names=a,b,a", "--delimiter=ab", "--rows=0"])
def test_options_that_mean_nothing_are_refused(folder: Path, option: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["init", "data.csv", option])

    assert stopped.value.code == 2


def test_names_that_mean_something_else_are_not_taken(folder: Path) -> None:
    for name in ("calendar", "columns", "class", "fb"):
        Path(f"{name}.csv").write_text(as_csv(visits(60)), "utf-8")
        assert main(["init", f"{name}.csv"]) == 0
        assert load_definition(f"{name}_data.py").name == f"{name}_data"


def test_it_loads_neither_beam_nor_tensorflow(folder: Path) -> None:
    Path("visits.csv").write_text(as_csv(visits()), "utf-8")
    program = (
        "import sys\n"
        "from forebay.cli import main\n"
        "main(sys.argv[1:])\n"
        "print([name for name in ('apache_beam', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "init", "visits.csv"],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert done.stdout.splitlines()[-1] == "[]"
