"""Tables on S3, against a stand-in: the same rows as from a disk, and what goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import fs
from table_kinds import TABLE, WRITERS, make_records

from forebay.cli import main
from forebay.pipelines.sources.batches import read_batches
from forebay.pipelines.sources.files import find_files
from forebay.pipelines.sources.kinds import open_input
from forebay.transforms.definition.identity import ROW
from forebay.transforms.errors import InputError

pytestmark = pytest.mark.gcp

RECORDS = make_records()
DEFINITION = str(Path(__file__).parents[1] / "golden" / "readings.definition.json")


class Bucket:
    """A bucket of the stand-in."""

    def __init__(self, address: str) -> None:
        scheme, _, place = address.partition("://")
        self.system = fs.S3FileSystem(
            access_key="none", secret_key="none", endpoint_override=place, scheme=scheme,
            allow_bucket_creation=True, allow_delayed_open=True,  # no upload in parts, then
        )  # fmt: skip
        self.system.create_dir("tables")

    def put(self, name: str, content: bytes) -> str:
        with self.system.open_output_stream(f"tables/{name}", compression=None) as sink:
            sink.write(content)
        return f"s3://tables/{name}"


@pytest.fixture
def bucket(emulators: Any, in_emulators: Any) -> Bucket:
    return Bucket(emulators.s3)


def rows(*patterns: str) -> list[dict[str, Any]]:
    opened = [open_input(file, TABLE) for file in find_files(patterns)]
    found = pa.Table.from_batches([read.rows for read in read_batches(opened, TABLE, 1 << 20)])
    return found.drop_columns([ROW]).to_pylist()


@pytest.mark.parametrize("kind", WRITERS)
def test_every_kind_is_read_as_from_a_disk(bucket: Bucket, kind: str, tmp_path: Path) -> None:
    local = tmp_path / f"table.{kind}"
    WRITERS[kind](RECORDS, local)
    assert rows(bucket.put(local.name, local.read_bytes())) == rows(str(local))


def test_patterns_are_those_of_other_stores(bucket: Bucket) -> None:
    for name in ("a/1.csv", "a/2.csv", "a/b/3.csv", "a/4.txt", "other/5.csv"):
        bucket.put(f"many/{name}", b"x")

    def found(pattern: str) -> list[str]:
        start = "s3://tables/many/"
        return [file.path.removeprefix(start) for file in find_files([start + pattern])]

    assert found("a/*.csv") == ["a/1.csv", "a/2.csv"]
    assert found("a/**.csv") == ["a/1.csv", "a/2.csv", "a/b/3.csv"]
    assert found("*/[15].csv") == ["a/1.csv", "other/5.csv"]
    assert found("a/4.txt") == ["a/4.txt"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("s3://tables/nothing.csv", "matches no file"),
        ("s3://tables/none-*.csv", "matches no file"),
        ("s3://nowhere/rows-*.csv", "matches no file|NO_SUCH_BUCKET"),
    ],
)
def test_what_is_not_there_is_told(bucket: Bucket, path: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        find_files([path])
    assert "\n" not in str(error.value)


def test_a_server_that_does_not_answer_is_told(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(InputError, match=r"cannot be read .*check the path and its perm") as error:
        find_files(["s3://tables/rows.csv"])
    assert "\n" not in str(error.value)


def test_a_file_that_is_written_meanwhile_is_noticed(bucket: Bucket) -> None:
    path = bucket.put("changing.csv", b"a,b\n1,2\n")
    (file,) = find_files([path])
    file.check_unchanged()
    bucket.put("changing.csv", b"a,b\n1,2\n3,4\n")
    with pytest.raises(InputError, match="the file has changed"):
        file.check_unchanged()
    bucket.system.delete_file("tables/changing.csv")
    with pytest.raises(InputError, match="the file is gone"):
        file.check_unchanged()


def test_init_drafts_of_it_and_a_run_is_not_kept_there(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"2024-05-{i % 28 + 1:02},s{i % 5},{i % 13}.5\n" for i in range(300))
    path = bucket.put("sales.csv", f"day,shop,amount\n{rows}".encode())
    assert main(["init", path, "--label", "amount", "--output", "sales.py"]) == 0
    assert '"day": fb.' in Path("sales.py").read_text()
    capsys.readouterr()
    assert main(["preprocess", DEFINITION, "--input", path, "--output", "s3://tables/run"]) == 2
    assert "no run and no model is kept at s3:// addresses" in capsys.readouterr().err
