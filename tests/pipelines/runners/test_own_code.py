"""The code of a definition as a wheel: what travels, what stays, and that it works elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from made_runs import make_dataset

from forebay.pipelines.runners import own_code
from forebay.pipelines.runners.own_code import pack_own_code
from forebay.storage.run.definition_files import load_definition
from forebay.transforms.definition.dataset import Dataset
from forebay.transforms.errors import InputError

DEFINITION = """
import pyarrow as pa
import pyarrow.compute as pc
from pathlib import Path
from shop_words import SIGN
from shop_parts.factors import factor
from forebay import Dataset, Derive, HashSplit, Integer, Number, Numeric, Regression


def priced(rows: pa.RecordBatch) -> dict[str, pa.Array]:
    table = float(Path(__file__).with_name("rates.txt").read_text())
    return {"price": pc.multiply(rows["weight"], table * factor() * SIGN)}


shop = Dataset(
    name="shop",
    columns={"id": Integer(required=True), "weight": Number(), "days": Number()},
    derive=[Derive(priced, ["weight"], {"price": Number()})],
    features=[Numeric("price")],
    label=Regression("days"),
    split=HashSplit("id", train=80, eval=10, test=10),
)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("definition")


@pytest.fixture(scope="module")
def shop(folder: Path) -> Dataset:
    (folder / "shop_parts").mkdir()
    (folder / "shop.py").write_text(DEFINITION)
    (folder / "shop_words.py").write_text("SIGN = -1\n")
    (folder / "shop_parts" / "__init__.py").write_text("")
    (folder / "shop_parts" / "factors.py").write_text("def factor():\n    return 3\n")
    (folder / "rates.txt").write_text("2.5")
    (folder / "rows.csv").write_text("id,weight,days\n1,2,3\n")
    (folder / "notes").mkdir()
    (folder / "notes" / "long.txt").write_text("no module's")
    (folder / ".env").write_text("TOKEN=secret")
    (folder / "key.json").write_text(json.dumps({"type": "x", "private_key": "secret"}))
    (folder / "table.bin").write_bytes(bytes(own_code.MOST_BYTES + 1))
    return load_definition(str(folder / "shop.py"))


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_modules_and_files_beside_them_travel_but_no_tables_and_no_keys(
    shop: Dataset, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = pack_own_code(shop, tmp_path, without=[str(folder / "rows.csv")])
    assert wheel is not None
    assert names(wheel) == {
        "shop.py", "shop_words.py", "rates.txt", "shop_parts/__init__.py", "shop_parts/factors.py",
    }  # fmt: skip
    told = capsys.readouterr().err
    assert "key.json seems to hold a key, a token or a password, so it stays here" in told
    assert "table.bin has 16,777,217 bytes" in told
    assert b"secret" not in wheel.read_bytes()


@pytest.mark.parametrize(
    ("name", "text", "stays"),
    [
        ("credentials", "[default]\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG\n", True),
        ("aws.txt", "the key is AKIAIOSFODNN7EXAMPLE.", True),
        ("hub.toml", f'where = "x"\nvalue = "hf_{"a" * 34}"\n', True),
        ("oauth.json", '{"type": "x", "access_token": "ya29.short"}', True),
        ("client.yaml", "name: shop\nclient_secret: 4f9a0c11b2\n", True),
        ("server.ini", "user=me\npassword=correct-horse\n", True),
        ("id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----\n", True),
        ("settings.py", 'API_KEY = "0123456789abcdef"\n', True),
        (
            "asks.py",
            'import os\npassword = os.environ["SHOP_PASSWORD"]\napi_key = read_key()\n',
            False,
        ),
        ("words.py", 'token = "<missing>"\nkeys = {"private": 1}\n', False),
        ("rates.csv", "token,price\nabcdefghij,2\n", False),
    ],
)
def test_a_secret_stays_and_what_only_speaks_of_one_travels(
    shop: Dataset, folder: Path, tmp_path: Path, name: str, text: str, stays: bool
) -> None:
    (folder / name).write_text(text)
    try:
        wheel = pack_own_code(shop, tmp_path)
    finally:
        (folder / name).unlink()
    assert wheel is not None
    assert (name not in names(wheel)) == stays


def test_the_same_files_make_the_same_wheel_and_others_another(
    shop: Dataset, folder: Path, tmp_path: Path
) -> None:
    wheels = []
    for number, rate in enumerate(("3.5", "2.5", "2.5")):
        (folder / "rates.txt").write_text(rate)
        (tmp_path / str(number)).mkdir()
        wheels.append(pack_own_code(shop, tmp_path / str(number)))
    third, first, second = (wheel for wheel in wheels if wheel is not None)
    assert first.name == second.name != third.name
    assert first.read_bytes() == second.read_bytes()


def test_a_fresh_environment_installs_the_wheel_and_calls_the_function(
    shop: Dataset, tmp_path: Path
) -> None:
    wheel = pack_own_code(shop, tmp_path)
    assert wheel is not None
    there = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target",
         str(there), str(wheel)],
        check=True,
    )  # fmt: skip
    code = (
        "import pyarrow as pa, shop; "
        "print(shop.priced({'weight': pa.array([2.0])})['price'].to_pylist())"
    )
    worker = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(there)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (worker.returncode, worker.stdout.strip()) == (0, "[-15.0]"), worker.stderr


def test_a_definition_without_functions_needs_no_code(tmp_path: Path) -> None:
    assert pack_own_code(make_dataset("regression"), tmp_path) is None


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}_functions.py").write_text("def f(rows):\n    return {}\n")
        (folder / "shared.py").write_text("")
    definition = (
        DEFINITION.replace("from shop_words import SIGN", "import sys")
        .replace("from shop_parts.factors import factor", "")
        .replace(
            'derive=[Derive(priced, ["weight"], {"price": Number()})]',
            'derive=[Derive("one_functions:f", ["weight"], {"price": Number()}), '
            'Derive("two_functions:f", ["weight"], {"cost": Number()})]',
        )
    )
    (tmp_path / "both.py").write_text(definition)
    sys.path[:0] = [str(tmp_path / "one"), str(tmp_path / "two")]
    dataset = load_definition(str(tmp_path / "both.py"))
    with pytest.raises(InputError, match=r"would be one file on the workers; rename one"):
        pack_own_code(dataset, tmp_path)
