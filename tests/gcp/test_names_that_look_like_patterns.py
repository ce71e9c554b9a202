"""Files on stores whose names look like patterns: found, read and checked by their names."""

from __future__ import annotations

from typing import Any

import pytest
from pyarrow import fs

from forebay.pipelines.sources.files import file_systems, find_files
from forebay.transforms.errors import InputError

pytestmark = pytest.mark.gcp


def put(path: str, content: bytes, emulators: Any) -> None:
    if path.startswith("gs://"):
        with file_systems(path).create(path) as sink:
            sink.write(content)
        return
    scheme, _, place = emulators.s3.partition("://")
    system = fs.S3FileSystem(
        access_key="none", secret_key="none", endpoint_override=place, scheme=scheme,
        allow_bucket_creation=True, allow_delayed_open=True,
    )  # fmt: skip
    system.create_dir("tables")
    with system.open_output_stream(path.removeprefix("s3://"), compression=None) as sink:
        sink.write(content)


@pytest.mark.usefixtures("in_emulators")
@pytest.mark.parametrize("store", ["s3", "gs"])
def test_a_file_is_found_by_its_name_before_any_pattern(store: str, emulators: Any) -> None:
    folder = f"{store}://{'tables' if store == 's3' else emulators.bucket}/odd"
    # The stand-in for Cloud Storage gives links to contents in which a ? is not quoted.
    names = ["day1.csv", "day[1].csv", "day[12]*.csv", *(["why?.csv"] if store == "s3" else [])]
    for name in names:
        put(f"{folder}/{name}", name.encode(), emulators)

    def found(pattern: str) -> list[str]:
        files = find_files([f"{folder}/{pattern}"])
        for file in files:
            assert file.open().read().decode() == file.path.rpartition("/")[2]
            file.check_unchanged()
        return [file.path.rpartition("/")[2] for file in files]

    for name in names:
        assert found(name) == [name]
    assert found("*.csv") == sorted(names)
    assert found("day[12].csv") == ["day1.csv"]

    (file,) = find_files([f"{folder}/day[1].csv"])
    put(f"{folder}/day[1].csv", b"longer than it was", emulators)
    with pytest.raises(InputError, match="the file has changed"):
        file.check_unchanged()
