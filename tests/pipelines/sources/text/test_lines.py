from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.pipelines.sources.text import lines
from forebay.pipelines.sources.text.lines import line_of, offset_of_line


def starts(text: bytes) -> list[int]:
    """Where each line of a text starts, said by a regular expression."""
    return [0, *(found.end() for found in re.finditer(rb"\r\n|\r|\n", text))]


@pytest.fixture(params=[1, 2, 3, 1 << 20])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(lines, "_BLOCK", request.param)
    return int(request.param)


@pytest.mark.usefixtures("block")
def test_offsets_and_lines_of_every_mixture_of_line_ends() -> None:
    @given(st.lists(st.sampled_from([b"a", b"bc", b"\r", b"\n", b"\r\n"])).map(b"".join))
    def check(text: bytes) -> None:
        wanted = starts(text)
        for number, offset in enumerate(wanted, start=1):
            assert offset_of_line(io.BytesIO(text), number) == offset
        assert offset_of_line(io.BytesIO(text), len(wanted) + 1) is None
        assert line_of(io.BytesIO(text), wanted) == {
            offset: number for number, offset in enumerate(wanted, start=1)
        }

    check()
