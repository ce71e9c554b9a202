"""Workers of other versions are told apart by the package."""

from __future__ import annotations

import pytest

from forebay.pipelines.runners.dataflow.versions import check_versions
from forebay.pipelines.runners.versions import versions
from forebay.transforms.errors import InputError


def test_the_same_versions_are_fine() -> None:
    mine = versions()
    assert set(mine) > {"forebay", "tensorflow"}
    assert "none" not in mine.values()
    check_versions(mine)


def test_what_differs_is_told_with_both_versions() -> None:
    mine = versions()
    told = rf"\(tensorflow {mine['tensorflow']} there, 1\.15\.0 here; keras2 none there, 3 here\)"
    with pytest.raises(InputError, match=told):
        check_versions(mine | {"tensorflow": "1.15.0", "keras2": "3"})
