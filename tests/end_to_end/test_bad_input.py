"""What `forebay preprocess` says to input, definitions and folders that it cannot work with."""

from __future__ import annotations

import gzip
import re
import uuid
from pathlib import Path

import pytest
from killed_publication import OLD, write_run

from forebay.cli import main

HEADER = "id,at,shop,amount,paid\n"
ROW = "a1,2024-05-01 10:00:00,north,12.5,1\n"
IMPORTS = """
from forebay.transforms.definition.columns import *
from forebay.transforms.definition.dataset import *
from forebay.transforms.definition.sources import *
from forebay.transforms.definition.features import *
from forebay.transforms.definition.labels import *
from forebay.transforms.definition.splits import *
from forebay.transforms.definition.windows.operators import mean
from forebay.transforms.definition.windows.windowed import Windowed
"""
ORDERS = """
orders = Dataset(
    name="orders",
    columns={
        "id": String(required=True), "at": Timestamp(), "shop": String(), "amount": Number(),
        "paid": Number(),
    },
    row_time="at",
    features=[Numeric("amount")],
    label=Regression("paid"),
    split=HashSplit("shop", 100, 0, 0),
)
"""


class Command:
    """Runs `forebay preprocess` in a folder of its own and keeps what it says."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.run_folder = folder / "out" / "run"
        self._capture = capture

    def definition(self, text: str = ORDERS) -> str:
        path = self.folder / f"orders_{uuid.uuid4().hex}.py"
        path.write_text(IMPORTS + text, "utf-8")
        return str(path)

    def file(self, content: str | bytes, name: str = "orders.csv") -> str:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def fails(
        self, *inputs: str, definition: str | None = None, options: tuple[str, ...] = ()
    ) -> str:
        """Runs it, checks that it fails as it should, and returns the error."""
        definition = definition or self.definition()
        before = self._files()
        arguments = ["--input", *inputs, "--output", str(self.run_folder), *options]
        self._capture.readouterr()
        status = main(["preprocess", definition, *arguments])
        out, err = self._capture.readouterr()
        assert status == 2, err
        assert out == ""
        assert "Traceback" not in err
        errors = re.findall(r"^error: .*", err, re.M | re.S)
        assert len(errors) == 1, err
        assert len(re.findall("^error:", err, re.M)) == 1, err
        assert self._files() == before
        return str(errors[0])

    def _files(self) -> dict[Path, bytes]:
        found = (path for path in self.folder.rglob("*") if "__pycache__" not in path.parts)
        return {path: path.read_bytes() for path in found if path.is_file()}


@pytest.fixture
def command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capfd)


def test_good_input_is_not_refused_for_the_reasons_below(command: Command) -> None:
    """Everything else here changes one thing about this input, which lacks training rows only."""
    assert "no rows to train on" in command.fails(command.file(HEADER))


# Files.


@pytest.mark.parametrize("name", ["nowhere.csv", "no/such/folder/x.csv", "*.nothing", "x[1].csv"])
def test_a_file_that_is_not_there(command: Command, name: str) -> None:
    path = str(command.folder / name)

    error = command.fails(path)

    assert f"{path!r} matches no file" in error
    assert "check the path" in error


def test_a_folder_is_no_file(command: Command) -> None:
    folder = command.folder / "folder"
    folder.mkdir()
    (folder / "orders.csv").write_text(HEADER + ROW)

    error = command.fails(str(folder))

    assert f"'{folder}' is a folder" in error
    assert f"'{folder}/*.csv'" in error


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        pytest.param("x.csv", b"", ["is empty"], id="no bytes"),
        pytest.param("x.csv", b"\n\n\r\n", ["is empty", "header line"], id="blank lines"),
        pytest.param(
            "x.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", ["UTF-8", r"\\x89PNG"], id="image"
        ),
        pytest.param("x.csv", bytes(range(256)) * 8, ["UTF-8", "NUL"], id="binary"),
        pytest.param("x.csv", gzip.compress(b"id,at\n"), ["no columns 'shop'"], id="gzip"),
        pytest.param("x.csv.gz", HEADER.encode(), ["gzip"], id="named as gzip"),
        pytest.param("x.csv.gz", gzip.compress(HEADER.encode())[:20], ["x.csv.gz"], id="cut gzip"),
        pytest.param(
            "x.csv.gz",
            gzip.compress(HEADER.encode())[:10] + b"\xff" * 30,
            ["truncated or corrupt", "gzip --test"],
            id="corrupt gzip",
        ),
        pytest.param("x.csv.gz", gzip.compress(b""), ["is empty"], id="gzip of nothing"),
        pytest.param("x.csv", HEADER.encode("utf-16"), ["encoding='utf-16'"], id="UTF-16"),
        pytest.param("x.csv", b"id,at,caf\xe9\n", ["not UTF-8", "iconv"], id="Latin-1 header"),
        pytest.param(
            "x.csv", b'"id,at,shop\n', ["quote that is never closed", "quote="], id="open quote"
        ),
        pytest.param(
            "x.csv", b'"id"x,at,shop\n', ["text after a closing quote", "quote="], id="stray quote"
        ),
        pytest.param(
            "x.csv", b"id,at,shop,amount,paid,at\n", ["'at' more than once", "rename"], id="twice"
        ),
        pytest.param(
            "x.csv", b"id,at,shop,ammount\n",
            ["'amount' (did you mean ammount", "'paid'", "Rename"], id="missing columns",
        ),
        pytest.param(
            "x.csv", b"id;at;shop;amount;paid\n",
            ["no columns", "CsvFormat(delimiter=';')"], id="semicolons",
        ),
        pytest.param(
            "x.csv", b"id\tat\tshop\tamount\tpaid\n", [r"CsvFormat(delimiter='\t')"], id="tabs"
        ),
    ],
)  # fmt: skip
def test_what_is_no_such_table(
    command: Command, name: str, content: bytes, parts: list[str]
) -> None:
    path = command.file(content, name)

    error = command.fails(path)

    assert path in error
    for part in parts:
        assert part in error


def test_every_file_needs_the_columns(command: Command) -> None:
    good = command.file(HEADER + ROW, "good.csv")
    other = command.file("id,at,shop,amount\n", "other.csv")

    error = command.fails(good, other)

    assert "other.csv" in error
    assert "good.csv" not in error
    assert "'paid'" in error


def test_gzip_cut_off_far_into_the_text(command: Command) -> None:
    rows = "".join(f"{uuid.uuid4()},2024-05-01,north,1,1\n" for _ in range(60_000))
    data = gzip.compress((HEADER + rows).encode(), 1)

    error = command.fails(command.file(data[: len(data) * 3 // 4], "orders.csv.gz"))

    assert "orders.csv.gz" in error
    assert re.search(r"after \d+ bytes of text the gzip data are truncated or corrupt", error)
    assert "gzip --test" in error


# Rows.


def test_too_many_rejects_name_the_three_commonest_reasons(command: Command) -> None:
    bad = "a,2024-05-01,north,{amount},1\n"
    rows = [ROW] * 80
    rows += [bad.format(amount="much")] * 4 + ["a,b\n"] * 3 + ["a,never,north,1,1\n"] * 2
    rows += [",2024-05-01,north,1,1\n", 'b,2024-05-01,"nor"th,1,1\n', 'c,2024-05-01,"north,1,1\n']

    error = command.fails(command.file(HEADER + "".join(rows)))

    assert "12 of 92 records were rejected, more than --max-reject-fraction 0.01" in error
    reasons = error.partition("commonest reasons: ")[2]
    assert reasons.startswith(
        "amount: not a number (4); wrong number of fields (3); at: not a time written in ISO 8601"
    )
    assert "(2)" in reasons
    assert "(1)" not in reasons
    assert "mend the input or the definition" in reasons


def test_a_limit_of_its_own(command: Command) -> None:
    rows = [ROW] * 8 + ["a,b\n"] * 2
    path = command.file(HEADER + "".join(rows))

    assert "--max-reject-fraction 0.19" in command.fails(
        path, options=("--max-reject-fraction", "0.19")
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"a,b\n", "wrong number of fields (2)"),
        (b"a\xff,2024-05-01,north,1,1\n", "id: not UTF-8 text (2)"),
    ],
    ids=["fields", "bytes"],
)
def test_nothing_but_rejects(command: Command, row: bytes, reason: str) -> None:
    path = command.file(HEADER.encode() + row * 2)

    error = command.fails(path, options=("--max-reject-fraction", "1"))

    assert "no rows to train on" in error
    assert reason in error


def test_no_training_rows(command: Command) -> None:
    definition = command.definition(
        ORDERS.replace('HashSplit("shop", 100, 0, 0)', 'TimeSplit("2024-01-01", "2024-06-01")')
    )
    rows = [ROW, ROW.replace("2024-05", "2024-07"), ROW.replace("12.5,1", "12.5,")]

    error = command.fails(command.file(HEADER + "".join(rows)), definition=definition)

    assert "no rows to train on (rows per split: train 0, eval 1, test 1;" in error
    assert "no label (1)" in error
    assert "change the split TimeSplit(eval_from='2024-01-01', test_from='2024-06-01'" in error


# Definitions.


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (
            'Numeric("amount")', 'Numeric("ammount")',
            ["features[0].column = 'ammount': no such column", "did you mean amount?"],
        ),
        (
            'Regression("paid")', 'Regression("paidd")',
            ["label.column = 'paidd': no such column", "did you mean paid"],
        ),
        (
            "row_time", 'windows=[Windowed("shop", key="id", over="1h", ops=mean())], row_time',
            ["windows[0].value = 'shop': text has no mean", "Number or Integer"],
        ),
        (
            "row_time",
            'windows=[Windowed("amount", key="shop", over="1 h", ops=mean())], row_time',
            ["windows[0].over = '1 h': not a positive duration"],
        ),
        (
            'HashSplit("shop"', 'HashSplit("shops"',
            ["split.on = 'shops': no such column", "did you mean shop?"],
        ),
    ],
    ids=["feature", "label", "window over text", "duration", "split"],
)  # fmt: skip
def test_definitions_that_contradict_themselves(
    command: Command, old: str, new: str, parts: list[str]
) -> None:
    text = ORDERS.replace(old, new)
    assert text != ORDERS

    error = command.fails(command.file(HEADER + ROW), definition=command.definition(text))

    assert "the definition 'orders' has 1 mistake" in error
    for part in parts:
        assert part in error


def test_all_mistakes_of_a_definition_at_once(command: Command) -> None:
    text = ORDERS.replace('Numeric("amount")', 'Numeric("x1")').replace('"paid")', '"x2")')

    error = command.fails(command.file(HEADER + ROW), definition=command.definition(text))

    assert "has 2 mistakes" in error
    assert error.count("no such column") == 2


def test_definitions_that_cannot_be_loaded(command: Command) -> None:
    path = command.file(HEADER + ROW)
    nowhere = str(command.folder / "nowhere.py")
    broken = command.definition("orders = Dataset(\n")
    nameless = command.definition("orders = undefined_name\n")
    failing = command.definition("orders = 1 / 0\n")
    empty = command.definition("")
    two = command.definition(ORDERS + "more = orders\n")
    good = command.definition()

    expected = {
        nowhere: [nowhere, "cannot be read", "FILE.py"],
        broken: [broken, "SyntaxError", "line 10", "FILE.py"],
        nameless: [nameless, "NameError", "undefined_name"],
        failing: [failing, "ZeroDivisionError"],
        empty: [empty, "no Dataset"],
        two: [two, ":orders", ":more", "FILE.py:NAME"],
        f"{good}:sales": [":sales", ":orders"],
        "no_such_module:orders": ["no_such_module", "ModuleNotFoundError"],
        "no_such_name": ["'no_such_name'", "FILE.py"],
    }
    for definition, parts in expected.items():
        error = command.fails(path, definition=definition)
        for part in parts:
            assert part in error, definition


def test_a_definition_named_like_a_module_that_is_loaded(command: Command) -> None:
    path = command.file(IMPORTS + ORDERS, "json.py")

    error = command.fails(command.file(HEADER + ROW), definition=path)

    assert path in error
    assert "rename" in error


def test_two_definitions_of_one_name_in_two_folders(command: Command) -> None:
    for folder in ("first", "second"):
        (command.folder / folder).mkdir()
        (command.folder / folder / "same_name_of_two.py").write_text(
            IMPORTS + ORDERS.replace('Numeric("amount")', f'Numeric("{folder}")')
        )
    path = command.file(HEADER + ROW)

    for folder in ("first", "second"):
        error = command.fails(path, definition=str(command.folder / folder / "same_name_of_two.py"))
        assert f"'{folder}': no such column" in error


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"kind": "Dataset"}', '{"kind": "Nothing"}', '{"items": 3}', '"text"'],
)
def test_json_that_is_no_definition(command: Command, text: str) -> None:
    definition = command.file(text, "definition.json")

    error = command.fails(command.file(HEADER + ROW), definition=definition)

    assert definition in error


# Folders.


def test_a_run_that_is_there(command: Command) -> None:
    command.run_folder.parent.mkdir(parents=True)
    write_run(command.run_folder, OLD)

    error = command.fails(command.file(HEADER + ROW))

    assert f"{command.run_folder} holds a run already" in error
    assert "--overwrite" in error


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_a_folder_with_other_files(command: Command, options: tuple[str, ...]) -> None:
    command.run_folder.mkdir(parents=True)
    (command.run_folder / "thesis.doc").write_text("important")

    error = command.fails(command.file(HEADER + ROW), options=options)

    assert "thesis.doc" in error
    assert "choose another" in error


@pytest.mark.parametrize("below", ["", "/run"])
def test_a_file_where_the_run_should_be(command: Command, below: str) -> None:
    path = command.file(HEADER + ROW)
    command.run_folder = Path(path + below)

    error = command.fails(path)

    assert path in error
    assert "choose another" in error


def test_a_failed_overwrite_leaves_the_run_alone(command: Command) -> None:
    command.run_folder.parent.mkdir(parents=True)
    write_run(command.run_folder, OLD)

    error = command.fails(command.file(HEADER + "a,b\n" * 3), options=("--overwrite",))

    assert "3 of 3 records were rejected" in error


# Beam's options.


def test_a_runner_that_is_not_there(command: Command) -> None:
    error = command.fails(command.file(HEADER + ROW), options=("--", "--runner=Zeppelin"))

    assert "Zeppelin" in error


# Functions of the definition.


def test_a_function_that_fails_or_returns_something_else(command: Command) -> None:
    path = command.file(HEADER + ROW * 3)
    bodies = {
        "raise KeyError('nope')": ["KeyError", "'nope'"],
        "return {'twice': [1.0]}": ["returned an array of 1 for 'twice', given a batch of 3"],
        "return {'other': [1.0, 2.0, 3.0]}": ["KeyError", "'twice'"],
        "return {'twice': ['a', 'b', 'c']}": ["twice"],
    }
    for body, parts in bodies.items():
        definition = command.definition(
            f"def twice(rows):\n    {body}\n"
            + ORDERS.replace(
                "row_time", 'derive=[Derive(twice, ["amount"], {"twice": Number()})], row_time'
            )
        )
        error = command.fails(path, definition=definition)
        assert ":twice" in error
        for part in parts:
            assert part in error, body


# As people start it.


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--max-reject-fraction", "2"], "2"),
        (["--max-record-bytes", "0"], "0"),
        (["--shards", "many"], "many"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_options_that_cannot_be(
    command: Command, capfd: pytest.CaptureFixture[str], options: list[str], text: str
) -> None:
    arguments = ["--input", "x.csv", "--output", str(command.run_folder), *options]
    with pytest.raises(SystemExit, match="2"):
        main(["preprocess", "x.py", *arguments])
    lines = capfd.readouterr().err.splitlines()

    assert sum("error:" in line for line in lines) == 1
    assert text in lines[-1]
    assert not command.run_folder.exists()


def test_a_parameter_of_no_query(command: Command) -> None:
    parameter = ("--query-parameter", "since:DATE:2024-01-01")

    for given in (command.file(HEADER + ROW), "bigquery://p.d.t"):
        error = command.fails(given, options=parameter)
        assert "--query-parameter 'since:DATE:2024-01-01' is a query's, and none is read" in error
        assert "--input bigquery-query:FILE.sql, or leave the parameter out" in error


def test_the_module_says_what_the_command_says(
    command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    from forebay.pipelines.module import main as module_main

    error = command.fails("nowhere.csv")

    arguments = ["--input", "nowhere.csv", "--output", str(command.run_folder)]
    assert module_main([command.definition(), *arguments]) == 2
    assert capfd.readouterr().err.endswith(error)


def test_debug_shows_the_traceback(command: Command, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["--input", "nowhere.csv", "--output", str(command.run_folder), "--debug"]

    assert main(["preprocess", command.definition(), *arguments]) == 2
    err = capfd.readouterr().err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("error: ")
