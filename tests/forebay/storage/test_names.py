"""Places that files are kept in: local ones and object stores, and no address that hides one."""

from __future__ import annotations

from pathlib import Path

import pytest

from forebay.storage.names import check_place
from forebay.storage.run.exported import newest_model
from forebay.storage.run.run_folder import open_run
from forebay.transforms.errors import ForebayError, InputError


@pytest.mark.parametrize("path", ["runs/a", "/runs/a", ".", "gs://bucket/run", "a:b"])
def test_places_that_are_kept(path: str) -> None:
    check_place(path)


@pytest.mark.parametrize(
    ("path", "cure"),
    [
        ("file:///tmp/run", "write '/tmp/run'"),
        ("http://host/run", "name a folder"),
        ("s3://bucket/run", "name a folder, or such as gs://bucket/run"),
        ("hdfs://host/run", "name a folder, or such as gs://bucket/run"),
        ("bogus://x", "name a folder"),
    ],
)
def test_addresses_of_no_store_are_refused(path: str, cure: str) -> None:
    with pytest.raises(InputError, match=cure):
        check_place(path)


def test_a_run_is_not_opened_by_its_address(tmp_path: Path) -> None:
    for opened in (open_run, newest_model):
        with pytest.raises(ForebayError, match="no run and no model is kept at file://"):
            opened(f"file://{tmp_path}")
